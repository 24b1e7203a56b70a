"""Reading the submissions that a table is made of: in order, and no more of them than it takes.

By age, which is the order of the table itself, reading begins where the last page ended, so a page
costs what it gives, however deep it is. Any other order has to look at all submissions first, but
not at their data.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from sheaf.data import stored
from sheaf.data.bounds import Bounds
from sheaf.data.extraction import Extraction
from sheaf.data.filter import Filter
from sheaf.data.members import Rows
from sheaf.data.record import ABOUT, ALL, Stored
from sheaf.data.stored import Range
from sheaf.data.values import Record
from sheaf.forms.forms import Form
from sheaf.odata.order import Entry, Order
from sheaf.odata.tokens import Token
from sheaf.submissions import location
from sheaf.submissions.records import TRASH

# Called for every submission that is looked at; ends the reading by an exception of its own.
Heed = Callable[[], None]
_NOTHING = Record()
# So many are fetched at once when they are not read in the order of the table.
_CHUNK = 100


class Candidate:
    """A submission, its data taken out when they are looked at."""

    def __init__(self, told: Stored, extraction: Extraction) -> None:
        self.told = told
        self._extraction = extraction

    @cached_property
    def record(self) -> Record | None:
        """Its row of the root table; None when it is encrypted."""
        record = self._extraction.read(self.told.text)
        self.told.release()
        return record

    def rows(self) -> Rows:
        """Give its row to a filter of submissions."""
        record = self.record or _NOTHING
        return record, record


class Source(Protocol):
    """Where the submissions of a table come from."""

    @property
    def order(self) -> Order:
        """Their order."""

    @property
    def looks_inside(self) -> bool:
        """Whether it takes their data to tell which they are."""

    def after(
        self,
        token: Token | None,
        *,
        within: bool,
        skip: int = 0,
        expected: int | None = None,
        data: bool = True,
    ) -> Iterator[Candidate]:
        """Give submissions; see `Many.after`."""

    def count(self) -> int:
        """Count the submissions."""

    def expected(self) -> int:
        """Count those that have to be looked at to give all, each as often as that is done."""


@dataclass(frozen=True)
class One:
    """A single submission."""

    candidate: Candidate
    filter: Filter | None
    order: Order

    @property
    def looks_inside(self) -> bool:
        """Whether the filter looks at its data."""
        return self.filter is not None and bool(self.filter.paths)

    def after(
        self,
        token: Token | None,
        *,
        within: bool,
        skip: int = 0,
        expected: int | None = None,
        data: bool = True,
    ) -> Iterator[Candidate]:
        """Give it, unless it does not pass, or the last page has ended with it."""
        del expected, data
        if self.count() and not skip and (within or token is None):
            yield self.candidate

    def count(self) -> int:
        """Tell whether it passes: 1 or 0."""
        passes = self.filter is None or self.filter.matches(
            self.candidate.told, self.candidate.rows
        )
        return int(passes)

    def expected(self) -> int:
        """Tell that there is nothing to look for."""
        return 0


@dataclass(frozen=True)
class Many:
    """The submissions of a form, or of its draft.

    Attributes:
        form, draft: which.
        extraction: takes out their data.
        bounds: where they can lie, if there is a filter.
        filter: one that decides over submissions, if there is such.
        order: in which they are given.
        heed: see Heed.
    """

    form: Form
    draft: bool
    extraction: Extraction
    bounds: Bounds | None
    filter: Filter | None
    order: Order
    heed: Heed

    def after(
        self,
        token: Token | None,
        *,
        within: bool,
        skip: int = 0,
        expected: int | None = None,
        data: bool = True,
    ) -> Iterator[Candidate]:
        """Give submissions.

        Args:
            token: where the last page ended; None to begin at the first.
            within: it may have ended within a submission, which then comes once more.
            skip: how many to leave out.
            expected: about how many will be taken; None for all.
            data: with their data; without, what the server knows of them is read alone, where
                they come by age and nothing looks inside.
        """
        if self.order.clauses:
            return self._sorted(token, within=within, skip=skip)
        wanted = self._range(token, within=within)
        if skip and not self.looks_inside:
            last = self._last_of(skip, wanted)
            if last is None:
                return iter(())
            wanted, skip = self._beyond(wanted, last), 0
        attributes = ALL if data else self._needed
        found = self._matching(wanted, attributes, expected=None if skip else expected)
        return _leaving_out(found, skip)

    def count(self) -> int:
        """Count the submissions, reading of them what the filter looks at."""
        wanted = self._range(None, within=False)
        if self.filter is None:
            return stored.count(wanted)
        return sum(1 for _ in self._matching(wanted, self._needed))

    def expected(self) -> int:
        """Count those that have to be looked at, in another order than by age twice."""
        looks = 2 if self.order.clauses else 1
        return looks * stored.count(self._range(None, within=False))

    @property
    def looks_inside(self) -> bool:
        """Whether the filter looks at their data."""
        return self.filter is not None and bool(self.filter.paths)

    @property
    def _needed(self) -> Collection[str]:
        return ALL if self.looks_inside else ABOUT

    @property
    def _partitions(self) -> list[str]:
        live = location.partition_of(self.form, draft=self.draft)
        if self.draft or self.bounds is None:
            return [live]
        return [live] * self.bounds.live + [TRASH] * self.bounds.trashed

    def _range(self, token: Token | None, *, within: bool) -> Range:
        bounds = self.bounds or Bounds()
        since = "" if bounds.since is None else f"{bounds.since:016d}"
        until = "" if bounds.until is None else f"{bounds.until:016d}"
        wanted = Range(self.form, self._partitions, since, until)
        return wanted if token is None else self._beyond(wanted, token.id, with_it=within)

    def _beyond(self, wanted: Range, last: str, *, with_it: bool = False) -> Range:
        """Give the part of a range that comes after an id, or begins with it."""
        # What begins with an id is the id itself, and comes before the id and a `~`.
        after = f"{last}~"
        if self.order.descending:
            end = after if with_it else last
            return replace(wanted, until=min(end, wanted.until or end))
        return replace(wanted, since=max(last if with_it else after, wanted.since))

    def _matching(
        self, wanted: Range, attributes: Collection[str], *, expected: int | None = None
    ) -> Iterator[Candidate]:
        """Give the submissions that pass, by age."""
        for told in self._read(wanted, attributes, expected):
            self.heed()
            candidate = Candidate(told, self.extraction)
            if self.filter is None or self.filter.matches(told, candidate.rows):
                yield candidate

    def _read(
        self, wanted: Range, attributes: Collection[str], expected: int | None
    ) -> Iterator[Stored]:
        """Read submissions: as many as are expected, and if more are needed after all, ahead."""
        read = stored.newest if self.order.descending else stored.oldest
        if expected is not None:
            share = stored.share(len(wanted.spans()), expected)
            left = 2 * expected + share
            for batch in read(wanted, attributes, size=share):
                yield from batch
                left -= len(batch)
                if left < 0:
                    wanted = self._beyond(wanted, batch[-1].id)
                    break
            else:
                return
        for batch in read(wanted, attributes):
            yield from batch

    def _last_of(self, count: int, wanted: Range) -> str | None:
        """Give the id of the last of so many submissions; None when there are no more."""
        for candidate in self._matching(wanted, ABOUT, expected=count):
            count -= 1
            if count == 0:
                return candidate.told.id
        return None

    def _sorted(self, token: Token | None, *, within: bool, skip: int) -> Iterator[Candidate]:
        deleted = set()
        entries: list[Entry] = []
        for candidate in self._matching(self._range(None, within=False), self._needed):
            told = candidate.told
            entries.append((told.id, self.order.keys(told)))
            if told.deleted_at is not None:
                deleted.add(told.id)
        self.order.sort(entries)
        if token is not None:
            last: Entry = (token.id, token.keys)
            entries = [
                entry
                for entry in entries
                if (within and entry[0] == token.id) or self.order.comes_after(entry, last)
            ]
        live = location.partition_of(self.form, draft=self.draft)
        for start in range(skip, len(entries), _CHUNK):
            ids = [id_ for id_, _ in entries[start : start + _CHUNK]]
            places = [(TRASH if id_ in deleted else live, id_) for id_ in ids]
            for told in stored.fetch(self.form, places):
                self.heed()
                yield Candidate(told, self.extraction)


def _leaving_out(found: Iterator[Candidate], skip: int) -> Iterator[Candidate]:
    for number, candidate in enumerate(found):
        if number >= skip:
            yield candidate
