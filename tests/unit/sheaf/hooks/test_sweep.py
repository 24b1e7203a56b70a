"""What a crash, a lost message or a long wait has left is taken up, with or without the queue."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from sheaf import clock, settings
from sheaf.db import keys
from sheaf.hooks import (
    backlog,
    deliver,
    deliveries,
    events,
    gates,
    health,
    leases,
    match,
    sweep,
)
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.records import Hook

ONE = "uuid:one"
MINUTE = 60


def records(hook) -> list[Delivery]:
    return list(Delivery.query(keys.deliveries(hook["id"]), consistent_read=True))


def states(hook) -> list[str]:
    return [each.state for each in records(hook)]


@pytest.fixture
def hook(scene, receiver):
    return scene.hook(receiver.script("/in"))


@pytest.fixture
def minutes(time, way):
    """Let minutes pass, with a sweep and all deliveries in each; give what the sweeps woke."""

    def pass_by(count: int) -> int:
        woken = 0
        for _ in range(count):
            time.forward(MINUTE)
            woken += sweep.run()["woken"]
            assert way.deliver_all() == []
        return woken

    return pass_by


def test_a_wake_up_that_got_lost_is_made_good_within_two_minutes(scene, way, hook, minutes, time):
    scene.submit(ONE)
    way.match_all()
    assert way.messages() != [], "and lost they are"
    time.forward(45)
    assert sweep.run()["woken"] == 0, "it may still be on its way"
    assert minutes(1) == 1
    assert states(hook) == ["succeeded"]


def test_a_match_that_ended_before_it_woke_anybody(scene, way, hook, minutes, monkeypatch):
    scene.submit(ONE)
    with monkeypatch.context() as patch:
        patch.setattr(leases, "wake", lambda _: None)
        way.match_all()
    minutes(2)
    assert states(hook) == ["succeeded"]


def test_a_worker_that_died_during_an_attempt(scene, way, hook, minutes, receiver):
    scene.submit(ONE)
    way.match_all()
    way.messages()
    [delivery] = records(hook)
    assert leases.take(delivery, 45)
    minutes(2)
    assert states(hook) == ["succeeded"]
    assert len(receiver.requests) == 1


def test_an_event_that_is_matched_late_is_found_by_itself(scene, way, hook, minutes, time):
    scene.submit(ONE)
    time.forward(3600)
    way.match_all()
    way.messages()
    [delivery] = records(hook)
    assert delivery.due is not None
    assert gates.of(hook["id"]).cursor is None
    minutes(2)
    [delivery] = records(hook)
    assert (delivery.state, delivery.due, delivery.due_at) == ("succeeded", None, None)


def test_a_gate_leaves_the_index_when_all_is_settled_and_quiet(scene, way, hook, minutes):
    scene.submit(ONE)
    way.match_all()
    assert way.deliver_all() == []
    gate = gates.of(hook["id"])
    assert (gate.due, gate.cursor <= records(hook)[0].sk) == (keys.due_hooks(hook["id"]), True)
    assert minutes(4) == 0
    assert gates.of(hook["id"]).due is not None, "what was marked a moment ago may still come"
    assert minutes(3) == 0
    gate = gates.of(hook["id"])
    assert (gate.due, gate.due_at, gate.cursor) == (None, None, None)
    # The next event begins anew.
    scene.submit("uuid:two")
    way.match_all()
    way.messages()
    minutes(2)
    assert states(hook) == ["succeeded"] * 2


def test_marks_cost_a_busy_hook_one_write_a_minute(scene, way, hook, monkeypatch):
    lowered, lower = [], backlog._lower

    def counted(*args):
        lowered.append(args)
        lower(*args)

    monkeypatch.setattr(backlog, "_lower", counted)
    for number in range(5):
        scene.submit(f"uuid:{number}")
    way.match_all()
    assert len(lowered) == 1


def test_a_mark_that_comes_during_a_look_is_not_lost(scene, way, hook, time):
    scene.submit(ONE)
    way.match_all()
    way.deliver_all()
    time.forward(400)
    before = gates.of(hook["id"])
    backlog._marks.clear()
    scene.submit("uuid:two")
    match.run(way.events(events.CREATE)[-1])
    backlog.pump(before)
    gate = gates.of(hook["id"])
    assert gate.due is not None
    assert gate.cursor <= records(hook)[1].sk


def test_what_is_under_way_or_was_just_woken_is_left_alone(scene, way, hook, time):
    scene.submit(ONE)
    way.match_all()
    way.messages()
    time.forward(61)
    assert backlog.pump(gates.of(hook["id"])) == 1
    assert backlog.pump(gates.of(hook["id"])) == 0
    [message] = way.messages()
    time.forward(1)
    assert leases.take(records(hook)[0], 45)
    time.forward(40)
    assert backlog.pump(gates.of(hook["id"])) == 0
    assert json.loads(message["body"])["eventId"] == records(hook)[0].sk


def test_an_attempt_that_crashes_every_time_goes_through_the_schedule(
    scene, way, hook, time, caplog
):
    """The queue parks its message after five times; each such parking counts as an attempt."""
    scene.submit(ONE)
    way.match_all()
    sqs = way.aws.client("sqs")
    for _ in range(10):
        for message in way.messages():
            sqs.send_message(QueueUrl=settings.DELIVERY_FAILURES_URL, MessageBody=message["body"])
        [delivery] = records(hook)
        assert leases.take(delivery, 45), "as far as the crashing workers came"
        time.forward(46)
        assert sweep.run()["crashed"] <= 1
        time.forward(110_000)
        sweep.run()
    [delivery] = records(hook)
    assert delivery.state == "failed"
    assert {attempt["e"] for attempt in map(dict, delivery.attempts)} == {sweep.CRASHED}
    assert "hook.failed" in [each.getMessage() for each in caplog.records]


def test_an_attempt_that_crashes_goes_through_the_schedule_of_its_hook(scene, way, receiver):
    once = scene.hook(receiver.script("/in"), retry={"schedule": "none"})
    scene.submit(ONE)
    way.match_all()
    [message] = way.messages()
    way.aws.client("sqs").send_message(
        QueueUrl=settings.DELIVERY_FAILURES_URL, MessageBody=message["body"]
    )
    assert sweep.run()["crashed"] == 1
    assert states(once) == ["failed"]


def test_a_parked_message_that_nobody_can_read_stays_for_people(way, caplog):
    sqs = way.aws.client("sqs")
    sqs.send_message(QueueUrl=settings.DELIVERY_FAILURES_URL, MessageBody="what?")
    assert sweep.run() == {"woken": 0, "crashed": 0}
    kept = sqs.get_queue_attributes(
        QueueUrl=settings.DELIVERY_FAILURES_URL,
        AttributeNames=["ApproximateNumberOfMessagesNotVisible"],
    )
    assert kept["Attributes"] == {"ApproximateNumberOfMessagesNotVisible": "1"}
    assert "delivery.unreadable" in [each.getMessage() for each in caplog.records]


def test_a_parked_message_of_what_was_delivered_meanwhile_is_forgotten(scene, way, hook):
    scene.submit(ONE)
    way.match_all()
    [message] = way.messages()
    deliver.run([message])
    way.aws.client("sqs").send_message(
        QueueUrl=settings.DELIVERY_FAILURES_URL, MessageBody=message["body"]
    )
    assert sweep.run() == {"woken": 0, "crashed": 1}
    assert len(records(hook)[0].attempts) == 1


# --- slow receivers -----------------------------------------------------------------------------


@pytest.fixture
def hanging(scene, way, receiver, monkeypatch):
    """A hook whose receiver lets everybody wait, and ten events for it."""
    monkeypatch.setattr(Hook, "timeout", 0.6)
    monkeypatch.setattr(health, "SLOW", 400_000)
    hook = scene.hook(receiver.script("/slow", delay=1.5))
    for number in range(10):
        scene.submit(f"uuid:{number}")
    way.match_all()
    return hook


def test_a_receiver_that_hangs_has_two_attempts_at_a_time(hanging, way):
    assert deliver.run(way.messages()) == []
    assert sorted(states(hanging)) == ["pending"] * 8 + ["retrying"] * 2
    gate = gates.of(hanging["id"])
    assert (gate.parked, gate.slots, gate.limit) == (True, None, 2)
    assert all(each.due is None for each in records(hanging)), "the gate leads to them"


def test_what_is_parked_comes_in_turn_and_all_of_it_when_the_receiver_recovers(
    hanging, way, time, receiver
):
    deliver.run(way.messages())
    time.forward(61)
    assert sweep.run()["woken"] == 2 * backlog.SHARE
    woken = {json.loads(each["body"])["eventId"] for each in way.messages()}
    waiting = [each.sk for each in records(hanging) if each.state == "pending"]
    assert woken == set(waiting[: len(woken)]), "the oldest"
    receiver.script("/slow")
    time.forward(61)
    sweep.run()
    for _ in range(5):
        assert way.deliver_all() == []
        # What is parked is woken by the first success, if it has waited for five seconds.
        time.forward(6)
    assert states(hanging) == ["succeeded"] * 10
    assert gates.of(hanging["id"]).trusted_until > clock.micros()


def test_a_trusted_receiver_that_begins_to_hang_is_noticed_during_the_attempt(
    scene, way, receiver, monkeypatch
):
    hook = scene.hook(receiver.script("/in"))
    scene.submit(ONE)
    way.match_all()
    way.deliver_all()
    assert gates.of(hook["id"]).trusts(clock.micros())
    monkeypatch.setattr(health, "SLOW", 200_000)
    seen = []
    receiver.script("/in", delay=0.6)
    slow = gates.slow
    monkeypatch.setattr(
        gates, "slow", lambda *args: (slow(*args), seen.append(gates.of(hook["id"])))
    )
    scene.submit("uuid:two")
    way.match_all()
    way.deliver_all()
    [during] = seen
    assert (during.trusted_until, list(during.slots)) == (None, [records(hook)[1].sk])
    after = gates.of(hook["id"])
    assert (after.slots, after.limit) == (None, 3)


def test_retries_of_a_dead_receiver_do_not_all_come_at_once(hanging, way, time):
    for delivery in records(hanging):
        assert leases.take(delivery, 45)
        far = clock.micros() + 7_200_000_000
        assert leases.settle(delivery, deliveries.RETRYING, attempt={"t": 1, "ms": 1}, next_at=far)
    way.messages()
    time.forward(7201)
    assert sweep.run()["woken"] == 2 * backlog.SHARE
    left = [each for each in records(hanging) if each.due is None]
    assert len(left) == 2, "the others wait behind the gate"
    assert gates.of(hanging["id"]).cursor <= left[0].sk


def test_of_many_who_make_room_one_wakes_what_waits(scene, receiver, time):
    hook = scene.hook(receiver.url)
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(backlog.claim, [gates.of(hook["id"]) for _ in range(8)]))
    assert sum(claimed) == 1
    assert not backlog.claim(gates.of(hook["id"])), "one has just done so"
    time.forward(2)
    assert backlog.claim(gates.of(hook["id"]))
    assert not backlog.claim(gates.of(hook["id"]))
