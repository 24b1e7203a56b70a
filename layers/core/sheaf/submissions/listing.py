"""Lists of submissions: newest first, over all shards of a form at once.

The shards are asked side by side, each for its part of a page and a little more; a shard that turns
out to hold more of the page is asked again. What is read follows what is returned.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from sheaf.access import actors
from sheaf.db import keys
from sheaf.forms.forms import Form
from sheaf.submissions import location
from sheaf.submissions.records import TRASH, Submission

# A page of a query is at most 1 MB whatever its limit; so many items rarely reach it.
LARGEST_PAGE = 1000


def page(
    form: Form,
    *,
    draft: bool = False,
    deleted: bool = False,
    offset: int = 0,
    limit: int | None = None,
    extended: bool = False,
) -> list[dict[str, Any]]:
    """Give submissions as Central lists them.

    Args:
        form: of which form.
        draft: those of its draft.
        deleted: those in the trash instead.
        offset: how many to leave out.
        limit: how many to give; all, when absent.
        extended: with their submitters.
    """
    end = None if limit is None else offset + limit
    partition = TRASH if deleted else location.partition_of(form, draft=draft)
    listed = list(islice(newest(form, partition, expected=end), offset, end))
    return describe(listed, extended=extended)


def describe(listed: list[Submission], *, extended: bool) -> list[dict[str, Any]]:
    """Give submissions as the API shows them; with their submitters when extended."""
    if not extended:
        return [each.to_api() for each in listed]
    numbers = {each.submitter_id for each in listed} | {
        each.root["submitter_id"] for each in listed
    }
    known = actors.by_id({int(number) for number in numbers if number is not None})
    return [each.to_api(known) for each in listed]


def newest(form: Form, partition: str, *, expected: int | None = None) -> Iterator[Submission]:
    """Give a form's submissions, newest first; `expected` says how many will be looked at."""
    if expected == 0:
        return
    share = LARGEST_PAGE if expected is None else expected * 5 // (form.shards * 4) + 2
    size = min(LARGEST_PAGE, share)
    shards = [f"{shard:02x}" for shard in range(form.shards)]
    with ThreadPoolExecutor(max_workers=len(shards)) as pool:
        queries = [_shard(form, partition, shard, size) for shard in shards]
        firsts = list(pool.map(lambda query: next(query, None), queries))
    runs = [_chain(first, query) for first, query in zip(firsts, queries, strict=True) if first]
    yield from heapq.merge(*runs, key=lambda submission: submission.id, reverse=True)


def _shard(form: Form, partition: str, shard: str, size: int) -> Iterator[Submission]:
    return iter(
        Submission.query(
            keys.submissions(form.id, partition, shard),
            scan_index_forward=False,
            consistent_read=True,
            page_size=size,
        )
    )


def _chain(first: Submission, rest: Iterator[Submission]) -> Iterator[Submission]:
    yield first
    yield from rest
