"""Lists: what they give, and that reading them costs what they give, however deep they begin."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from sheaf import clock
from sheaf.data import listing
from sheaf.data.listing import Page, Wanted
from sheaf.db import items, keys
from sheaf.submissions.records import LIVE, NOBODY, TRASH, Submission

COUNT = 200


def form(shards: int = 4) -> SimpleNamespace:
    return SimpleNamespace(id=7, shards=shards)


def put(instance_id: str, shard: int, partition: str = LIVE) -> None:
    moment = clock.micros()
    Submission(
        *keys.submission(7, partition, f"{moment}{shard:02x}zz"),
        instance_id=instance_id,
        submitter_id=None,
        form_version="1",
        created_at=moment,
        events=[moment],
    ).save()


@pytest.fixture
def queries(aws):
    """The queries that are made, each with its partition and how many it asked for and got."""
    seen: list[tuple[str, int | None, int]] = []
    asked: dict[int, tuple[str, int | None]] = {}
    emitter = items.connection().client.meta.events

    def before(params, context, **_kwargs):
        body = json.loads(params["body"])
        assert body["ConsistentRead"] is True
        asked[id(context)] = (body["ExpressionAttributeValues"][":pk"]["S"], body.get("Limit"))

    def after(parsed, context, **_kwargs):
        pk, limit = asked[id(context)]
        seen.append((pk, limit, parsed["Count"]))

    emitter.register("before-call.dynamodb.Query", before)
    emitter.register("after-call.dynamodb.Query", after)
    yield seen
    emitter.unregister("before-call.dynamodb.Query", before)
    emitter.unregister("after-call.dynamodb.Query", after)


@pytest.fixture
def spread(aws):
    for number in range(COUNT):
        put(f"i{number}", keys.shard_for(f"i{number}", 4))


@pytest.fixture
def lopsided(aws):
    for number in range(COUNT):
        put(f"i{number}", 2)


def page(said: SimpleNamespace | None = None, **wanted: Any) -> Page:
    return listing.page(said or form(), Wanted(**wanted))


def named(page: Page) -> list[str]:
    return [each["instanceId"] for each in json.loads(page.body)]


def newest(count: int, offset: int = 0) -> list[str]:
    return [f"i{number}" for number in reversed(range(COUNT))][offset : offset + count]


def test_a_page_reads_little_more_than_it_gives(spread, queries):
    assert named(page(limit=20)) == newest(20)
    assert sum(count for _, _, count in queries) <= 2 * 20 + 4 * 8
    assert {pk for pk, _, _ in queries} == {f"S#7#{shard:02x}" for shard in range(4)}


def test_one_shard_may_hold_the_whole_page(lopsided, queries):
    assert named(page(limit=50, offset=10)) == newest(50, 10)
    assert sum(count for _, _, count in queries) < 90


def test_no_limit_gives_all(spread, queries):
    assert named(page()) == newest(COUNT)
    assert len(queries) == 4
    assert named(page(offset=150)) == newest(COUNT, 150)


def test_a_page_of_nothing_asks_nothing(spread, queries):
    assert page(limit=0).body == b"[]"
    assert queries == []


def test_a_single_shard_is_enough(aws):
    for number in range(5):
        put(f"i{number}", 0)
    assert named(page(form(shards=1), limit=3)) == ["i4", "i3", "i2"]


def test_the_trash_lies_apart(spread, queries):
    put("gone", 1, TRASH)
    assert named(page(deleted=True)) == ["gone"]
    assert {pk for pk, _, _ in queries} == {f"S#7x#{shard:02x}" for shard in range(4)}
    assert "gone" not in named(page())


def test_submitters_are_read_once_for_a_page(spread, aws):
    calls: list[str] = []
    emitter = items.connection().client.meta.events

    def count(model, **_kwargs):
        calls.append(model.name)

    emitter.register("before-call.dynamodb", count)
    try:
        listed = page(limit=5, extended=True)
    finally:
        emitter.unregister("before-call.dynamodb", count)
    assert [each["submitter"] for each in json.loads(listed.body)] == [NOBODY] * 5
    assert calls.count("BatchGetItem") == 0


def test_a_page_says_where_the_next_begins(spread):
    seen, last = [], ""
    while last is not None:
        here = page(limit=30, after=last)
        seen += named(here)
        last = here.last
    assert seen == newest(COUNT)
    assert page(limit=COUNT).last is None
    assert page().last is None


def test_a_page_costs_the_same_at_any_depth(spread, queries):
    costs, last = [], ""
    while last is not None:
        queries.clear()
        last = page(limit=20, after=last).last
        costs.append((len(queries), sum(count for _, _, count in queries)))
    assert len(costs) == 10
    assert {calls for calls, _ in costs} == {4}
    assert max(read for _, read in costs) <= 2 * 20 + 4 * 8


def test_the_etag_changes_with_what_is_shown(spread):
    before = page(limit=5)
    assert before.etag.startswith('W/"eventhash:')
    assert page(limit=5).etag == before.etag
    assert page(limit=5, extended=True).etag != before.etag
    assert page(limit=6).etag != before.etag
    put("new", 1)
    assert page(limit=5).etag != before.etag


def test_the_etag_of_nothing_is_central_s(aws):
    assert page().etag == 'W/"eventhash:00000000000000000000000000000000"'
