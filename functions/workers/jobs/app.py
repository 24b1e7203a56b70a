"""The event bus: do what was asked for many deliveries of a hook."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import redelivery


def handler(event: dict[str, Any], _context: Any) -> None:
    """Do a job; what fails is tried again by Lambda from where it stopped, then by the sweep."""
    redelivery.run(event["detail"]["hookId"], event["detail"]["jobId"])
