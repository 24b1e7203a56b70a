"""Reading the audit log's feeds as one list."""

import random

import pytest

from sheaf import clock
from sheaf.db import feeds, keys
from sheaf.db.audit import Audit
from tests.wire import Wire

ACTIONS = (
    "submission.create", "submission.create", "submission.create", "submission.update",
    "submission.delete", "user.session.create", "form.create", "project.create",
)  # fmt: skip


@pytest.fixture
def stored(aws):
    """Rows of many kinds, by moment, with hidden ones among them; newest first."""
    chance = random.Random(5)
    start = clock.micros()
    rows = []
    for number in range(120):
        action = chance.choice(ACTIONS)
        event_id = f"{start + number:016d}00{clock.letters(2)}"
        rows.append(Audit(*keys.audit(keys.kind(action), event_id), action=action))
        hidden = keys.audit(keys.kind(action, hidden=True), event_id)
        Audit(*hidden, action=action).save()
    with Audit.batch_write() as batch:
        for row in rows:
            batch.save(row)
    return rows[::-1]


def names(rows):
    return [row.sk for row in rows]


@pytest.mark.parametrize("expected", [None, 1, 7, 120, 5000])
def test_all_feeds_come_as_one_list(stored, expected):
    assert names(feeds.newest(keys.LOGGED, expected=expected)) == names(stored)


def test_a_kind_is_read_alone(stored):
    kind = keys.kind("submission.update")
    with Wire() as wire:
        found = names(feeds.newest([kind], expected=10))
    assert found == names(row for row in stored if row.action == "submission.update")
    assert len(wire.calls) <= 2 * len(keys.feeds(kind))


def test_actions_that_share_a_feed_are_picked(stored):
    picked = feeds.newest([keys.REST], actions={"form.create"}, expected=1)
    assert names(picked) == names(row for row in stored if row.action == "form.create")


def test_the_first_moment_is_included_and_the_end_is_not(stored):
    moments = [keys.micros(row.sk) for row in stored]
    since, before = moments[80], moments[30]
    assert names(feeds.newest(keys.LOGGED, since=since)) == names(stored[:81])
    assert names(feeds.newest(keys.LOGGED, before=before)) == names(stored[31:])
    assert names(feeds.newest(keys.LOGGED, since=since, before=before)) == names(stored[31:81])


@pytest.mark.parametrize(
    "nothing",
    [
        {"expected": 0}, {"since": 5, "before": 5}, {"since": 6, "before": 5}, {"before": 0},
        {"before": -1}, {"since": 10**16 - 1},
    ],
)  # fmt: skip
def test_nothing_is_found_where_nothing_can_be(stored, nothing):
    assert names(feeds.newest(keys.LOGGED, **nothing)) == []


def test_what_is_not_wanted_costs_no_call(aws):
    with Wire() as wire:
        assert list(feeds.newest(keys.LOGGED, expected=0)) == []
        assert list(feeds.newest(keys.LOGGED, since=2, before=1)) == []
    assert wire.calls == []


def test_a_page_is_read_once_from_each_feed(stored):
    """Of chance's spread a little more is asked for, so that no feed is asked twice."""
    with Wire() as wire:
        rows = feeds.newest(keys.LOGGED, expected=40)
        listed = [next(rows) for _ in range(40)]
    assert names(listed) == names(stored[:40])
    assert len(wire.calls) == sum(len(keys.feeds(kind)) for kind in keys.LOGGED)
    assert wire.depth == 1
