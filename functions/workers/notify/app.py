"""The event bus: tell the people who look after hooks that one was disabled, or fails."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import notify


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Tell of an event; what fails is tried again by Lambda, then kept in EventFailures."""
    return {"told": notify.tell(event["detail"])}
