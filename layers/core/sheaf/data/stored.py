"""Submissions in bulk: newest first over all shards, each read but as far as needed.

All shards are read side by side, each a page ahead. What they hold is merged by the page: an id is
given when no shard can hold a later one. The last id given is where reading can go on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sheaf.data.record import ALL, Stored
from sheaf.db import bulk, keys, reads
from sheaf.db.bulk import Page, Span
from sheaf.forms.forms import Form
from sheaf.submissions.records import Submission

# A page of a query is at most 1 MB whatever its limit; so many items rarely reach it.
LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Range:
    """Which submissions: of a form's partitions, created from `since` on and before `until`.

    `until` may be a submission's id, too: then those that come after it in the list.
    """

    form: Form
    partitions: Sequence[str]
    since: str = ""
    until: str = ""

    def spans(self) -> list[Span]:
        """Give the parts of the table that hold them."""
        return [
            Span(keys.submissions(self.form.id, partition, f"{shard:02x}"), self.since, self.until)
            for partition in self.partitions
            for shard in range(self.form.shards)
        ]


def newest(
    wanted: Range, attributes: Collection[str] = ALL, *, size: int | None = None
) -> Iterator[list[Stored]]:
    """Give submissions newest first, in batches of up to some thousands; none is empty.

    Args:
        wanted: which.
        attributes: what is read of them: ALL, ABOUT, LISTED or REVISIONS.
        size: how many to read at a time from each shard, when few are needed. Then nothing is read
            ahead.
    """
    return _batches(wanted, attributes, size, forward=False)


def oldest(
    wanted: Range, attributes: Collection[str] = ALL, *, size: int | None = None
) -> Iterator[list[Stored]]:
    """Give submissions oldest first; all else as with `newest`."""
    return _batches(wanted, attributes, size, forward=True)


def _batches(
    wanted: Range, attributes: Collection[str], size: int | None, *, forward: bool
) -> Iterator[list[Stored]]:
    spans = wanted.spans()
    if not spans:
        return
    with ThreadPoolExecutor(max_workers=len(spans)) as pool:
        runs = [_Run(pool, span, attributes, size, forward=forward) for span in spans]
        try:
            while batch := _merged(runs, forward=forward):
                yield batch
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def fetch(form: Form, places: Iterable[tuple[str, str]]) -> list[Stored]:
    """Give submissions by partition and id, in that order; those that are gone are left out."""
    refs = [Submission.ref(keys.submission(form.id, *place)) for place in places]
    return [Stored.of(each) for each in reads.fetch(refs) if each is not None]


def share(shards: int, count: int) -> int:
    """Give how many to ask each shard for, so that hardly ever one has to be asked again.

    Submissions fall into shards by chance: three standard deviations above the mean are enough.
    """
    mean = count / max(1, shards)
    return min(LARGEST_PAGE, math.ceil(mean + 3 * math.sqrt(mean)) + 1)


def count(wanted: Range) -> int:
    """Count submissions."""
    spans = wanted.spans()
    with ThreadPoolExecutor(max_workers=len(spans) or 1) as pool:
        return sum(pool.map(bulk.count, spans))


class _Run:
    """A shard that is being read: what has come of it, and the page that comes next."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        span: Span,
        attributes: Collection[str],
        size: int | None,
        *,
        forward: bool,
    ) -> None:
        self.held: list[Stored] = []
        self._pool, self._span, self._attributes, self._size = pool, span, attributes, size
        self._forward = forward
        self._next: Callable[[], Page] | None = self._ask(None)

    @property
    def more(self) -> bool:
        """Whether more may come than is held."""
        return self._next is not None

    def fill(self) -> None:
        """Wait for items, unless some are held or there are no more."""
        while not self.held and self._next is not None:
            page = self._next()
            self._next = None if page.last is None else self._ask(page.last)
            self.held = [Stored(raw) for raw in page.items]

    def take(self, end: str | None) -> list[Stored]:
        """Take what is held up to an id, and that too; all without one."""
        at = len(self.held)
        if end is not None and at and self._beyond(self.held[-1], end):
            at = next(index for index, each in enumerate(self.held) if self._beyond(each, end))
        taken, self.held = self.held[:at], self.held[at:]
        return taken

    def _beyond(self, told: Stored, end: str) -> bool:
        return told.id > end if self._forward else told.id < end

    def _ask(self, after: dict[str, Any] | None) -> Callable[[], Page]:
        """Ask for a page: at once, or where nothing is read ahead, when it is wanted."""

        def read() -> Page:
            return bulk.page(
                self._span, self._attributes, size=self._size, after=after, forward=self._forward
            )

        if self._size is not None and after is not None:
            return read
        return self._pool.submit(read).result


def _merged(runs: list[_Run], *, forward: bool) -> list[Stored]:
    """Give the next batch: all that comes before whatever has not come yet.

    What was moved between partitions while they were read may be in both: the later state counts.
    """
    for run in runs:
        run.fill()
    first = min if forward else max
    end = first((run.held[-1].id for run in runs if run.more), default=None)
    found = [each for run in runs for each in run.take(end)]
    found.sort(key=lambda stored: (stored.id, stored.revision))
    merged = list({stored.id: stored for stored in found}.values())
    return merged if forward else merged[::-1]
