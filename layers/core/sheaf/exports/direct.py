"""Making an export within a request, in memory, as long as it is small enough for that."""

from __future__ import annotations

from sheaf import clock
from sheaf.exports.export import Export
from sheaf.exports.plan import Plan
from sheaf.exports.spool import Memory

# What a request may take, of which there are 30 seconds: micros of reading, submissions, bytes in
# memory, and files with their bytes.
TIME = 10_000_000
ROWS = 50_000
BYTES = 64 << 20
FILES = 500


class OutgrownError(Exception):
    """The export is too large for its request."""


def make(plan: Plan) -> bytes:
    """Make an export.

    Raises:
        OutgrownError: it is too large.
    """
    # By then nothing else is held of it.
    return bytes(_made(plan))


def _made(plan: Plan) -> bytearray:
    made, spool = bytearray(), Memory()
    export, began = Export(plan, spool), clock.micros()
    for _ in export.steps(made.extend):
        files, size = export.state.listed
        if (
            clock.micros() - began > TIME
            or export.state.rows > ROWS
            or files > FILES
            or spool.size + size + len(made) > BYTES
        ):
            raise OutgrownError
    return made
