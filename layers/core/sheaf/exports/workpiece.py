"""What a job makes, and what is kept of it, so that another worker can go on from there."""

from __future__ import annotations

from typing import Any

from sheaf import clock
from sheaf.exports.bucket import Result, Spooled
from sheaf.exports.jobs import Job, Lease
from sheaf.exports.state import TAIL

# All is kept after so many micros, or when so many bytes are held.
EVERY = 15_000_000
HELD = 16 << 20


class Workpiece:
    """A job's result and spool, as they were when the last worker kept them.

    Attributes:
        told: what was kept of how far it has come; {} at the beginning.
        complete: whether an earlier worker came to the end, and could only not say so.
        lost: whether what was made of the result is gone, without the result being there.
    """

    def __init__(self, job: Job, lease: Lease) -> None:
        kept = job.progress or {}
        self.told: dict[str, Any] = kept.get("state", {})
        self.spool = Spooled(job.prefix, kept.get("chunks", {}), lease.ensure)
        held = b"".join(self.spool.read(TAIL))
        self.result = Result(job.result, lease.ensure, kept.get("upload", ("", 0)), held)
        gone = not self.result.standing()
        self.complete = gone and self.result.written()
        self.lost = gone and not self.complete
        self._job, self._lease = job, lease
        self._kept_at = clock.micros()

    def begin_again(self) -> None:
        """Make the result anew; the spool stays."""
        self.spool.drop(TAIL)
        self.result = Result(self._job.result, self._lease.ensure)

    @property
    def due(self) -> bool:
        """Whether it is time to keep all."""
        return clock.micros() - self._kept_at > EVERY or self.spool.size > HELD

    def keep(self, state: dict[str, Any], rows: int) -> None:
        """Keep what was made: how far it has come, as JSON can hold it, in so many rows."""
        upload, tail = self.result.cut()
        self.spool.drop(TAIL)
        self.spool.add(TAIL, tail)
        progress = {"chunks": self.spool.flush(), "state": state, "upload": upload}
        self._lease.save([Job.progress.set(progress), Job.rows.set(rows), Job.tries.set(0)])
        self._kept_at = clock.micros()
