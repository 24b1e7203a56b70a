"""Writing an answer of a feed, from wherever the last worker came to.

Unlike an export it is one text, written from its beginning to its end. Between two of its pieces
all is kept every so often, and who follows goes on with the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from sheaf.exports.bucket import Gzip
from sheaf.exports.jobs import Job, Lease
from sheaf.exports.workpiece import Workpiece

# What there is to know to go on with an answer, as JSON can hold it; `again` is how many of the
# submissions that were looked at will be once more.
Reached = dict[str, Any]


class Written(Protocol):
    """An answer that is written by and by."""

    def write(self) -> Iterator[str]:
        """Give it, or what is left of it, in pieces, of which some may be empty."""

    def reached(self) -> Reached:
        """Tell how far the pieces that were given have come."""

    def expected(self) -> int:
        """Count the submissions that may be looked at, of which some may have been."""


# Gives the answer that a job is about, or what is left of it after what was reached; it calls the
# function for every submission that it looks at.
Feed = Callable[[Job, Callable[[], None], Reached | None], Written]


class OverError(Exception):
    """Time is up."""


class EndlessError(Exception):
    """A worker's time was not enough for a single piece."""


class Feeding:
    """An answer under way.

    Args:
        job, lease: of whom.
        feed: gives the answer.
        over: whether time is up.
    """

    def __init__(self, job: Job, lease: Lease, feed: Feed, over: Callable[[], bool]) -> None:
        self._job, self._lease, self._over = job, lease, over
        self._piece = Workpiece(job, lease)
        if self._piece.lost:
            self._piece.begin_again()
            self._piece.told = {}
        told = self._piece.told
        self._looks: int = told.get("rows", 0)
        self._expected: int | None = job.expected
        self._answer = feed(job, self._heed, told.get("reached"))
        write = self._piece.result.write
        self._gzip = Gzip(write, told.get("gzip")) if job.feed["compressed"] else None

    @property
    def rows(self) -> int:
        """How many submissions were looked at.

        For another order than by age, each worker looks at all before it goes on.
        """
        return min(self._looks, self._expected or 0)

    def finished(self) -> bool:
        """Work until the answer is written (True), or time is up.

        Raises:
            EndlessError: not a piece could be written until then.
        """
        if self._piece.complete:
            self._looks = self._job.rows
            return True
        if self._expected is None:
            self._expected = self._answer.expected()
            self._lease.save([Job.expected.set(self._expected)])
        if not self._written():
            return False
        if self._gzip:
            self._gzip.finish()
        self._lease.save([Job.rows.set(self.rows)])
        self._piece.result.finish()
        return True

    def _written(self) -> bool:
        """Write pieces until there are no more (True), or time is up."""
        rows: int | None = None
        try:
            for text in self._answer.write():
                self._write(text.encode())
                rows, over = self.rows, self._over()
                if over or self._piece.due:
                    self._keep(rows)
                if over:
                    return False
        except OverError:
            if rows is None:
                raise EndlessError from None
            self._keep(rows)
            return False
        return True

    def _write(self, data: bytes) -> None:
        if self._gzip:
            self._gzip.write(data)
        else:
            self._piece.result.write(data)

    def _keep(self, rows: int) -> None:
        gzip, reached = self._gzip.cut() if self._gzip else None, self._answer.reached()
        state = {"rows": rows - reached["again"], "reached": reached, "gzip": gzip}
        self._piece.keep(state, rows)

    def _heed(self) -> None:
        self._looks += 1
        self._lease.ensure()
        if self._over():
            raise OverError
