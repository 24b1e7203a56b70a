"""The event bus: find the hooks that want an event, and wake their deliveries."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import match


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Match an event; what fails is tried again by Lambda, then kept in EventFailures."""
    return {"deliveries": match.run(event["detail"])}
