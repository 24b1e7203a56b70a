"""Attempts at a real receiver: what it is sent, what is recorded, and when the next one comes."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime

import pytest
from standardwebhooks.webhooks import Webhook

from sheaf import clock, settings
from sheaf.db import keys, reads
from sheaf.hooks import attempts, deliver, deliveries, leases, shift, sweep
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.options import LONGEST_TIMEOUT
from sheaf.hooks.records import Hook
from sheaf.hooks.verdict import SCHEDULE
from tests.api import handler

ONE = "uuid:one"
GONE = "http://127.0.0.1:1/"


@pytest.fixture
def told(scene, way, receiver):
    """A hook at the receiver, and one event of a submission that waits to be delivered."""

    def tell(*statuses: int, delay: float = 0.0, headers=None, **said):
        url = receiver.script("/in", statuses, delay=delay, headers=headers)
        hook = scene.hook(said.pop("url", url), **said)
        scene.submit(ONE, name="Åse")
        way.match_all()
        return hook

    return tell


def record(hook) -> Delivery:
    [found] = Delivery.query(keys.deliveries(hook["id"]), consistent_read=True)
    return found


def wake(hook) -> None:
    deliver.wake_up(json.loads(leases._message(record(hook))))


def seconds_until_due(delivery: Delivery) -> float:
    return (delivery.next_at - clock.micros()) / 1_000_000


def test_a_request_is_as_standard_webhooks_asks(told, scene, way, receiver):
    hook = told()
    assert way.deliver_all() == []
    [request] = receiver.requests
    [listed] = scene.deliveries(hook)
    names = ("content-type", "user-agent", "webhook-id", "webhook-event", "webhook-attempt")
    assert (request.method, request.path) == ("POST", "/in")
    assert [request.headers[name] for name in names] == [
        "application/json; charset=utf-8", "sheaf-hooks/1", listed["id"], "submission.create", "1",
    ]  # fmt: skip
    assert set(request.headers) == {
        *names, "host", "content-length", "accept-encoding", "connection", "webhook-timestamp",
        "webhook-signature", "webhook-hops",
    }  # fmt: skip
    verified = Webhook(hook["secret"]).verify(request.body, dict(request.headers))
    assert verified["data"]["submission"]["name"] == "Åse"


def test_a_success_is_on_record(told, scene, way, receiver):
    hook = told()
    answer = handler("workers/deliver")({"Records": way.messages()}, None)
    assert answer == {"batchItemFailures": []}
    [listed] = scene.deliveries(hook)
    [attempt] = listed["attempts"]
    event = way.events("submission.create")[0]
    assert listed == {
        "id": listed["id"],
        "hookId": hook["id"],
        "eventId": event["eventId"],
        "event": "submission.create",
        "instanceId": ONE,
        "state": "succeeded",
        "reason": None,
        "attempts": [
            {
                "attempt": 1,
                "at": attempt["at"],
                "durationMs": attempt["durationMs"],
                "address": "127.0.0.1",
                "status": 200,
                "error": None,
                "errorClass": None,
                "response": '{"received": true}',
            }
        ],
        "nextAttemptAt": None,
        "createdAt": listed["createdAt"],
    }
    assert listed["id"] == f"dlv_{event['eventId'][4:]}-{hook['id'][4:]}"
    assert listed["createdAt"] <= attempt["at"]
    assert 0 <= attempt["durationMs"] < 10_000
    assert (way.messages(), way.delayed()) == ([], 0)


def test_a_failure_is_tried_again_with_the_same_bytes_and_id(told, scene, way, receiver, time):
    hook = told(500)
    way.deliver_all()
    [listed] = scene.deliveries(hook)
    assert listed["state"] == "retrying"
    assert [(a["status"], a["response"]) for a in listed["attempts"]] == [
        (500, '{"received": false}')
    ]
    assert 3 < seconds_until_due(record(hook)) < 6.1
    assert listed["nextAttemptAt"] > listed["attempts"][0]["at"]
    assert way.delayed() == 1
    # What happens to the submission meanwhile changes nothing.
    scene.edit(ONE, ONE, "uuid:two", name="Else")
    time.forward(7)
    wake(hook)
    first, second = receiver.requests
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert second.headers["webhook-attempt"] == "2"
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    [listed] = scene.deliveries(hook)
    assert listed["state"] == "succeeded"
    assert [attempt["status"] for attempt in listed["attempts"]] == [500, 200]


def test_the_whole_schedule_then_it_is_given_up(told, scene, receiver, time, caplog):
    hook = told(*[503] * 20)
    wake(hook)
    for tries in range(1, 10):
        waits = seconds_until_due(record(hook))
        assert SCHEDULE[tries] * 0.75 < waits < SCHEDULE[tries] * 1.25
        time.forward(waits + 1)
        caplog.clear()
        wake(hook)
    [listed] = scene.deliveries(hook)
    assert (listed["state"], listed["nextAttemptAt"]) == ("failed", None)
    assert [attempt["status"] for attempt in listed["attempts"]] == [503] * 10
    attempts = [request.headers["webhook-attempt"] for request in receiver.requests]
    assert attempts == [str(number) for number in range(1, 11)]
    assert len({request.body for request in receiver.requests}) == 1
    assert [each.getMessage() for each in caplog.records] == ["hook.failed", "request"]
    # Late wake-ups find nothing to do.
    time.forward(100_000)
    wake(hook)
    assert len(receiver.requests) == 10


def test_a_hook_may_fail_without_waking_anybody(scene, way, receiver, caplog):
    hook = scene.hook(
        receiver.script("/in", [500]), retry={"schedule": "none"}, notify={"email": False}
    )
    scene.submit(ONE)
    way.match_all()
    caplog.clear()
    assert way.deliver_all() == []
    assert scene.deliveries(hook)[0]["state"] == "failed"
    assert next(each.getMessage() for each in caplog.records) == "hook.given_up"


def test_a_hook_may_have_a_schedule_of_its_own(scene, way, receiver, time):
    hook = scene.hook(receiver.script("/in", [500] * 9), retry={"schedule": [60, 600]})
    scene.submit(ONE)
    way.match_all()
    assert way.deliver_all() == []
    for seconds in (60, 600):
        waits = seconds_until_due(record(hook))
        assert seconds * 0.75 < waits < seconds * 1.25
        time.forward(waits + 1)
        wake(hook)
    [listed] = scene.deliveries(hook)
    assert (listed["state"], len(listed["attempts"])) == ("failed", 3)


def test_a_hook_may_wait_longer_or_shorter(scene, way, receiver):
    hook = scene.hook(receiver.script("/in", delay=5), timeoutSeconds=1)
    scene.submit(ONE)
    way.match_all()
    assert way.deliver_all() == []
    [attempt] = scene.deliveries(hook)[0]["attempts"]
    assert attempt["error"] == "timeout: No whole answer within 1 s."


def test_a_wake_up_before_its_time_is_put_off(told, way, receiver, time):
    hook = told(500)
    way.deliver_all()
    assert way.delayed() == 1
    wake(hook)
    assert (len(receiver.requests), way.delayed()) == (1, 2)
    assert record(hook).state == "retrying"


def test_a_wait_beyond_what_the_queue_can_is_left_to_the_sweep(told, way, receiver, time):
    hook = told(503, headers={"Retry-After": "7200"})
    way.deliver_all()
    waiting = record(hook)
    assert 7100 < seconds_until_due(waiting) <= 7200
    assert (waiting.due_at, way.delayed()) == (f"{waiting.next_at:016d}", 0)
    time.forward(7100)
    assert sweep.run()["woken"] == 0
    time.forward(105)
    assert sweep.run()["woken"] == 1
    assert way.deliver_all() == []
    assert [request.headers["webhook-attempt"] for request in receiver.requests] == ["1", "2"]
    assert (record(hook).state, record(hook).due) == ("succeeded", None)


def test_a_receiver_that_is_gone_is_left_alone(told, scene, way, receiver):
    hook = told(410)
    way.deliver_all()
    [listed] = scene.deliveries(hook)
    assert (listed["state"], way.delayed()) == ("failed", 0)


def test_a_redirect_fails_and_is_not_followed(told, scene, way, receiver):
    hook = told(302, headers={"Location": f"{receiver.url}/elsewhere"})
    way.deliver_all()
    assert [request.path for request in receiver.requests] == ["/in"]
    [listed] = scene.deliveries(hook)
    assert (listed["state"], listed["attempts"][0]["status"]) == ("retrying", 302)


def test_a_receiver_that_is_down_is_tried_again(told, scene, way):
    hook = told(url=GONE)
    way.deliver_all()
    [listed] = scene.deliveries(hook)
    [attempt] = listed["attempts"]
    assert (listed["state"], attempt["status"]) == ("retrying", None)
    assert attempt["error"] == ("connect: The receiver refused the connection, or did not answer.")


def test_a_slow_receiver_is_given_up_in_time(told, scene, way, receiver, monkeypatch):
    monkeypatch.setattr(Hook, "timeout", 0.5)
    hook = told(delay=20)
    way.deliver_all()
    [listed] = scene.deliveries(hook)
    assert listed["attempts"][0]["error"] == "timeout: No whole answer within 0.5 s."
    assert 400 < listed["attempts"][0]["durationMs"] < 2000


def test_a_target_that_may_not_be_reached_blocks_the_delivery(
    told, scene, receiver, monkeypatch, caplog
):
    hook = told()
    monkeypatch.setattr(settings, "HOOK_TARGETS", "public")
    wake(hook)
    [listed] = scene.deliveries(hook)
    assert listed["state"] == "blocked"
    assert listed["attempts"][0] | {"at": None} == {
        "attempt": 1,
        "at": None,
        "durationMs": 0,
        "address": None,
        "status": None,
        "error": "blocked: the URL must begin with https://.",
        "errorClass": "blocked",
        "response": None,
    }
    assert receiver.requests == []
    assert "hook.failed" in [each.getMessage() for each in caplog.records]


def test_basic_authentication_is_sent(told, way, receiver):
    told(auth={"type": "basic", "username": "ü", "password": "pä:ss"})
    way.deliver_all()
    pair = b64encode("ü:pä:ss".encode()).decode()
    assert receiver.requests[0].headers["authorization"] == f"Basic {pair}"


def test_a_hook_that_was_turned_off_or_deleted_cancels_what_waits(told, scene, way, receiver):
    hook = told()
    scene.bob.patch(f"{scene.hooks}/{hook['id']}", {"active": False})
    way.deliver_all()
    [listed] = scene.deliveries(hook)
    assert (listed["state"], listed["reason"]) == ("cancelled", "The hook is turned off.")
    second = scene.hook(f"{receiver.url}/in")
    scene.review(ONE, "approved")
    way.match_all()
    scene.bob.delete(f"{scene.hooks}/{second['id']}")
    way.deliver_all()
    assert (record(second).state, record(second).reason) == (
        "cancelled",
        "The hook has been deleted.",
    )
    assert receiver.requests == []


def test_a_new_url_holds_for_what_waits(told, scene, way, receiver, time):
    hook = told(500)
    way.deliver_all()
    scene.bob.patch(f"{scene.hooks}/{hook['id']}", {"url": f"{receiver.url}/new"})
    time.forward(10)
    wake(hook)
    assert [request.path for request in receiver.requests] == ["/in", "/new"]


def test_a_wake_up_that_comes_twice_sends_once(told, way, receiver):
    hook = told()
    messages = way.messages() * 3
    assert deliver.run(messages) == []
    wake(hook)
    assert len(receiver.requests) == 1


def test_of_wake_ups_at_the_same_time_one_sends(told, way, receiver):
    from concurrent.futures import ThreadPoolExecutor

    hook = told(delay=0.3)
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: wake(hook), range(5)))
    assert len(receiver.requests) == 1
    assert record(hook).state == "succeeded"
    # The others did not know how it would end, and will come again.
    assert way.delayed() == 4


class CrashError(Exception):
    """The process ends here."""


def crash(*_args, **_kwargs):
    raise CrashError


def test_a_crash_after_the_request_means_one_more_and_none_lost(
    told, way, receiver, time, monkeypatch
):
    hook = told()
    messages = way.messages()
    with monkeypatch.context() as patch:
        patch.setattr(leases, "settle", crash)
        assert deliver.run(messages) == [messages[0]["messageId"]]
    assert record(hook).state == "delivering"
    assert deliver.run(messages) == []
    assert len(receiver.requests) == 1
    time.forward(deliver.LEASE + 1)
    assert deliver.run(messages) == []
    assert [request.headers["webhook-attempt"] for request in receiver.requests] == ["1", "1"]
    assert record(hook).state == "succeeded"


def test_a_crash_before_the_next_wake_up_leaves_the_message(told, way, receiver, time, monkeypatch):
    hook = told(500)
    messages = way.messages()
    with monkeypatch.context() as patch:
        patch.setattr(leases, "wake", crash)
        assert deliver.run(messages) == [messages[0]["messageId"]]
    assert record(hook).state == "retrying"
    assert way.delayed() == 0
    time.forward(10)
    assert deliver.run(messages) == []
    assert record(hook).state == "succeeded"


def test_who_has_lost_the_lease_does_not_write_over_the_other(told, scene, way, receiver, time):
    hook = told()
    first, second = record(hook), record(hook)
    assert leases.take(first, 45)
    time.forward(46)
    assert leases.take(second, 45)
    assert not leases.settle(first, deliveries.FAILED)
    assert record(hook).state == "delivering"
    assert leases.settle(second, deliveries.SUCCEEDED)
    assert record(hook).state == "succeeded"


def test_a_body_that_was_purged_is_not_sent(told, scene, way, receiver):
    from sheaf.submissions import purge

    hook = told()
    scene.delete(ONE)
    assert purge.run(0) == 1
    way.deliver_all()
    assert (record(hook).state, record(hook).reason) == (
        "cancelled",
        "The submission has been purged.",
    )
    assert receiver.requests == []


@pytest.mark.parametrize("body", ["", "no json", "[]", "{}", '{"hookId": "whk_x"}'])
def test_a_message_that_cannot_be_read_stays_in_the_queue(way, body):
    records = [{"messageId": "m1", "body": body}]
    assert deliver.run(records) == ["m1"]


def test_one_bad_message_holds_up_no_other(told, way, receiver):
    hook = told()
    assert deliver.run([{"messageId": "m1", "body": "?"}, *way.messages()]) == ["m1"]
    assert record(hook).state == "succeeded"


def test_a_wake_up_for_nothing_is_forgotten(way):
    message = {"hookId": "whk_none", "eventId": f"{clock.micros():016d}00aa-1"}
    message |= {"submissionId": "1", "projectId": 1, "formId": 1}
    assert deliver.run([{"messageId": "m1", "body": json.dumps(message)}]) == []
    assert (way.messages(), way.delayed()) == ([], 0)


def test_a_long_answer_is_kept_in_part(told, scene, way, receiver, monkeypatch):
    monkeypatch.setattr(attempts, "EXCERPT", 5)
    hook = told()
    way.deliver_all()
    assert scene.deliveries(hook)[0]["attempts"][0]["response"] == '{"rec'


def test_deliveries_are_listed_newest_first_in_pages(scene, way, receiver):
    hook = scene.hook(f"{receiver.url}/in")
    for number in range(5):
        scene.submit(f"uuid:{number}")
    way.match_all()
    waking = way.messages()
    deliver.run(waking[:2])
    listed = scene.deliveries(hook)
    assert [each["instanceId"] for each in listed] == [f"uuid:{n}" for n in (4, 3, 2, 1, 0)]
    moments = [datetime.fromisoformat(each["createdAt"]) for each in listed]
    assert moments == sorted(moments, reverse=True)
    assert scene.deliveries(hook, "?limit=2") == listed[:2]
    assert scene.deliveries(hook, f"?limit=2&cursor={listed[1]['id']}") == listed[2:4]
    assert scene.deliveries(hook, f"?cursor={listed[4]['id']}") == []
    assert scene.deliveries(hook, "?limit=0") == []
    done = [each for each in listed if each["state"] == "succeeded"]
    assert len(done) == 2
    assert scene.deliveries(hook, "?state=succeeded") == done
    assert len(scene.deliveries(hook, "?state=pending&limit=1")) == 1


@pytest.mark.parametrize(("query", "code"), [("?state=lost", 400.8), ("?limit=x", 400.11)])
def test_a_list_that_makes_no_sense_is_refused(scene, query, code):
    hook = scene.hook(GONE)
    answer = scene.bob.get(f"{scene.hooks}/{hook['id']}/deliveries{query}")
    assert answer.json["code"] == code


def test_the_longest_time_a_lease_lasts_is_shorter_than_the_queue_hides_a_message(template):
    queue = template["Resources"]["DeliveryQueue"]["Properties"]
    worker = template["Resources"]["WorkersDeliver"]["Properties"]
    assert queue["VisibilityTimeout"] > deliver.LEASE > LONGEST_TIMEOUT
    assert queue["VisibilityTimeout"] > worker["Timeout"] > shift.TAKING + LONGEST_TIMEOUT
    assert worker["Events"]["Queue"]["Properties"]["BatchSize"] == shift.BATCH
    assert reads.get(Delivery.ref(("", ""))) is None


def test_a_record_that_was_written_twice_still_gets_its_next_wake_up(told, way, monkeypatch):
    """The SDK sends a write again when its answer was lost; the second finds the lease gone."""
    hook, settle = told(500), leases.settle
    messages = way.messages()

    def twice(*args, **kwargs):
        settle(*args, **kwargs)
        return settle(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(leases, "settle", twice)
        assert deliver.run(messages) == []
    assert record(hook).state == "retrying"
    assert len(record(hook).attempts) == 1
    assert len(way.messages()) + way.delayed() == 1
