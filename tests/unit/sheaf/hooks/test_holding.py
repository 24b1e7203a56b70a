"""Hooks that are disabled, by people, by their receivers or for failing: what they miss is held."""

from __future__ import annotations

from time import monotonic

import pytest

from sheaf.db import keys
from sheaf.hooks import backlog, deliver, events, gates, match, sweep
from sheaf.hooks.deliveries import Delivery
from tests.cast import audits

HOURS = 3600


def states(hook) -> list[str]:
    found = Delivery.query(keys.deliveries(hook["id"]), consistent_read=True)
    return [each.state for each in found]


@pytest.fixture
def hook(scene, receiver):
    return scene.hook(receiver.script("/in"))


def post(scene, hook, verb, by=None):
    return (by or scene.bob).post(f"{scene.hooks}/{hook['id']}/{verb}")


def shown(scene, hook):
    return scene.bob.get(f"{scene.hooks}/{hook['id']}").json


@pytest.mark.parametrize("verb", ["enable", "disable"])
def test_only_managers_may(scene, hook, verb):
    for role in (None, "viewer", "formfill"):
        assert post(scene, hook, verb, scene.person(f"{role}", role)).json["code"] == 403.1
    assert scene.api.post(f"{scene.hooks}/{hook['id']}/{verb}").json["code"] == 401.2
    assert scene.bob.post(f"{scene.hooks}/whk_none/{verb}").json["code"] == 404.1
    assert audits("hook.enable", "hook.disable") == []


def test_a_hook_that_is_disabled_holds_what_comes_and_enabled_sends_it_in_order(
    scene, way, hook, receiver
):
    answer = post(scene, hook, "disable")
    assert answer.status == 200
    changed = {"state": "disabled", "disabledReason": "Somebody asked for it."}
    assert answer.json == {**shown(scene, hook), **changed}
    assert {**hook, **changed} == {**answer.json, "secret": hook["secret"]}
    for number in range(4):
        scene.submit(f"uuid:{number}")
    way.match_all()
    assert way.deliver_all() == []
    assert states(hook) == ["held"] * 4
    assert sweep.run()["woken"] == 0
    assert (receiver.requests, way.messages()) == ([], [])

    answer = post(scene, hook, "enable")
    assert (answer.status, answer.json["state"], answer.json["disabledReason"]) == (
        200, "active", None,
    )  # fmt: skip
    for message in way.messages():
        deliver.run([message])
    assert states(hook) == ["succeeded"] * 4
    assert [received.json()["id"] for received in receiver.requests] == [
        f"uuid:{number}" for number in range(4)
    ]


def test_what_waits_for_its_next_attempt_is_held_too(scene, way, hook, receiver, time):
    receiver.script("/in", [500, 503], headers={"Retry-After": "7200"})
    scene.submit("uuid:soon")
    scene.submit("uuid:late")
    way.match_all()
    for message in way.messages():
        deliver.run([message])
    assert states(hook) == ["retrying", "retrying"]
    post(scene, hook, "disable")
    time.forward(7300)
    sweep.run()
    assert states(hook) == ["retrying", "held"], "the first one's message is still in the queue"
    way.wake_all(hook)
    assert states(hook) == ["held", "held"]
    assert gates.of(hook["id"]).due is None, "a hook that is disabled costs nothing"
    receiver.script("/in")
    post(scene, hook, "enable")
    for message in way.messages():
        deliver.run([message])
    assert states(hook) == ["succeeded", "succeeded"]


def test_however_quick_a_window_of_deliveries_is_the_next_one_follows_it(
    scene, way, hook, time, monkeypatch
):
    """Else whatever is beyond the first window would wait for the sweep, minute by minute."""
    monkeypatch.setattr(backlog, "FIRST", 5)
    scene.submit("uuid:quick")
    way.match_all()
    way.deliver_all()
    post(scene, hook, "disable")
    for number in range(12):
        scene.submit(f"uuid:{number}")
    way.match_all()
    way.deliver_all()
    assert states(hook) == ["succeeded"] + ["held"] * 12
    time.forward(10)
    post(scene, hook, "enable")
    assert (len(way.messages()), way.delayed()) == (4, 1), "the request itself wakes a few"
    # Lost: the table knows of them all the same.
    time.forward(10)
    deadline = monotonic() + 30
    while set(states(hook)) != {"succeeded"}:
        assert monotonic() < deadline, states(hook)
        assert deliver.run(way.messages()) == []
    told = scene.deliveries(hook)
    assert [len(each["attempts"]) for each in told] == [1] * 13


def test_should_enabling_end_halfway_the_sweep_lets_all_go(scene, way, hook, receiver, time):
    post(scene, hook, "disable")
    scene.submit("uuid:one")
    way.match_all()
    way.deliver_all()
    post(scene, hook, "enable")
    assert len(way.messages()) == 1, "and they get lost"
    time.forward(61)
    assert sweep.run()["woken"] == 1
    way.deliver_all()
    assert states(hook) == ["succeeded"]


def test_enabling_and_disabling_are_told_once(scene, hook):
    for verb in ("disable", "disable", "enable", "enable"):
        assert post(scene, hook, verb).status == 200
    rows = audits("hook.enable", "hook.disable")
    assert [(row["action"], row["actorId"], row["details"]) for row in rows] == [
        ("hook.disable", scene.ids["Bob"],
         {"hookId": hook["id"], "reason": "Somebody asked for it."}),
        ("hook.enable", scene.ids["Bob"], {"hookId": hook["id"]}),
    ]  # fmt: skip


def test_a_hook_of_the_project_is_disabled_and_enabled_too(scene, way, receiver):
    url = receiver.script("/all")
    hook = scene.bob.post("/v1/projects/1/hooks", {"name": "all", "url": url}).json
    path = f"/v1/projects/1/hooks/{hook['id']}"
    assert scene.bob.post(f"{path}/disable").json["state"] == "disabled"
    scene.submit("uuid:one")
    way.match_all()
    way.deliver_all()
    assert states(hook) == ["held"]
    assert scene.bob.post(f"{path}/enable").json["state"] == "active"
    way.deliver_all()
    assert states(hook) == ["succeeded"]
    assert [row["acteeId"] for row in audits("hook.disable")] == [scene.project.actee_id]


def test_a_receiver_that_is_gone_disables_its_hook(scene, way, hook, receiver):
    receiver.script("/in", [410])
    scene.submit("uuid:one")
    way.match_all()
    way.deliver_all()
    scene.submit("uuid:two")
    way.match_all()
    way.deliver_all()
    assert states(hook) == ["failed", "held"]
    told = shown(scene, hook)
    assert (told["state"], told["disabledReason"]) == (
        "disabled", "The receiver answered 410 (Gone).",
    )  # fmt: skip
    [row] = audits("hook.disable")
    assert (row["actorId"], row["details"]["reason"]) == (None, told["disabledReason"])


def test_a_receiver_may_ask_for_it(scene, way, hook, receiver):
    receiver.script("/in", headers={"webhook-delivery": "disable"})
    scene.submit("uuid:one")
    way.match_all()
    way.deliver_all()
    assert states(hook) == ["succeeded"]
    assert shown(scene, hook)["disabledReason"] == "The receiver asked for it."


def test_a_receiver_may_ask_not_to_be_sent_one_again(scene, way, hook, receiver):
    receiver.script("/in", [500], headers={"webhook-delivery": "abort-message"})
    scene.submit("uuid:one")
    way.match_all()
    way.deliver_all()
    assert states(hook) == ["failed"]
    assert shown(scene, hook)["state"] == "active"


def test_a_hook_all_of_whose_attempts_have_failed_for_five_days_is_disabled(
    scene, way, hook, receiver, time
):
    """Who watches is told when it begins, at half of the time, at 70 and 90 %, and at its end."""
    receiver.script("/in", [500] * 100)
    for number in range(21):
        scene.submit(f"uuid:{number}")
        match.run(way.events(events.CREATE)[-1])
        way.deliver_all()
        time.forward(6 * HOURS)
    told = shown(scene, hook)
    rows = audits("hook.failing", "hook.disable")
    since = told["failingSince"]
    assert [(row["action"], row["details"].get("percent")) for row in rows] == [
        ("hook.failing", 1), ("hook.failing", 50), ("hook.failing", 70), ("hook.failing", 90),
        ("hook.disable", 100),
    ]  # fmt: skip
    assert {row["details"]["failingSince"] for row in rows} == {since}
    assert {(row["actorId"], row["details"]["hookId"]) for row in rows} == {(None, hook["id"])}
    assert (told["state"], told["disabledReason"]) == (
        "disabled", f"Every attempt since {since} has failed.",
    )  # fmt: skip
    # The next one is held, and a hook that is enabled again begins anew.
    scene.submit("uuid:held")
    match.run(way.events(events.CREATE)[-1])
    way.deliver_all()
    assert states(hook)[-1] == "held"
    told = post(scene, hook, "enable").json
    assert (told["state"], told["failingSince"]) == ("active", None)


def test_one_success_ends_the_failing(scene, way, hook, receiver, time):
    for number, status in enumerate((500, 500, 200, 500)):
        receiver.script("/in", [status])
        scene.submit(f"uuid:{number}")
        match.run(way.events(events.CREATE)[-1])
        way.deliver_all()
        assert (shown(scene, hook)["failingSince"] is None) == (status == 200)
        time.forward(20 * HOURS)
    # Twice it began; to half of the time it came never.
    assert [row["details"]["percent"] for row in audits("hook.failing")] == [1]
