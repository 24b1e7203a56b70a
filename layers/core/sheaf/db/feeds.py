"""Reading the audit log: the feeds of the kinds that are asked for, newest first, as one list.

They are asked side by side, each for as many rows as it may have among those wanted, and a little
more; one that turns out to have more is asked again.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from math import isqrt
from typing import Any

from sheaf.db import keys
from sheaf.db.audit import Audit

# A page of a query is at most 1 MB whatever its limit; so many rows rarely reach it.
LARGEST_PAGE = 1000
_SIDE_BY_SIDE = 16


def newest(
    kinds: Collection[str],
    *,
    actions: Collection[str] = (),
    since: int | None = None,
    before: int | None = None,
    expected: int | None = None,
) -> Iterator[Audit]:
    """Give rows of the audit log, newest first. Strongly consistent.

    Args:
        kinds: the kinds of rows (`keys.kind`).
        actions: of what is not a kind of its own, the actions wanted; all, when there are none.
        since: the first moment (micros).
        before: the end (micros), not included.
        expected: how many rows will be looked at; unknown, when absent.
    """
    if expected == 0 or (since is not None and before is not None and since >= before):
        return
    bounds = f"{max(since or 0, 0):016d}", _end(before)
    queries = [
        _query(feed, bounds, actions if kind == keys.REST else (), _size(kind, expected))
        for kind in kinds
        for feed in keys.feeds(kind)
    ]
    with ThreadPoolExecutor(max_workers=min(_SIDE_BY_SIDE, len(queries))) as pool:
        firsts = list(pool.map(lambda query: next(query, None), queries))
    runs = [_chain(first, query) for first, query in zip(firsts, queries, strict=True) if first]
    yield from heapq.merge(*runs, key=lambda row: row.sk, reverse=True)


def _end(before: int | None) -> str:
    """Give a sort key after all rows before a moment and before all rows from it on."""
    # Row ids are longer than a moment, so that one of this very moment sorts after it.
    return ":" if before is None else f"{max(before, 0):016d}"


def _size(kind: str, expected: int | None) -> int:
    if expected is None:
        return LARGEST_PAGE
    feeds = len(keys.feeds(kind))
    share = expected // feeds
    # Chance fills some feeds more than others: hardly ever one by four standard deviations.
    spread = 4 * (isqrt(share) + 1) if feeds > 1 else 0
    return min(LARGEST_PAGE, share + spread)


def _query(
    feed: str, bounds: tuple[str, str], actions: Collection[str], size: int
) -> Iterator[Audit]:
    wanted: Any = Audit.action.is_in(*sorted(actions)) if actions else None
    return iter(
        Audit.query(
            feed,
            Audit.sk.between(*bounds),
            wanted,
            scan_index_forward=False,
            consistent_read=True,
            # What is filtered out counts for a page.
            page_size=LARGEST_PAGE if actions else size,
        )
    )


def _chain(first: Audit, rest: Iterator[Audit]) -> Iterator[Audit]:
    yield first
    yield from rest
