"""Daily: remove for good what was deleted long ago."""

from __future__ import annotations

from typing import Any

from sheaf import settings
from sheaf.submissions import clearing, purge


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Purge; an event {"retentionDays": n} (by hand) overrides the stack's parameter."""
    days = event.get("retentionDays", settings.RETENTION_DAYS)
    clearing.run(days)
    return {"purged": purge.run(days)}
