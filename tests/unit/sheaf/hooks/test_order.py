"""Events of a submission in their order, and no more attempts a second than a receiver takes."""

from __future__ import annotations

import itertools
import json
import random

import pytest

from sheaf import clock
from sheaf.db import keys
from sheaf.hooks import deliver, events, leases, match, pacing, redelivery, sweep
from sheaf.hooks.deliveries import Delivery
from tests.unit.sheaf.hooks.conftest import CHANGES

ONE = "uuid:one"


def records(hook) -> list[Delivery]:
    return list(Delivery.query(keys.deliveries(hook["id"]), consistent_read=True))


@pytest.fixture
def hook(scene, receiver):
    return scene.hook(receiver.script("/in"), ordering="perSubmission")


@pytest.fixture
def story(scene, way):
    """Four changes of a submission, and their events."""
    scene.submit(ONE, age="1")
    scene.review(ONE, "hasIssues")
    scene.edit(ONE, ONE, "uuid:two", age="2")
    scene.delete(ONE)
    return [event for event in way.events() if event["action"] in CHANGES]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_whatever_comes_first_the_receiver_hears_the_story_in_order(
    hook, story, way, receiver, order
):
    for number in order:
        match.run(story[number])
        for message in reversed(way.messages()):
            assert deliver.run([message]) == []
    for _ in range(4):
        for message in way.messages():
            assert deliver.run([message]) == []
    assert [request.json()["eventId"] for request in receiver.requests] == [
        event["eventId"] for event in story
    ]
    assert {each.state for each in records(hook)} == {"succeeded"}


def test_a_failure_holds_up_its_own_submission_and_no_other(scene, way, hook, receiver, time):
    receiver.script("/in", [500])
    scene.submit(ONE)
    scene.review(ONE, "approved")
    way.match_all()
    for message in sorted(way.messages(), key=lambda each: json.loads(each["body"])["eventId"]):
        assert deliver.run([message]) == []
    first, second = records(hook)
    assert (first.state, second.state, second.after) == ("retrying", "pending", first.sk)
    assert second.due is not None, "the sweep leads to it in any case"
    scene.submit("uuid:other")
    match.run(way.events(events.CREATE)[-1])
    way.deliver_all()
    assert records(hook)[2].state == "succeeded"
    time.forward(7)
    deliver.wake_up(json.loads(leases._message(records(hook)[0])))
    way.deliver_all()
    assert [each.state for each in records(hook)] == ["succeeded"] * 3
    told = [(r.json()["type"], r.status) for r in receiver.requests if r.json()["id"] == ONE]
    assert told == [
        ("submission.create", 500), ("submission.create", 200), ("submission.update", 200),
    ]  # fmt: skip


def test_what_is_given_up_makes_way(scene, way, hook, receiver):
    receiver.script("/in", [500], headers={"webhook-delivery": "abort-message"})
    scene.submit(ONE)
    scene.review(ONE, "approved")
    way.match_all()
    for _ in range(3):
        for message in way.messages():
            deliver.run([message])
    assert [each.state for each in records(hook)] == ["failed", "succeeded"]


def test_who_settles_and_ends_before_it_could_wake_the_next_is_made_good(
    scene, way, hook, receiver, monkeypatch
):
    scene.submit(ONE)
    scene.review(ONE, "approved")
    way.match_all()
    first, second = sorted(way.messages(), key=lambda each: json.loads(each["body"])["eventId"])
    assert deliver.run([second]) == []

    def crash(_):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(deliver.line, "pass_on", crash)
        assert deliver.run([first]) == [first["messageId"]]
    assert [each.state for each in records(hook)] == ["succeeded", "pending"]
    assert deliver.run([first]) == []
    way.deliver_all()
    assert [each.state for each in records(hook)] == ["succeeded", "succeeded"]


def test_a_line_that_nobody_moves_is_looked_at_once_an_hour(scene, way, hook, time):
    scene.submit(ONE)
    scene.review(ONE, "approved")
    way.match_all()
    first, second = sorted(way.messages(), key=lambda each: json.loads(each["body"])["eventId"])
    deliver.run([second])
    deliver.run([first])
    assert len(way.messages()) == 1, "and it gets lost"
    time.forward(3700)
    sweep.run()
    way.deliver_all()
    assert [each.state for each in records(hook)] == ["succeeded", "succeeded"]


def test_a_replay_keeps_the_order_too(scene, way, receiver, story):
    hook = scene.hook(receiver.script("/in"), ordering="perSubmission")
    job = scene.bob.post(f"{scene.hooks}/{hook['id']}/replay", {}).json
    redelivery.run(hook["id"], job["jobId"])
    chance = random.Random(1)
    for _ in range(6):
        messages = way.messages()
        chance.shuffle(messages)
        for message in messages:
            deliver.run([message])
    told = [request.json()["eventId"] for request in receiver.requests]
    assert told == [event["eventId"] for event in story]


def test_a_hook_that_does_not_ask_for_order_has_none(scene, way, receiver, story):
    hook = scene.hook(receiver.script("/in"))
    scene.restore(ONE)
    match.run(way.events(events.RESTORE)[-1])
    [delivery] = records(hook)
    assert (delivery.after, delivery.followers) == (None, None)


# --- pace ---------------------------------------------------------------------------------------


def test_a_receiver_has_a_seconds_worth_at_once_and_the_rest_at_its_pace(
    scene, way, receiver, time
):
    hook = scene.hook(receiver.script("/in"), rateLimit={"perSecond": 2})
    for number in range(6):
        scene.submit(f"uuid:{number}")
    way.match_all()
    begun = clock.micros()
    for message in way.messages():
        assert deliver.run([message]) == []
    waiting = [each for each in records(hook) if each.state == "pending"]
    assert 2 <= len(receiver.requests) <= 4, "as time goes by a few more fit in"
    moments = sorted(each.paced_at for each in waiting)
    assert all(later - earlier == 500_000 for earlier, later in itertools.pairwise(moments))
    assert moments[-1] <= begun + 3_000_000
    time.forward(5)
    way.wake_all(hook)
    assert {each.state for each in records(hook)} == {"succeeded"}
    assert len(receiver.requests) == 6
    assert all(each.paced_at is None for each in records(hook))


def test_what_was_given_a_moment_needs_no_second_one(scene, way, receiver, time, monkeypatch):
    hook = scene.hook(receiver.script("/in"), rateLimit={"perSecond": 0.5})
    scene.submit("uuid:0")
    scene.submit("uuid:1")
    way.match_all()
    for message in way.messages():
        deliver.run([message])
    [waiting] = [each for each in records(hook) if each.state == "pending"]
    assert waiting.next_at == waiting.paced_at
    time.forward(3)
    assert pacing.reserve(_stored(hook), waiting) <= clock.micros()
    way.wake_all(hook)
    assert len(receiver.requests) == 2


def test_what_must_wait_for_long_is_left_to_the_sweep(scene, way, receiver, time):
    hook = scene.hook(receiver.script("/in"), rateLimit={"perSecond": 0.01})
    for number in range(12):
        scene.submit(f"uuid:{number}")
    way.match_all()
    for message in way.messages():
        deliver.run([message])
    far = [each for each in records(hook) if (each.next_at or 0) > clock.micros() + 900_000_000]
    assert far
    assert all(each.due is not None for each in far)


def _stored(hook):
    from sheaf.db import reads
    from sheaf.hooks.records import Hook

    return reads.get(Hook.ref(keys.hook(1, 1, hook["id"])))
