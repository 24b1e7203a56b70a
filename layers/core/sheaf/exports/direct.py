"""Making an export within a request, in memory."""

from __future__ import annotations

from sheaf.exports.export import Export
from sheaf.exports.plan import Plan
from sheaf.exports.spool import Memory


def make(plan: Plan) -> bytes:
    """Make an export."""
    made = bytearray()
    for _ in Export(plan, Memory()).steps(made.extend):
        pass
    return bytes(made)
