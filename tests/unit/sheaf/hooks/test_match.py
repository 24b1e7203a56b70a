"""From an event to deliveries with frozen bodies, whatever happens twice, late or in between."""

from __future__ import annotations

import json
from itertools import permutations

import pytest

from sheaf import blobs, clock, settings
from sheaf.db import keys, reads
from sheaf.hooks import deliveries, match
from sheaf.hooks.deliveries import Delivery, HookBody
from sheaf.submissions import purge
from tests.api import handler
from tests.cast import xml
from tests.unit.sheaf.hooks.conftest import CHANGES

URL = "http://127.0.0.1:4999/in"
ONE = "uuid:one"


def records(hook) -> list[Delivery]:
    return list(Delivery.query(keys.deliveries(hook["id"]), consistent_read=True))


def frozen(delivery: Delivery) -> bytes:
    return reads.get(HookBody.ref(deliveries.body_key(delivery))).body.data


def bodies(hook) -> list[dict]:
    """The frozen bodies of a hook, oldest event first."""
    return [json.loads(frozen(delivery)) for delivery in records(hook)]


def story(scene) -> None:
    """Everything that can happen to a submission."""
    scene.submit(ONE, name="Ada", age="7")
    scene.edit(ONE, ONE, "uuid:two", name="Ada", age="8")
    scene.review(ONE, "approved")
    scene.delete(ONE, "twice")
    scene.restore(ONE)


def test_the_body_tells_everything(scene, way):
    hook = scene.hook(URL)
    created = scene.submit(ONE, name="Ada &amp; Bo", age="7", photo="a b.jpg").json
    assert handler("workers/match")({"detail": way.events("submission.create")[0]}, None) == {
        "deliveries": 1
    }
    [event], [body] = way.events("submission.create"), bodies(hook)
    assert body == {
        "type": "submission.create",
        "id": ONE,
        "timestamp": created["createdAt"],
        "eventId": event["eventId"],
        "hookId": hook["id"],
        "sequence": 1,
        "replay": False,
        "project": {"id": 1},
        "form": {"xmlFormId": "simple", "version": "1"},
        "actor": {"id": scene.ids["Bob"], "type": "user", "displayName": "Bob"},
        "notes": None,
        "data": {
            "submission": {
                "name": "Ada & Bo",
                "age": 7,
                "photo": "a b.jpg",
                "meta": {"instanceID": ONE, "instanceName": None},
                "__id": ONE,
                "__system": {
                    "submissionDate": created["createdAt"],
                    "updatedAt": None,
                    "submitterId": str(scene.ids["Bob"]),
                    "submitterName": "Bob",
                    "attachmentsPresent": 0,
                    "attachmentsExpected": 1,
                    "status": None,
                    "reviewState": None,
                    "deviceId": None,
                    "edits": 0,
                    "formVersion": "1",
                    "deletedAt": None,
                },
            },
            "reviewState": None,
            "previousReviewState": None,
            "currentInstanceId": ONE,
            "deprecatedId": None,
            "changes": None,
            "previous": None,
            "xml": None,
            "url": "/v1/projects/1/forms/simple/submissions/uuid%3Aone",
            "attachments": [{"name": "a b.jpg", "exists": False, "url": None}],
        },
    }
    assert list(body) == [
        "type", "id", "timestamp", "eventId", "hookId", "sequence", "replay", "project", "form",
        "actor", "notes", "data",
    ]  # fmt: skip


def test_each_kind_of_event_tells_the_state_at_its_commit(scene, way):
    hook = scene.hook(URL)
    story(scene)
    listed = scene.bob.get(f"{scene.SUBMISSIONS}/{ONE}").json
    assert way.match_all() == 5
    told = bodies(hook)
    assert [body["type"] for body in told] == list(CHANGES)
    rows = [body["data"]["submission"] for body in told]
    systems = [row["__system"] for row in rows]
    assert [row["age"] for row in rows] == [7, 8, 8, 8, 8]
    assert {(body["id"], row["__id"]) for body, row in zip(told, rows, strict=True)} == {(ONE, ONE)}
    assert [each["reviewState"] for each in systems] == [
        None, "edited", "approved", "approved", "approved",
    ]  # fmt: skip
    assert [body["data"]["reviewState"] for body in told] == [
        each["reviewState"] for each in systems
    ]
    assert [body["data"]["previousReviewState"] for body in told] == [
        None, None, "edited", "approved", "approved",
    ]  # fmt: skip
    assert [body["data"]["currentInstanceId"] for body in told] == [ONE, *["uuid:two"] * 4]
    assert [body["data"]["deprecatedId"] for body in told] == [None, ONE, None, None, None]
    assert [each["edits"] for each in systems] == [0, 1, 1, 1, 1]
    moments = [body["timestamp"] for body in told]
    assert [each["updatedAt"] for each in systems] == [None, *moments[1:3], *[moments[2]] * 2]
    assert [each["deletedAt"] for each in systems] == [None, None, None, moments[3], None]
    assert systems[2]["updatedAt"] == listed["updatedAt"]
    assert [body["notes"] for body in told] == [None, None, None, "twice", None]
    assert [body["sequence"] for body in told] == [1, 2, 3, 4, 5]


def test_the_body_is_the_same_however_late_the_event_is_matched(scene, way):
    """What happens between commit and match makes no difference."""
    at_once, late = scene.hook(URL), scene.hook(URL)
    steps = (
        lambda: scene.submit(ONE, age="7"),
        lambda: scene.edit(ONE, ONE, "uuid:two", age="8"),
        lambda: scene.review(ONE, "hasIssues"),
        lambda: scene.edit(ONE, "uuid:two", "uuid:three", age="9"),
        lambda: scene.delete(ONE),
        lambda: scene.restore(ONE),
        lambda: scene.review(ONE, "approved"),
        lambda: scene.edit(ONE, "uuid:three", "uuid:four", age="10"),
        lambda: scene.delete(ONE),
    )
    for step in steps:
        step()
        event = next(e for e in reversed(way.events()) if e["action"] in CHANGES)
        told = [hook for hook in match.wanting(event) if hook.id == at_once["id"]]
        match.deliver_to(told, event)
    way.match_all()
    first, second = bodies(at_once), bodies(late)
    assert len(first) == len(second) == len(steps)
    for body in (*first, *second):
        del body["hookId"]
    assert second == first


def test_what_a_hook_did_not_ask_for_it_is_not_told(scene, way):
    new, gone = (
        scene.hook(URL, events=["submission.create"]),
        scene.hook(URL, events=["submission.delete", "submission.update"]),
    )
    off, other = scene.hook(URL, active=False), f"{scene.FORMS}/other/hooks"
    scene.form("other")
    scene.bob.post(other, {"name": "x", "url": URL, "events": list(CHANGES)})
    story(scene)
    way.match_all()
    assert [each.kind for each in records(new)] == ["submission.create"]
    assert [each.kind for each in records(gone)] == ["submission.update", "submission.delete"]
    assert records(off) == []
    assert [scene.bob.get(f"{other}/{each['id']}/deliveries").json
            for each in scene.bob.get(other).json] == [[]]  # fmt: skip


def test_a_hook_of_the_project_hears_of_all_its_forms(scene, way):
    scene.form("other")
    everywhere = scene.bob.post("/v1/projects/1/hooks", {"name": "all", "url": URL}).json
    scene.submit(ONE)
    path = f"{scene.FORMS}/other/submissions"
    assert scene.bob.post(path, xml("uuid:other", form="other")).status == 200
    way.match_all()
    told = {(body["form"]["xmlFormId"], body["id"]) for body in bodies(everywhere)}
    assert told == {("simple", ONE), ("other", "uuid:other")}


def test_what_counts_is_what_a_hook_wanted_at_commit(scene, way):
    early = scene.hook(URL)
    one = f"{scene.hooks}/{early['id']}"
    scene.submit("uuid:1")
    scene.bob.patch(one, {"active": False})
    scene.submit("uuid:2")
    scene.bob.patch(one, {"active": True})
    scene.submit("uuid:3")
    scene.bob.patch(one, {"events": ["submission.delete"]})
    scene.submit("uuid:4")
    late = scene.hook(URL)
    way.match_all()
    assert [each.instance_id for each in records(early)] == ["uuid:1", "uuid:3"]
    assert records(late) == []


def test_a_review_that_changes_nothing_is_no_news(scene, way):
    hook = scene.hook(URL, events=["submission.update"])
    scene.submit(ONE)
    for state in ("approved", "approved", None, None, "rejected"):
        scene.review(ONE, state)
    scene.bob.patch(f"{scene.SUBMISSIONS}/{ONE}", {})
    way.match_all()
    assert [body["data"]["reviewState"] for body in bodies(hook)] == ["approved", None, "rejected"]


def test_an_edit_is_one_event_and_not_a_review_too(scene, way):
    hook = scene.hook(URL)
    scene.submit(ONE)
    scene.edit(ONE, ONE, "uuid:two")
    way.match_all()
    assert [each.kind for each in records(hook)] == [
        "submission.create",
        "submission.update.version",
    ]


def test_an_event_that_comes_again_makes_no_second_delivery(scene, way):
    hook = scene.hook(URL)
    story(scene)
    way.match_all()
    before = {each.sk: (frozen(each), each.created_at) for each in records(hook)}
    for _ in range(3):
        way.match_all()
    assert {each.sk: (frozen(each), each.created_at) for each in records(hook)} == before
    # While a delivery waits each match wakes it: the one before may have stopped in between.
    assert len(way.messages()) == 4 * 5


def test_a_delivery_that_is_done_is_not_woken_again(scene, way):
    hook = scene.hook(URL)
    scene.submit(ONE)
    way.match_all()
    way.messages()
    [delivery] = records(hook)
    delivery.update(actions=[Delivery.state.set(deliveries.SUCCEEDED)])
    way.match_all()
    assert way.messages() == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_in_which_events_are_matched_does_not_matter(scene, way, order):
    hook = scene.hook(URL)
    scene.submit(ONE, age="1")
    scene.edit(ONE, ONE, "uuid:two", age="2")
    scene.delete(ONE)
    told = [event for event in way.events() if event["action"] in CHANGES]
    for number in order:
        match.run(told[number])
    assert [(body["type"], body["data"]["submission"]["age"]) for body in bodies(hook)] == [
        ("submission.create", 1),
        ("submission.update.version", 2),
        ("submission.delete", 2),
    ]


def test_files_that_come_later_are_not_there_yet(scene, way):
    hook = scene.hook(URL)
    scene.submit(ONE, photo="ö.jpg")
    path = f"{scene.SUBMISSIONS}/{ONE}/attachments/%C3%B6.jpg"
    assert scene.bob.post(path, b"jpeg").json == {"success": True}
    scene.review(ONE, "approved")
    way.match_all()
    created, reviewed = (body["data"] for body in bodies(hook))
    assert created["attachments"] == [{"name": "ö.jpg", "exists": False, "url": None}]
    [there] = reviewed["attachments"]
    assert there == {"name": "ö.jpg", "exists": True, "url": there["url"]}
    counts = [data["submission"]["__system"]["attachmentsPresent"] for data in (created, reviewed)]
    assert counts == [0, 1]


def test_an_encrypted_submission_tells_its_envelope_alone(scene, way):
    hook = scene.hook(URL)
    envelope = (
        b'<data id="simple" version="1" encrypted="yes" xmlns="http://opendatakit.org/submissions">'
        b"<base64EncryptedKey>c2VhbGVk</base64EncryptedKey>"
        b'<orx:meta xmlns:orx="http://openrosa.org/xforms"><orx:instanceID>uuid:one'
        b"</orx:instanceID></orx:meta><media><file>a.jpg.enc</file></media>"
        b"<encryptedXmlFile>submission.xml.enc</encryptedXmlFile></data>"
    )
    answer = scene.bob.post(scene.SUBMISSIONS, envelope)
    assert answer.status == 200, answer.text
    path = f"{scene.SUBMISSIONS}/uuid:one/attachments/submission.xml.enc"
    assert scene.bob.post(path, b"sealed").json == {"success": True}
    scene.review("uuid:one", "approved")
    way.match_all()
    told = [body["data"] for body in bodies(hook)]
    assert [set(data["submission"]) for data in told] == [{"__id", "__system"}] * 2
    assert [data["submission"]["__system"]["status"] for data in told] == [
        "missingEncryptedFormData",
        "notDecrypted",
    ]
    assert [len(data["attachments"]) for data in told] == [2, 2]


def test_the_submitter_is_who_sent_it_first(scene, way):
    hook = scene.hook(URL)
    scene.submit(ONE)
    path = f"{scene.SUBMISSIONS}/{ONE}"
    eve = scene.person("Eve", "manager")
    assert eve.put(path, xml("uuid:two", deprecated=ONE)).status == 200
    way.match_all()
    edited = bodies(hook)[1]
    assert edited["actor"]["displayName"] == "Eve"
    assert edited["data"]["submission"]["__system"]["submitterName"] == "Bob"


def test_a_large_body_lies_in_the_bucket_under_its_submission(scene, way):
    import random

    text = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=900_000))
    hook = scene.hook(URL)
    scene.submit(ONE, name=text)
    way.match_all()
    [delivery] = records(hook)
    kept = reads.get(HookBody.ref(deliveries.body_key(delivery)))
    assert kept.packed is None
    assert kept.blob_key.startswith(blobs.submission_prefix(delivery.submission_id))
    assert json.loads(kept.body.data)["data"]["submission"]["name"] == text


def test_what_was_purged_before_it_was_matched_is_not_sent(scene, way):
    hook = scene.hook(URL)
    scene.submit(ONE)
    scene.delete(ONE)
    told = [event for event in way.events() if event["action"] in CHANGES]
    assert purge.run(0) == 1
    for event in told:
        match.run(event)
    assert [(each.state, each.reason) for each in records(hook)] == [
        ("cancelled", "The submission has been purged.")
    ] * 2
    assert way.messages() == []


def test_a_purge_takes_the_bodies_with_it(scene, way):
    hook = scene.hook(URL)
    scene.submit(ONE, name="Geheim")
    way.match_all()
    scene.delete(ONE)
    way.match_all()
    assert len(bodies(hook)) == 2
    assert purge.run(0) == 1
    for delivery in records(hook):
        assert reads.get(HookBody.ref(deliveries.body_key(delivery))) is None
    items = way.aws.client("dynamodb").scan(TableName=settings.TABLE_NAME)["Items"]
    assert not any(each["sk"]["S"].startswith("B#") for each in items)


def test_a_wake_up_names_what_to_deliver_and_no_more(scene, way):
    hook = scene.hook(URL)
    scene.submit(ONE)
    way.match_all()
    [message], [delivery] = way.messages(), records(hook)
    assert json.loads(message["body"]) == {
        "hookId": hook["id"],
        "eventId": delivery.sk,
        "submissionId": delivery.submission_id,
        "projectId": 1,
        "formId": 1,
        "attempt": 1,
    }


def test_records_and_bodies_are_forgotten_after_ninety_days(scene, way):
    hook = scene.hook(URL)
    scene.submit(ONE)
    way.match_all()
    [delivery] = records(hook)
    kept = reads.get(HookBody.ref(deliveries.body_key(delivery)))
    assert delivery.ttl == kept.ttl
    assert abs(delivery.ttl - clock.micros() / 1_000_000 - 90 * 86_400) < 60
