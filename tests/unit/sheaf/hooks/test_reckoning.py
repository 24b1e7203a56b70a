"""Accounts: what has happened against what a hook was sent."""

from __future__ import annotations

import pytest

from sheaf import clock, settings
from sheaf.db import keys
from sheaf.db.audit import Audit
from sheaf.hooks import events, match, reckoning, redelivery
from sheaf.hooks.deliveries import Delivery
from sheaf.submissions import tallies


@pytest.fixture
def hook(scene, receiver):
    return scene.hook(receiver.script("/in"))


def account(scene, hook, query=""):
    answer = scene.bob.get(f"{scene.hooks}/{hook['id']}/reconcile{query}")
    assert answer.status == 200, answer.text
    return answer.json


def test_an_event_without_a_delivery_is_a_gap_until_it_is_replayed(scene, way, hook):
    for number in range(4):
        scene.submit(f"uuid:{number}")
    lost = way.events(events.CREATE)[1]
    for event in way.events(events.CREATE):
        if event != lost:
            match.run(event)
    way.deliver_all()
    # A receiver that is not known yet has two attempts at a time; what had to wait comes next.
    way.deliver_all()
    told = account(scene, hook)
    assert told["until"] == told["end"]
    assert {name: told[name] for name in ("events", "records", "succeeded", "states", "gaps")} == {
        "events": 4,
        "records": 3,
        "succeeded": 3,
        "states": {"succeeded": 3},
        "gaps": [
            {
                "eventId": lost["eventId"],
                "event": "submission.create",
                "instanceId": "uuid:1",
                "timestamp": lost["loggedAt"],
            }
        ],
    }
    job = scene.bob.post(f"{scene.hooks}/{hook['id']}/replay", {"mode": "missing"}).json
    assert job["matched"] == 1
    redelivery.run(hook["id"], job["jobId"])
    way.deliver_all()
    told = account(scene, hook)
    assert (told["events"], told["records"], told["succeeded"], told["gaps"]) == (4, 4, 4, [])


@pytest.mark.parametrize(
    "spoilt", [{"a": {"N": "1"}}, {}, {"a": {"S": "form.update.publish"}, "e": {"S": "{"}}]
)
def test_a_poison_record_hides_no_other(scene, way, hook, time, spoilt):
    """The account, a replay, the audit log and the tally go on beside it."""
    scene.submit("uuid:one")
    for kind in "cs":
        pk, sk = keys.audit(kind, f"{clock.micros():016d}00k9")
        row = {"pk": {"S": pk}, "sk": {"S": sk}, **spoilt}
        way.aws.client("dynamodb").put_item(TableName=settings.TABLE_NAME, Item=row)
    scene.submit("uuid:two")
    told = account(scene, hook)
    assert [gap["instanceId"] for gap in told["gaps"]] == ["uuid:one", "uuid:two"]
    job = scene.bob.post(f"{scene.hooks}/{hook['id']}/replay", {"mode": "missing"}).json
    redelivery.run(hook["id"], job["jobId"])
    way.deliver_all()
    told = account(scene, hook)
    assert (told["events"], told["succeeded"], told["gaps"]) == (2, 2, [])
    feeds = [feed for kind in "cs" for feed in keys.feeds(kind)]
    logged = [row.action for feed in feeds for row in Audit.query(feed, consistent_read=True)]
    assert logged.count("event.unreadable") == 2
    assert logged.count("submission.create") == 2
    time.forward(3600)
    assert tallies.keep() == 2


def test_only_what_the_hook_wanted_when_it_happened_counts(scene, way, receiver):
    scene.submit("uuid:before")
    hook = scene.hook(receiver.script("/in"), events=["submission.create"])
    one = f"{scene.hooks}/{hook['id']}"
    scene.submit("uuid:1")
    scene.review("uuid:1", "approved")
    scene.bob.patch(one, {"active": False})
    scene.submit("uuid:off")
    scene.bob.patch(one, {"active": True})
    scene.submit("uuid:2")
    way.match_all()
    way.deliver_all()
    told = account(scene, hook)
    assert (told["events"], told["records"], told["gaps"], told["unasked"]) == (2, 2, [], 0)
    job = scene.bob.post(f"{one}/replay", {}).json
    redelivery.run(hook["id"], job["jobId"])
    told = account(scene, hook)
    assert (told["events"], told["records"], told["gaps"], told["unasked"]) == (2, 2, [], 2)


def test_what_a_filter_keeps_back_is_no_gap(scene, way, receiver):
    old = {"data": {"submission": {"age": [{"numeric": [">", 17]}]}}}
    hook = scene.hook(receiver.script("/in"), filter=old)
    scene.submit("uuid:young", age="9")
    scene.submit("uuid:old", age="70")
    told = account(scene, hook)
    assert (told["events"], told["records"]) == (1, 0)
    assert [gap["instanceId"] for gap in told["gaps"]] == ["uuid:old"]
    way.match_all()
    told = account(scene, hook)
    assert (told["events"], told["records"], told["gaps"]) == (1, 1, [])


def test_an_account_goes_on_where_one_request_has_seen_enough(scene, way, hook, monkeypatch):
    monkeypatch.setattr(reckoning, "MOST_OPEN", 2)
    for number in range(5):
        scene.submit(f"uuid:{number}")
    start, gaps, rounds = "", [], 0
    while True:
        told = account(scene, hook, f"?start={start}" if start else "")
        gaps += [gap["instanceId"] for gap in told["gaps"]]
        rounds += 1
        if told["until"] == told["end"]:
            break
        start = told["until"]
    assert gaps == [f"uuid:{number}" for number in range(5)]
    assert rounds == 3


def test_a_span_of_time_is_picked(scene, way, hook):
    moments = []
    for number in range(3):
        scene.submit(f"uuid:{number}")
        moments.append(way.events(events.CREATE)[-1]["loggedAt"])
    way.match_all()
    told = account(scene, hook, f"?start={moments[1]}&end={moments[2]}")
    assert (told["start"], told["end"], told["events"]) == (moments[1], moments[2], 1)


def test_numbers_tell_states_types_and_how_long_it_took(scene, way, hook, receiver, time):
    receiver.script("/in", [410])
    scene.submit("uuid:0")
    way.match_all()
    way.deliver_all()
    scene.bob.post(f"{scene.hooks}/{hook['id']}/enable")
    scene.submit("uuid:1")
    scene.review("uuid:1", "approved")
    time.forward(30)
    way.match_all()
    way.deliver_all()
    answer = scene.bob.get(f"{scene.hooks}/{hook['id']}/stats")
    told = answer.json
    assert {name: told[name] for name in ("deliveries", "attempts", "states", "events")} == {
        "deliveries": 3,
        "attempts": 3,
        "states": {"failed": 1, "succeeded": 2},
        "events": {"submission.create": 2, "submission.update": 1},
    }
    assert told["until"] == told["end"]
    assert 30_000 <= told["latencyMs"]["p50"] <= told["latencyMs"]["p99"] < 90_000


def test_numbers_of_nothing(scene, hook):
    told = scene.bob.get(f"{scene.hooks}/{hook['id']}/stats").json
    assert (told["deliveries"], told["latencyMs"]) == (0, {"p50": None, "p95": None, "p99": None})


def test_numbers_end_where_one_request_has_seen_enough(scene, way, hook, monkeypatch):
    monkeypatch.setattr(reckoning, "MOST", 2)
    for number in range(3):
        scene.submit(f"uuid:{number}")
    way.match_all()
    told = scene.bob.get(f"{scene.hooks}/{hook['id']}/stats").json
    third = list(Delivery.query(keys.deliveries(hook["id"])))[2]
    assert told["deliveries"] == 2
    assert told["until"] == way.events(events.CREATE)[2]["loggedAt"]
    assert third.instance_id == "uuid:2"


@pytest.mark.parametrize("what", ["stats", "reconcile"])
def test_a_time_that_is_none_is_refused(scene, hook, what):
    answer = scene.bob.get(f"{scene.hooks}/{hook['id']}/{what}?start=never")
    assert answer.json["code"] == 400.11
