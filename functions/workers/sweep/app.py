"""Every minute: wake the deliveries that a crash, a lost message or a long wait has left."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import sweep


def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Sweep; what is left over the next one takes up."""
    return {**sweep.run()}
