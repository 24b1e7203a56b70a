"""The rows of a table, by the page: `$top`, `$skip`, `$count`, and where the next page begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from sheaf.data import values
from sheaf.data.eventhash import Seen
from sheaf.data.filter import Filter
from sheaf.data.tables import Table
from sheaf.data.values import Record
from sheaf.odata import rows
from sheaf.odata.options import Options
from sheaf.odata.reading import Candidate, Source
from sheaf.odata.rows import Place
from sheaf.odata.tokens import Token
from sheaf.problems import RowUnknown


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        candidate: the submission that it belongs to.
        place: where it stands; None when the submission is encrypted.
    """

    candidate: Candidate
    place: Place | None


@dataclass(frozen=True)
class Paging:
    """The rows of a table that a request is about.

    Attributes:
        table: which.
        source: the submissions that may have some.
        filter: one that decides over single rows of a repeat, if that is asked.
        within: how many tables there are above that of a row to which the rows must belong, and
            its `__id`.
        seen: the submissions that the rows given so far rest on.
    """

    table: Table
    source: Source
    filter: Filter | None = None
    within: tuple[int, str] | None = None
    seen: Seen = field(default_factory=Seen)

    def hashed(self, options: Options) -> bool:
        """Whether it is known without any data on which submissions a page rests.

        By age it is, unless a filter looks into them. Rows of repeats must not be parted in pages.
        """
        if self.filter is not None or self.source.looks_inside or self.source.order.clauses:
            return False
        return self.table.parent is None or (options.top is None and options.token is None)

    def look(self, options: Options) -> tuple[Seen, bool]:
        """Give the submissions of such a page, and whether there are more after it."""
        seen, top = Seen(), options.top
        found = self._candidates(options, data=False)
        seen.take(candidate.told for candidate in islice(found, top))
        return seen, bool(top) and next(found, None) is not None

    def rows(self, options: Options) -> Iterator[Row]:
        """Give the rows from where the page begins, without an end.

        Raises:
            RowUnknown (400.34): the token of a table of a repeat does not tell where that is.
        """
        token = options.token
        if self.table.parent is None:
            for number, candidate in enumerate(self._candidates(options)):
                if options.top is None or number < options.top:
                    self.seen.take((candidate.told,))
                yield _row(candidate)
            return
        if token is not None and not token.id:
            raise RowUnknown
        found = self._noted(self._candidates(options))
        yield from islice(self._inner(found, token), options.skip, None)

    def _candidates(self, options: Options, *, data: bool = True) -> Iterator[Candidate]:
        """Give the submissions from where the page begins."""
        token, rooted = options.token, self.table.parent is None
        if token is not None and not token.id:
            return iter(())
        return self.source.after(
            token,
            within=not rooted,
            skip=options.skip if rooted else 0,
            expected=None if options.top is None else options.top + 1,
            data=data,
        )

    def _noted(self, found: Iterator[Candidate]) -> Iterator[Candidate]:
        for candidate in found:
            self.seen.take((candidate.told,))
            yield candidate

    def count(self) -> int:
        """Count all rows, wherever the page begins."""
        if self.table.parent is None:
            return self.source.count()
        found = self.source.after(None, within=False)
        if self.within is not None:
            return sum(1 for _ in self._inner(found, None))
        return sum(
            self._passes(candidate, record)
            for candidate in found
            for record in values.rows(self.table, candidate.rows()[0])
        )

    def token(self, row: Row) -> Token:
        """Tell where a page ends that ends with a row."""
        told = row.candidate.told
        keys = self.source.order.keys(told)
        if self.table.parent is None or row.place is None:
            return Token(told.id, (), keys, {"instanceId": told.root_id})
        return Token(told.id, row.place.numbers, keys, {"repeatId": row.place.id})

    def _inner(self, found: Iterator[Candidate], token: Token | None) -> Iterator[Row]:
        """Give the rows of a repeat, from the one after the token's."""
        for candidate in found:
            last = token.row if token is not None and candidate.told.id == token.id else ()
            if candidate.record is None:
                continue
            above = rows.top(candidate.record, candidate.told.root_id)
            for place in rows.places(self.table, above):
                belongs = self.within is None or place.ids[self.within[0]] == self.within[1]
                if place.numbers > last and belongs and self._passes(candidate, place.record):
                    yield Row(candidate, place)

    def _passes(self, candidate: Candidate, record: Record) -> bool:
        if self.filter is None:
            return True
        root, _ = candidate.rows()
        return self.filter.matches(candidate.told, lambda: (root, record))


def _row(candidate: Candidate) -> Row:
    record = candidate.record
    place = None if record is None else rows.top(record, candidate.told.root_id)
    return Row(candidate, place)
