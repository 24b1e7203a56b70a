"""Fairness: whatever receivers do, others are told as fast as without them, and nothing is lost.

20 hooks whose receivers are quick are told of an event every two seconds each. In the fifth second
many events happen at once for a hook whose receiver is dead, or dies in that moment.
`BURST=10000` makes them ten thousand.
"""

from __future__ import annotations

import os

import pytest

from sheaf.hooks import shift
from sheaf.hooks.verdict import SCHEDULE
from tests.simulation import field
from tests.simulation.field import BURST_AT, Field
from tests.simulation.traffic import Traffic, at, hanging, quantile, quick, refusing, slow

# Twice what all workers take at once, unless more are asked for.
BURST = int(os.environ.get("BURST", "400"))
SUDDENLY = at(BURST_AT, quick, hanging)
_usual: list[float] = []


@pytest.fixture
def ground(scene, way, monkeypatch) -> Field:
    return field.of(scene, way, monkeypatch)


@pytest.fixture
def usual(ground, monkeypatch) -> list[float]:
    """How long it takes while all are well."""
    if not _usual:
        with field.traffic(ground, monkeypatch, [quick], burst=0) as without:
            _usual.extend(field.healthy(without))
    return _usual


@pytest.mark.parametrize(
    ("dying", "fair"),
    [
        pytest.param([hanging], True, id="dead"),
        pytest.param([refusing], True, id="refuses"),
        pytest.param([SUDDENLY], True, id="suddenly"),
        pytest.param([SUDDENLY], False, id="suddenly, in a queue that is not fair"),
        pytest.param([SUDDENLY] * 5, True, id="five suddenly"),
    ],
)
def test_a_receiver_that_dies_delays_no_other(ground, usual, monkeypatch, dying, fair):
    with field.traffic(ground, monkeypatch, dying, burst=BURST, fair=fair) as traffic:
        latencies, events = field.healthy(traffic), BURST // len(dying) + 1
        assert len(latencies) == len(usual)
        assert quantile(latencies, 0.95) < 2 * quantile(usual, 0.95)
        assert max(latencies) < max(usual) + shift.PATIENCE + 0.1
        dead = ground.last(len(dying))
        for hook, url in dead:
            assert_accounted(traffic, hook, events)
            traffic.behaviours[url] = quick
        # Its last attempt may have been the third: the next is after half an hour.
        traffic.run(traffic.timeline.now + 2400)
        for hook, url in dead:
            assert_all_came(traffic, hook, url, events)


def assert_accounted(traffic: Traffic, hook: str, events: int) -> None:
    """Each event has its record, in a state of which something leads on, as the schedule says."""
    records, gate = traffic.records(hook), traffic.gate(hook)
    assert len(records) == events
    for record in records:
        assert record.state in {"succeeded", "pending", "retrying", "delivering"}
        if record.state != "succeeded":
            assert record.due is not None or gate.cursor <= record.sk
        if record.state == "retrying":
            last = record.attempts[-1]
            ended, wanted = last["t"] + last["ms"] * 1000, SCHEDULE[record.tries] * 1_000_000
            assert 0.8 * wanted <= record.next_at - ended <= 1.2 * wanted + 1_000_000


def assert_all_came(traffic: Traffic, hook: str, url: str, events: int) -> None:
    """The receiver that is well again has got everything, each with one body."""
    assert [record.state for record in traffic.records(hook)] == ["succeeded"] * events
    bodies = {(came.webhook_id, came.body) for came in traffic.arrivals[url]}
    taken = [came.webhook_id for came in traffic.arrivals[url] if came.answered]
    assert len(bodies) == len(taken) == len(set(taken)) == events


def test_a_quick_receiver_gets_all_that_the_workers_can_do(ground, monkeypatch):
    with field.traffic(ground, monkeypatch, [quick], burst=BURST) as traffic:
        [(_, url)] = ground.last(1)
        came = [each.at for each in traffic.arrivals[url] if each.at > BURST_AT]
        assert len(came) == BURST
        # 200 side by side, each of which takes a tenth of a second and the table's time.
        assert max(came) - min(came) < 2


def test_a_slow_receiver_that_answers_gets_more_at_once_by_and_by(ground, monkeypatch):
    with field.traffic(ground, monkeypatch, [slow], burst=BURST) as traffic:
        [(hook, url)] = ground.last(1)
        traffic.run(BURST_AT + 0.3 * BURST + 60)
        assert_all_came(traffic, hook, url, BURST + 1)
        # Twenty at once would take 40 seconds; it begins with two.
        assert max(each.at for each in traffic.arrivals[url]) < BURST_AT + 0.3 * BURST
