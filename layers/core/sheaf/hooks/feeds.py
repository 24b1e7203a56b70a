"""The outbox, read again: what has happened in a hook's form or project in a span of time.

The audit rows themselves are asked, never the archive of the bus: they are all there, in order, and
whoever reads them disturbs nobody. Rows of a kind of action lie together for the whole stack, so
the cost follows what happened in the stack in that time.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Any, Self

from sheaf import clock, fields
from sheaf.db import keys
from sheaf.db.audit import Audit
from sheaf.hooks import events
from sheaf.hooks.events import Event
from sheaf.hooks.records import ALL_FORMS, Hook

# What a look at a span reads at most, of all kinds and forms: some ten seconds' worth.
MOST_ROWS = 50_000
_SIDE_BY_SIDE = 8


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, from `start` (micros) up to `end`, that one not included."""

    start: int
    end: int

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """Read `start` and `end`, in ISO 8601; all that has been until now where they are absent.

        Raises:
            InvalidDataType: one is no time.
        """
        told = {name: fields.optional_text(said, name) for name in ("start", "end")}
        given = {name: text for name, text in told.items() if text is not None}
        start, end = fields.moment(given, "start"), fields.moment(given, "end")
        return cls(max(start or 0, 0), clock.micros() if end is None else max(end, 0))

    @property
    def keys(self) -> tuple[str, str]:
        """Sort keys of events between which those of the span lie, both included."""
        # Nothing sorts behind a moment's ids but before the next moment.
        return f"{self.start:016d}", f"{max(self.end - 1, 0):016d}~"


@dataclass(slots=True)
class Feed:
    """The events of a span that concern a hook, of some types, oldest first.

    `until` is the moment (micros) before which all have been given: the end of the span once they
    have been, or where the limit of rows was reached.
    """

    hook: Hook
    span: Span
    types: Collection[str]
    until: int = 0

    def __iter__(self) -> Iterator[Event]:
        """Give them."""
        for number, row in enumerate(self._rows()):
            self.until = keys.micros(row.sk)
            if number == MOST_ROWS:
                return
            if row.action in self.types and self._concerns(row):
                event = events.of(row)
                if events.worth_telling(event):
                    yield event
        self.until = self.span.end

    def _rows(self) -> Iterator[Audit]:
        """Give all rows of the kinds that are asked for; each partition's first side by side."""
        kinds = sorted(set().union(*(keys.kinds(each) for each in self.types)))
        runs = [self._in(feed) for kind in kinds for feed in keys.feeds(kind)]
        with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
            firsts = list(pool.map(lambda run: next(run, None), runs))
        whole = [
            chain([first], rest)
            for first, rest in zip(firsts, runs, strict=True)
            if first is not None
        ]
        return heapq.merge(*whole, key=lambda row: row.sk)

    def _in(self, feed: str) -> Iterator[Audit]:
        first, last = self.span.keys
        return iter(Audit.query(feed, Audit.sk.between(first, last), consistent_read=True))

    def _concerns(self, row: Audit) -> bool:
        """Whether an event happened in the hook's form, or in a form of its project."""
        told = row.event or {}
        if self.hook.form_id == ALL_FORMS:
            return bool(told.get("projectId") == self.hook.project_id)
        return bool(told.get("formId") == self.hook.form_id)
