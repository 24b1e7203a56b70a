"""Reads in rounds: what a request needs, in as few BatchGetItem calls as its dependencies allow.

A *lookup* is a generator that yields the refs it needs next and is sent the items found there (None
where nothing is), until it returns its result or raises a Problem. `gather` runs several side by
side, so that the session, the form and the submission's claim come with one call, and the actor
and the submission with the next.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from sheaf import clock
from sheaf.db.items import Item, Ref, connection, throttled
from sheaf.problems import Busy, Problem

_T = TypeVar("_T")
_I = TypeVar("_I", bound=Item)
Lookup = Generator[tuple[Ref[Any], ...], tuple[Any, ...], _T]

# DynamoDB takes 100 keys in a batch, and may return some unprocessed when it is throttled.
BATCH = 100
TRIES = 6


def get(ref: Ref[_I]) -> _I | None:
    """Read one item, or None. Strongly consistent."""
    (item,) = fetch([ref])
    return item  # type: ignore[no-any-return]


def fetch(refs: Sequence[Ref[Any]]) -> list[Any]:
    """Read items in the order of their refs, None where nothing is. Strongly consistent.

    Raises:
        Busy: DynamoDB kept throttling.
    """
    wanted = {(ref.pk, ref.sk): ref for ref in refs if ref.possible}
    items: dict[tuple[str, str], Item] = {}
    for start in range(0, len(wanted), BATCH):
        keys = [ref.key for ref in list(wanted.values())[start : start + BATCH]]
        for raw in _batch(keys):
            key = raw["pk"]["S"], raw["sk"]["S"]
            items[key] = wanted[key].read(raw)
    return [items.get((ref.pk, ref.sk)) for ref in refs]


def gather(*lookups: Lookup[Any]) -> tuple[Any, ...]:
    """Run lookups side by side and give their results.

    Raises:
        Problem: of the first lookup, in the order given, that ended in one; so what comes first
            (who is asking) outweighs what comes later (what is asked for). Later ones are then
            not followed any further.
    """
    outcomes: list[Any] = [None] * len(lookups)
    answers: dict[int, tuple[Any, ...] | None] = dict.fromkeys(range(len(lookups)))
    problem: Problem | None = None
    while answers:
        waiting: dict[int, tuple[Ref[Any], ...]] = {}
        for number, answer in answers.items():
            try:
                waiting[number] = lookups[number].send(answer)  # type: ignore[arg-type]
            except StopIteration as stop:
                outcomes[number] = stop.value
            except Problem as raised:
                problem = raised
                break
        answers = _answer(waiting)
    if problem is not None:
        raise problem
    return tuple(outcomes)


def _answer(waiting: dict[int, tuple[Ref[Any], ...]]) -> dict[int, tuple[Any, ...] | None]:
    """Fetch what all waiting lookups asked for at once, and hand each its part."""
    items = iter(fetch([ref for refs in waiting.values() for ref in refs]))
    return {number: tuple(next(items) for _ in refs) for number, refs in waiting.items()}


def _batch(keys: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Read a batch, asking again for what DynamoDB left unprocessed.

    Raises:
        Busy: DynamoDB kept throttling.
    """
    for attempt in range(TRIES):
        if attempt:
            clock.wait(0.025 * 2**attempt)
        found, keys = _ask(keys)
        yield from found
        if not keys:
            return
    raise Busy


def _ask(keys: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Send one BatchGetItem; give what was found, and the keys that were left."""
    table = Item.Meta.table_name
    try:
        answer = connection().client.batch_get_item(
            RequestItems={table: {"Keys": keys, "ConsistentRead": True}}
        )
    except ClientError as error:
        if throttled(error):
            raise Busy from error
        raise
    left = answer.get("UnprocessedKeys", {}).get(table, {})
    return answer["Responses"].get(table, []), left.get("Keys", [])
