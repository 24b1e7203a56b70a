"""The event bus: encrypt the forms of a project that has just been given a key."""

from __future__ import annotations

from typing import Any

from sheaf.forms import activation


def handler(event: dict[str, Any], _context: Any) -> None:
    """Do what the request has left; what fails is tried again by Lambda, then kept in EventFailures."""
    activation.resume(event["detail"])
