"""KoBoToolbox's logs of what a service was sent, and sending again, beyond test_parity."""

from __future__ import annotations

import pytest

from sheaf import clock
from sheaf.hooks import attempts, redelivery
from sheaf.hooks.connect import Answer
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.sending import Outcome
from sheaf.kobo import logs
from tests.cast import is_time
from tests.contract.kobo.conftest import FINAL, NOT_FOUND, ORIGIN, Kobo, deliver, told

HOOKS = Kobo.HOOKS


def answering(receiver, *statuses):
    """Let the receiver answer so, and have nothing tried again by itself that it refuses."""
    receiver.script("/in", statuses, headers=FINAL)


def test_a_log_tells_what_became_of_a_submission(scene, kobo, way, receiver):
    hook = kobo.create(f"{receiver.url}/in")
    deliver(scene, way)
    [log] = kobo.logs(hook)
    url = f"{ORIGIN}{HOOKS}{hook['uid']}/logs/{log['uid']}/"
    assert log == {
        "url": url,
        "uid": log["uid"],
        "submission_id": log["submission_id"],
        "instance_id": "uuid:one",
        "event": "submission.create",
        "tries": 1,
        "status": 2,
        "status_str": "Success",
        "status_code": 200,
        "message": '{"received": true}',
        "date_created": log["date_created"],
        "date_modified": log["date_modified"],
    }
    assert is_time(log["date_modified"])
    assert kobo.get(kobo.log(hook, log)).json == log
    assert kobo.get(kobo.log(hook, log)[:-1]).json == log
    # It is the number by which the status is set, and that the record has.
    record = receiver.requests[0].body
    assert f'"_id":{log["submission_id"]},'.encode() in record
    shown = kobo.get(f"{HOOKS}{hook['uid']}/").json
    counts = [shown[f"{name}_count"] for name in ("success", "failed", "pending")]
    assert counts == [1, 0, 0]


@pytest.mark.usefixtures("patient")
def test_a_failure_of_sending_again_is_told(scene, kobo, way, receiver):
    hook = kobo.create(f"{receiver.url}/in")
    answering(receiver, 400, 504, 500)
    deliver(scene, way)
    [log] = kobo.logs(hook)
    assert (log["status"], log["status_str"], log["status_code"]) == (0, "Failed", 400)
    answer = kobo.patch(f"{kobo.log(hook, log)}retry/")
    assert answer.status == 400
    assert answer.json["detail"].startswith("HTTP 504 - ")
    assert kobo.logs(hook)[0]["tries"] == 2
    assert kobo.patch(f"{kobo.log(hook, log)}retry/").json["detail"].startswith("HTTP 500 - ")


@pytest.fixture
def hasty(time, monkeypatch):
    """Who waits sees time pass, and nothing else."""
    monkeypatch.setattr(clock, "wait", time.forward)


@pytest.mark.usefixtures("hasty")
def test_an_attempt_that_does_not_end_is_not_waited_for_for_ever(scene, kobo, way, receiver):
    hook = kobo.create(f"{receiver.url}/in")
    answering(receiver, 400)
    deliver(scene, way)
    [log] = kobo.logs(hook)
    answer = kobo.patch(f"{kobo.log(hook, log)}retry/")
    assert told(answer) == (400, {"detail": "HTTP 504 - The attempt has not ended yet."})
    way.deliver_all()
    assert kobo.logs(hook)[0]["status"] == logs.SUCCESS


def test_all_that_has_failed_is_sent_again(scene, kobo, way, receiver):
    hook = kobo.create(f"{receiver.url}/in")
    retry = f"{HOOKS}{hook['uid']}/retry/"
    answer = kobo.patch(retry)
    assert (answer.status, answer.body) == (304, b"")
    answering(receiver, 400, 403)
    deliver(scene, way, "uuid:one")
    deliver(scene, way, "uuid:two")
    deliver(scene, way, "uuid:three")
    failed = {log["uid"] for log in kobo.logs(hook, "?status=0")}
    assert len(failed) == 2
    answer = kobo.patch(retry)
    assert answer.status == 200
    assert answer.json["detail"] == "Task successfully scheduled"
    assert set(answer.json["pending_uids"]) == failed
    [job] = way.events("hook.job")
    redelivery.run(job["hookId"], job["jobId"])
    way.deliver_all()
    assert [log["status"] for log in kobo.logs(hook)] == [2, 2, 2]
    assert kobo.patch(retry).status == 304


def test_a_disabled_service_sends_nothing_again(scene, kobo, way, receiver):
    hook = kobo.create(f"{receiver.url}/in")
    answering(receiver, 400)
    deliver(scene, way)
    [log] = kobo.logs(hook)
    assert kobo.patch(f"{HOOKS}{hook['uid']}/", {"active": False}).status == 200
    disabled = (400, {"detail": "Cannot retry on disabled hooks"})
    assert told(kobo.patch(f"{HOOKS}{hook['uid']}/retry/")) == disabled
    assert told(kobo.patch(f"{kobo.log(hook, log)}retry/")) == disabled


def test_logs_are_chosen_by_status(scene, kobo, way, receiver):
    hook = kobo.create(f"{receiver.url}/in")
    answering(receiver, 200, 400)
    deliver(scene, way, "uuid:one")
    deliver(scene, way, "uuid:two")
    receiver.script("/in", [504])
    deliver(scene, way, "uuid:three")
    scene.submit("uuid:four")
    way.match_all()

    def named(query):
        return [log["instance_id"].removeprefix("uuid:") for log in kobo.logs(hook, query)]

    assert named("?status=2") == ["one"]
    assert named("?status=0") == ["two"]
    assert named("?status=1") == ["four", "three"]
    assert named("?status=3") == []
    assert named("") == named("?status=") == ["four", "three", "two", "one"]


def test_logs_are_chosen_by_date(scene, kobo, way, receiver):
    hook = kobo.create(f"{receiver.url}/in")
    deliver(scene, way)
    delivery = next(iter(Delivery.query(f"L#{hook['uid']}")))
    # Of what came of it last, not of the event.
    moment = 1_700_000_000_000_000  # 2023-11-14T22:13:20Z
    attempt = {**dict(delivery.attempts[0]), "t": moment, "ms": 0}
    delivery.update([Delivery.attempts.set([attempt])])
    for query, there in (
        ("?start_date=2023-11-14", True),
        ("?start_date=2023-11-15", False),
        ("?end_date=2023-11-14", False),
        ("?start_date=2023-11-14T22:13:20Z", True),
        ("?start_date=2023-11-14T22:13:20.001Z", False),
        ("?start_date=2023-11-15T03:13:20%2B05:00", True),
        ("?start_date=2023-11-15T03:13:20+05:00", True),
        ("?start_date=2023-11-14T22:13:20-05:00", False),
        ("?start=2023-11-14&end=2099-01-01&status=2", True),
        ("?start=2023-11-15", False),
    ):
        assert bool(kobo.logs(hook, query)) is there, query


def test_logs_come_in_pages(scene, kobo, way, receiver):
    hook = kobo.create(f"{receiver.url}/in")
    for number in range(5):
        scene.submit(f"uuid:{number}")
    way.match_all()
    first = kobo.get(f"{HOOKS}{hook['uid']}/logs/?limit=2").json
    assert first["count"] == 5
    assert [log["instance_id"] for log in first["results"]] == ["uuid:4", "uuid:3"]
    second = kobo.get(first["next"].removeprefix(ORIGIN)).json
    assert [log["instance_id"] for log in second["results"]] == ["uuid:2", "uuid:1"]
    assert second["previous"].endswith("limit=2&start=0")
    last = kobo.get(second["next"].removeprefix(ORIGIN)).json
    assert [log["instance_id"] for log in last["results"]] == ["uuid:0"]
    assert last["next"] is None


def test_a_message_is_without_markup_unless_it_is_json(scene, kobo, way, receiver):
    hook = kobo.create(f"{receiver.url}/in")
    deliver(scene, way)
    delivery = next(iter(Delivery.query(f"L#{hook['uid']}")))
    for body, message in (
        (b"<h1>Bad</h1> <p>gateway</p>", "Bad gateway"),
        (b'{"html": "<b>kept</b>"}', '{"html": "<b>kept</b>"}'),
    ):
        answer = Answer(502, {}, body)
        noted = attempts.note(delivery, Outcome(delivery.created_at, 5, answer=answer))
        delivery.update([Delivery.attempts.set([noted])])
        assert kobo.logs(hook)[0]["message"] == message


def test_where_nobody_listens_there_is_no_status_code(scene, kobo, way):
    hook = kobo.create("http://127.0.0.1:9/in")
    deliver(scene, way)
    [log] = kobo.logs(hook)
    assert log["status_code"] is None
    assert log["message"] != ""


def test_other_logs_are_not_found(scene, kobo, way, receiver):
    hook, other = kobo.create(f"{receiver.url}/in"), kobo.create(f"{receiver.url}/other")
    deliver(scene, way)
    [log] = kobo.logs(hook)
    for wrong in (
        kobo.log(other, log),
        kobo.log(hook, {"uid": "x"}),
        f"{kobo.log(hook, log)}more/",
    ):
        assert told(kobo.get(wrong)) == NOT_FOUND, wrong
        assert told(kobo.patch(f"{wrong}retry/")) == NOT_FOUND, wrong
