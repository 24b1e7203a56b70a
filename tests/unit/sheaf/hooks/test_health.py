"""What an attempt says of its receiver."""

import pytest

from sheaf.hooks.gates import Gate
from sheaf.hooks.health import ALERTS, FEWEST, MOST, PATIENCE, SLOW, TRUST, after, alert, slots_of

SECOND, HOUR, DAY = 1_000_000, 3_600_000_000, 86_400_000_000
NOW = 1_790_000_000_000_000


def attempt(gate, *, ok=True, took=50_000, now=NOW, event="e"):
    changes = after(gate, event, ok=ok, took=took, now=now)
    for name, value in changes.items():
        setattr(gate, name, value)
    return changes


def test_a_quick_answer_is_believed_for_an_hour_and_noted_twice_in_it():
    gate = Gate()
    assert attempt(gate) == {"trusted_until": NOW + TRUST}
    assert attempt(gate, now=NOW + 29 * 60 * SECOND) == {}
    assert attempt(gate, ok=False, now=NOW + 31 * 60 * SECOND)["trusted_until"] > NOW + TRUST
    assert gate.trusts(NOW + TRUST)
    assert not gate.trusts(NOW + 2 * TRUST)


def test_a_slow_answer_ends_the_trust_whatever_it_says():
    for ok in (True, False):
        gate = Gate(trusted_until=NOW + HOUR)
        assert attempt(gate, ok=ok, took=SLOW)["trusted_until"] is None


def test_slow_successes_make_room_and_slow_failures_take_it():
    gate = Gate()
    assert gate.room(NOW) == FEWEST
    for expected in (3, 4, 5):
        attempt(gate, took=2 * SECOND)
        assert gate.limit == gate.room(NOW) == expected
    attempt(gate, ok=False, took=15 * SECOND)
    assert gate.limit == 2
    attempt(gate, ok=False, took=15 * SECOND)
    assert gate.limit == FEWEST
    gate.limit = MOST
    attempt(gate, took=2 * SECOND)
    assert gate.limit == MOST


def test_an_attempt_gives_its_place_back_and_those_that_ran_out_go_too():
    gate = Gate(slots={"e": NOW + SECOND, "gone": NOW - 1, "other": NOW + 5})
    assert slots_of(gate, NOW) == {"e": NOW + SECOND, "other": NOW + 5}
    assert attempt(gate)["slots"] == {"other": NOW + 5}
    assert attempt(gate, event="other")["slots"] is None


def test_failing_begins_with_the_first_failure_and_ends_with_a_success():
    gate = Gate(trusted_until=NOW + HOUR)
    attempt(gate, ok=False)
    assert (gate.failing_since, gate.failed_at) == (NOW, NOW)
    assert attempt(gate, ok=False, now=NOW + HOUR // 3) == {}, "it is noted once an hour"
    attempt(gate, ok=False, now=NOW + 2 * HOUR)
    assert (gate.failing_since, gate.failed_at) == (NOW, NOW + 2 * HOUR)
    attempt(gate, now=NOW + 3 * HOUR)
    assert (gate.failing_since, gate.failed_at, gate.alerted) == (None, None, None)


def test_one_failure_long_after_another_is_a_beginning():
    """A hook that is seldom used is not disabled for two hiccups."""
    gate = Gate()
    attempt(gate, ok=False)
    attempt(gate, ok=False, now=NOW + 9 * DAY)
    assert gate.failing_since == NOW + 9 * DAY


def test_who_watches_is_told_at_each_share_once():
    gate, told = Gate(), []
    for hours in range(0, 24 * 5 + 8, 4):
        changes = attempt(gate, ok=False, now=NOW + hours * HOUR)
        told += [(hours, changes["alerted"])] if changes.get("alerted") else []
    assert told == [(4, 1), (60, 50), (84, 70), (108, 90), (120, 100)]
    assert [percent for _, percent in told] == list(ALERTS)


SHARES = [
    (None, 0.009, None), (None, 0.49, 1), (1, 0.49, None), (1, 0.5, 50),
    (50, 0.69, None), (None, 0.95, 90), (90, 7, 100),
]  # fmt: skip


@pytest.mark.parametrize(("alerted", "share", "expected"), SHARES)
def test_of_several_shares_the_highest_is_told(alerted, share, expected):
    assert alert(alerted, NOW, NOW + int(share * PATIENCE)) == expected


def test_what_does_not_fail_alerts_nobody():
    assert alert(None, None, NOW) is None
