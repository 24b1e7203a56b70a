"""What KoBoToolbox's REST services taught: its nine known faults, none of which is here."""

from __future__ import annotations

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sheaf.hooks import events
from tests.cast import stored
from tests.contract.kobo.conftest import APPROVED, Kobo, deliver, tell

EVERYTHING = [
    "submission.create",
    "submission.update.version",
    "submission.update",
    "submission.delete",
]


@pytest.fixture
def hook(kobo, receiver):
    """A service that hears of everything."""
    return kobo.create(f"{receiver.url}/in", events=EVERYTHING)


def bodies(receiver, path="/in"):
    return [request.body for request in receiver.at(path)]


def test_1_what_is_sent_is_what_was_submitted_however_often_it_is_tried(
    scene, kobo, way, receiver, time
):
    """There each attempt reads the submission anew: edited it is another, deleted it is none."""
    hook = kobo.create(f"{receiver.url}/in")
    receiver.script("/in", [504, 504])
    deliver(scene, way)
    for change in (
        lambda: scene.edit("uuid:one", "uuid:one", "uuid:two", name="Bo"),
        lambda: scene.delete("uuid:one"),
    ):
        change()
        time.forward(3600)
        way.wake_all({"id": hook["uid"]})
    first, second, third = bodies(receiver)
    assert first == second == third
    assert b'"name":"Alan"' in third
    assert [log["status"] for log in kobo.logs(hook)] == [2]


def test_2_a_submission_is_told_of_as_often_as_something_happens_to_it(scene, kobo, way, hook):
    """There a log is unique for each service and submission."""
    scene.submit("uuid:one")
    scene.edit("uuid:one", "uuid:one", "uuid:two")
    scene.review("uuid:one", "approved")
    scene.delete("uuid:one")
    tell(way)
    logs = kobo.logs(hook)
    assert [log["event"] for log in reversed(logs)] == EVERYTHING
    assert len({log["submission_id"] for log in logs}) == 1
    assert len({log["uid"] for log in logs}) == 4


def test_3_what_is_done_to_many_is_told_of_each(scene, kobo, way, receiver, hook):
    """There what is done in bulk goes past the signals that services hang on."""
    for name in ("one", "two", "three"):
        scene.submit(f"uuid:{name}", name=name)
    many = {"payload": {"confirm": True, **APPROVED}}
    assert kobo.patch(f"{Kobo.DATA}validation_statuses/", many).status == 200
    for name in ("one", "two", "three"):
        scene.delete(f"uuid:{name}")
    tell(way)
    told = [(each.headers["webhook-event"], each.json()) for each in receiver.requests]
    reviewed = [record for event, record in told if event == "submission.update"]
    deleted = [record for event, record in told if event == "submission.delete"]
    assert {each["_validation_status"]["label"] for each in reviewed} == {"Approved"}
    # And whole, though it is gone.
    assert {each["name"] for each in reviewed} == {each["name"] for each in deleted}
    assert len(reviewed) == len(deleted) == 3


def test_4_there_is_an_event_for_when_all_files_are_there(scene, kobo, way, receiver):
    """There a service may be told before they have come, and is not told again."""
    kobo.create(f"{receiver.url}/in", events=["submission.create", events.COMPLETE])
    scene.submit("uuid:one", photo="p.jpg")
    file = f"{scene.SUBMISSIONS}/uuid:one/attachments/p.jpg"
    assert scene.bob.post(file, b"\xff\xd8", {"content-type": "image/jpeg"}).status == 200
    tell(way)
    told = {each.headers["webhook-event"]: each.json() for each in receiver.requests}
    assert told["submission.create"]["_attachments"] == []
    [photo] = told[events.COMPLETE]["_attachments"]
    assert scene.api.get(photo["download_url"]).body == b"\xff\xd8"


def test_5_of_many_services_each_gets_its_own(scene, kobo, way, receiver):
    """There a variable of a loop may leave all of them with the last one's task."""
    made = [kobo.create(f"{receiver.url}/{name}", subset_fields=[name]) for name in ("name", "age")]
    for instance_id in ("uuid:one", "uuid:two"):
        scene.submit(instance_id, name="Ada", age="7")
    tell(way)
    assert [each.json() for each in receiver.at("/name")] == [{"name": "Ada"}] * 2
    assert [each.json() for each in receiver.at("/age")] == [{"age": "7"}] * 2
    for hook, path in zip(made, ("/name", "/age"), strict=True):
        sent = {each.headers["webhook-id"] for each in receiver.at(path)}
        assert sent == {log["uid"] for log in kobo.logs(hook)}


def test_6_no_secret_is_told_or_kept_as_it_is(scene, kobo, way, receiver):
    """There whoever may see a service reads its password."""
    secrets = {"username": "u", "password": "hush-1", "custom_headers": {"X-Key": "hush-2"}}
    said = {"auth_level": "basic_auth", "settings": secrets}
    made = kobo.create(f"{receiver.url}/in", **said)
    deliver(scene, way)
    [log] = kobo.logs(made)
    changed = kobo.patch(kobo.one(made), {"name": "new"})
    answers = [changed, *map(kobo.get, (Kobo.HOOKS, kobo.one(made), kobo.log(made, log)))]
    for secret in ("hush-1", "hush-2", made["secret"]):
        assert not any(secret in answer.text for answer in answers), secret
        assert secret not in repr(stored()), secret
    [request] = receiver.requests
    assert request.headers["x-key"] == "hush-2"


def test_7_what_is_sent_has_an_id_and_a_signature(scene, kobo, way, receiver, time):
    """There a receiver can tell neither a repetition nor a forgery."""
    made = kobo.create(f"{receiver.url}/in")
    receiver.script("/in", [504])
    deliver(scene, way)
    time.forward(10)
    way.wake_all({"id": made["uid"]})
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    record = Webhook(made["secret"]).verify(first.body, dict(first.headers))
    assert record == first.json()
    with pytest.raises(WebhookVerificationError):
        Webhook(made["secret"]).verify(first.body + b" ", dict(first.headers))


def test_8_a_service_can_be_tried(scene, kobo, receiver):
    """There somebody has to submit something."""
    made = kobo.create(receiver.script("/in", [418]))
    answer = scene.bob.post(f"{scene.hooks}/{made['uid']}/ping")
    assert (answer.status, answer.json["status"]) == (200, 418)
    [request] = receiver.requests
    assert request.headers["webhook-event"] == "hook.ping"
    assert kobo.logs(made) == []


def test_9_nothing_to_retry_is_told_without_a_body(kobo):
    """There a 304 has one, which HTTP forbids and clients wait for."""
    made = kobo.create("http://127.0.0.1:9/in")
    answer = kobo.patch(f"{kobo.one(made)}retry/")
    assert (answer.status, answer.body) == (304, b"")
    assert "content-length" not in answer.headers
