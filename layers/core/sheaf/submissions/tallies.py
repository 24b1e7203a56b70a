"""Tallies: how many submissions lie in each form, by review state, and none of them is read for it.

Every change of a submission has its row in the audit log, and what the row says of it before and
after adds up to the tally. What was added up to some moment is kept; the rows since are read when
somebody asks, side by side from all their feeds. So a tally is exact when it is asked for, whatever
happens at the same time, and costs the writers nothing. A worker keeps what has come together.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pynamodb.attributes import BinaryAttribute

from sheaf import clock
from sheaf.db import bulk, keys, reads
from sheaf.db.bulk import Raw, Span
from sheaf.db.conditional import held
from sheaf.db.items import IntegerAttribute, Item

# Submissions that nobody has reviewed have no state.
RECEIVED = ""
# A row's id holds the time before its transaction: one that is a little younger than others may
# come after them. What is older than this (microseconds; no request takes as long) is complete.
UNSETTLED = 120 * 1_000_000
# Feeds that are read at once.
AT_ONCE = 16
# Rows that are read of a feed at a time: most of a page of 1 MB.
ROWS = 2_000
# What each action takes from the tally and adds to it: the state before, and the state after.
_CHANGES = {
    "submission.create": (False, True),
    "submission.update.version": (True, True),
    "submission.update": (True, True),
    "submission.delete": (True, False),
    "submission.restore": (False, True),
}


class Tally(Item):
    """What was added up (key: `TALLY`, `ALL`) of all rows before the moment `upto` (micros)."""

    upto = IntegerAttribute(attr_name="t")
    packed = BinaryAttribute(attr_name="c", legacy_encoding=False)


@dataclass(frozen=True, slots=True)
class Row:
    """What an audit row says: its moment (micros), the form, the state before and after."""

    moment: int
    form_id: int
    before: str | None
    after: str | None


@dataclass(slots=True)
class Counts:
    """Numbers of submissions by form and review state."""

    held: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, rows: Iterable[Row]) -> None:
        """Add what rows say."""
        for row in rows:
            form = self.held.setdefault(str(row.form_id), {})
            for state, step in ((row.before, -1), (row.after, 1)):
                if state is not None:
                    form[state] = form.get(state, 0) + step

    def of(self, form_id: int) -> dict[str, int]:
        """Give a form's numbers by state."""
        return self.held.get(str(form_id), {})


def counts() -> Counts:
    """Count the submissions of all forms, as of now."""
    tally = reads.get(Tally.ref(keys.TALLY))
    now = _kept(tally)
    for rows, _ in _since(tally):
        now.add(rows)
    return now


def keep() -> int:
    """Keep what is complete, so that later only newer rows are read; give how many rows that were.

    Of several at once one goes on.
    """
    tally = reads.get(Tally.ref(keys.TALLY))
    kept, settled, added = _kept(tally), clock.micros() - UNSETTLED, 0
    for rows, end in _since(tally):
        complete = [row for row in rows if row.moment < settled]
        kept.add(complete)
        tally = _put(tally, kept, min(end, settled)) if complete else tally
        added += len(complete)
        if end > settled or (complete and tally is None):
            break
    return added


def _put(before: Tally | None, counts: Counts, upto: int) -> Tally | None:
    """Keep counts, unless somebody else has gone on meanwhile (None)."""
    shown = {form: {s: n for s, n in by.items() if n} for form, by in counts.held.items()}
    packed = zlib.compress(json.dumps(shown, separators=(",", ":")).encode(), 9)
    tally = Tally(*keys.TALLY, upto=upto, packed=packed)
    as_read = Tally.pk.does_not_exist() if before is None else Tally.upto == before.upto
    return tally if held(partial(tally.save, as_read)) else None


def _kept(tally: Tally | None) -> Counts:
    return Counts() if tally is None else Counts(json.loads(zlib.decompress(tally.packed)))


def _since(tally: Tally | None) -> Iterator[tuple[list[Row], int]]:
    """Give the rows since a tally, part by part, each with the moment before which it is complete.

    Of each feed a page is read at a time; what lies beyond the shortest page comes with the next.
    """
    since: int | None = 0 if tally is None else tally.upto
    feeds = [(action, pk) for action in _CHANGES for pk in keys.feeds(keys.kind(action))]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        while since is not None:
            pages = list(pool.map(partial(_page, f"{since:016d}"), feeds))
            ends = [end for _, end in pages if end is not None]
            end = min(ends, default=None)
            rows = [row for page, _ in pages for row in page if end is None or row.moment < end]
            yield rows, clock.micros() if end is None else end
            since = end


def _page(first: str, feed: tuple[str, str]) -> tuple[list[Row], int | None]:
    """Read a page of a feed; give its rows, and the moment of the last if there are more."""
    action, pk = feed
    page = bulk.page(Span(pk, first), ("sk", "e"), size=ROWS, forward=True)
    rows = [row for raw in page.items if (row := _row(action, raw)) is not None]
    return rows, keys.micros(page.items[-1]["sk"]["S"]) if page.last is not None else None


def _row(action: str, raw: Raw) -> Row | None:
    """Read a row; those of drafts are not counted, nor what WorkersPublish cannot read either."""
    try:
        event: dict[str, Any] = json.loads(raw["e"]["S"])
        if event["draft"]:
            return None
    except (KeyError, TypeError, ValueError):
        return None
    took, gave = _CHANGES[action]
    state = event["reviewState"] or RECEIVED
    # What is deleted was in the state that it is in.
    was = (event["previousReviewState"] or RECEIVED) if gave else state
    return Row(
        keys.micros(raw["sk"]["S"]),
        event["formId"],
        was if took else None,
        state if gave else None,
    )
