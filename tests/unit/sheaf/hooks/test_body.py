"""The forms in which a hook may want its bodies, as receivers get them."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest
from standardwebhooks.webhooks import Webhook

from sheaf.db import keys
from sheaf.hooks import deliver, events, match
from sheaf.submissions import purge
from tests.cast import xml
from tests.unit.sheaf.hooks.conftest import CHANGES

ONE = "uuid:one"
FORM = """<?xml version="1.0"?>
<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
  xmlns:orx="http://openrosa.org/xforms">
  <h:head><h:title>Visit</h:title><model>
    <instance><data id="visit" version="v7"><start/><gps/><group1><q1/><photo/></group1>
      <child jr:template="" xmlns:jr="http://openrosa.org/javarosa"><name/><toy><what/></toy></child>
      <__version__/><orx:meta><orx:instanceID/></orx:meta></data></instance>
    <bind nodeset="/data/gps" type="geopoint"/>
    <bind nodeset="/data/group1/q1" type="int"/>
    <bind nodeset="/data/group1/photo" type="binary"/>
    <bind nodeset="/data/child/name" type="string"/>
  </model></h:head><h:body>
    <group ref="/data/child"><repeat nodeset="/data/child">
      <group ref="/data/child/toy"><repeat nodeset="/data/child/toy"/></group>
    </repeat></group>
  </h:body></h:html>"""


@pytest.fixture
def sent(scene, way, receiver):
    """Let what has happened be told, and give a hook's requests, by the order of events."""

    def requests(hook) -> list:
        way.match_all()
        while messages := way.messages():
            assert deliver.run(messages) == []
        came = [each for each in receiver.requests if each.path == f"/{hook['name']}"]
        return sorted(came, key=lambda each: each.headers["webhook-id"])

    return requests


@pytest.fixture
def hook(scene, receiver):
    def make(name="a", place=None, **said):
        body = {"name": name, "url": f"{receiver.url}/{name}", "events": list(CHANGES), **said}
        answer = scene.bob.post(place or scene.hooks, body)
        assert answer.status == 200, answer.text
        return answer.json

    return make


# --- the standard body ------------------------------------------------------------------------


def test_a_correction_tells_what_changed_as_diffs_does(scene, hook, sent):
    told = hook(include={"previous": True})
    scene.submit(ONE, name="Ada", age="7")
    scene.edit(ONE, ONE, "uuid:two", name="Ada", age="8")
    created, edited = (each.json()["data"] for each in sent(told))
    assert (created["changes"], created["previous"]) == (None, None)
    diffs = scene.bob.get(f"{scene.SUBMISSIONS}/{ONE}/diffs")
    assert diffs.status == 200
    assert edited["changes"] == diffs.json["uuid:two"]
    assert {"old": "7", "new": "8", "path": ["age"]} in edited["changes"]
    row = {name: value for name, value in created["submission"].items() if name != "__system"}
    assert edited["previous"] == {name: row[name] for name in row if name != "__id"}


def test_what_changed_is_left_out_where_it_is_not_wanted(scene, hook, sent):
    told = hook(include={"changes": False})
    scene.submit(ONE)
    scene.edit(ONE, ONE, "uuid:two")
    assert [each.json()["data"]["changes"] for each in sent(told)] == [None, None]


def test_changes_are_those_of_the_edit_however_late_it_is_matched(scene, hook, sent):
    told = hook(include={"previous": True})
    scene.submit(ONE, age="1")
    scene.edit(ONE, ONE, "uuid:two", age="2")
    scene.edit(ONE, "uuid:two", "uuid:three", age="3")
    scene.delete(ONE)
    edits = [each.json()["data"] for each in sent(told)][1:3]
    assert [[c for c in data["changes"] if c["path"] == ["age"]] for data in edits] == [
        [{"old": "1", "new": "2", "path": ["age"]}],
        [{"old": "2", "new": "3", "path": ["age"]}],
    ]
    assert [data["previous"]["age"] for data in edits] == [1, 2]


def test_the_xml_comes_along_where_it_is_wanted(scene, hook, sent):
    told = hook(include={"xml": True})
    scene.submit(ONE, name="Ada &amp; Bo")
    [request] = sent(told)
    assert request.json()["data"]["xml"] == xml(ONE, name="Ada &amp; Bo").decode()


def test_a_thin_body_has_ids_and_links_alone(scene, hook, sent):
    told = hook(payloadMode="thin")
    scene.submit(ONE, name="Geheim", photo="p.jpg")
    scene.edit(ONE, ONE, "uuid:two", name="Geheim", photo="p.jpg")
    [_, edited] = sent(told)
    assert edited.json()["data"] == {
        "submission": {"__id": ONE},
        "currentInstanceId": "uuid:two",
        "deprecatedId": ONE,
        "url": f"{scene.SUBMISSIONS}/uuid%3Aone",
        "attachments": [{"name": "p.jpg", "exists": False, "url": None}],
    }
    assert b"Geheim" not in edited.body
    assert list(edited.json()) == [
        "type", "id", "timestamp", "eventId", "hookId", "sequence", "replay", "project", "form",
        "actor", "notes", "data",
    ]  # fmt: skip


@pytest.mark.parametrize("said", [{}, {"bodyFormat": "kobo"}, {"contentType": "xml"}])
def test_what_is_too_large_is_told_by_ids_and_links(scene, hook, sent, said):
    told = hook(**said)
    text = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=1_000_100))
    scene.submit(ONE, name=text)
    [request] = sent(told)
    body = request.json()
    assert body["truncated"] is True
    assert body["data"]["submission"] == {"__id": ONE}
    assert request.headers["webhook-truncated"] == "true"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert len(request.body) < 1000


def test_just_below_a_megabyte_all_is_told(scene, hook, sent):
    told = hook()
    scene.submit(ONE, name="x" * 998_000)
    [request] = sent(told)
    assert len(request.json()["data"]["submission"]["name"]) == 998_000
    assert "truncated" not in request.json()


# --- kinds of events --------------------------------------------------------------------------


def test_a_file_that_came_or_went_is_named(scene, hook, sent):
    told = hook(events=[events.FILE, events.COMPLETE])
    scene.submit(ONE, photo="p.jpg")
    path = f"{scene.SUBMISSIONS}/{ONE}/attachments/p.jpg"
    scene.bob.post(path, b"1")
    scene.bob.delete(path)
    came, complete, went = (each.json() for each in sent(told))
    url = came["data"]["attachments"][0]["url"]
    assert came["data"]["attachment"] == {"name": "p.jpg", "exists": True, "url": url}
    assert went["data"]["attachment"] == {"name": "p.jpg", "exists": False, "url": None}
    assert complete["type"] == "submission.attachments.complete"
    assert complete["data"]["attachments"] == came["data"]["attachments"]
    assert complete["sequence"] == came["sequence"]
    assert "attachment" not in complete["data"]
    system = complete["data"]["submission"]["__system"]
    assert (system["attachmentsPresent"], system["attachmentsExpected"]) == (1, 1)


def test_which_files_were_there_does_not_depend_on_when_it_is_matched(scene, hook, sent):
    told = hook(events=[events.FILE])
    scene.submit(ONE, photo="p.jpg")
    path = f"{scene.SUBMISSIONS}/{ONE}/attachments/p.jpg"
    scene.bob.post(path, b"1")
    scene.bob.post(path, b"2")
    scene.bob.delete(path)
    there = [each.json()["data"]["attachments"][0]["exists"] for each in sent(told)]
    assert there == [True, True, False]


def test_a_comment_is_told_with_what_was_said(scene, hook, sent):
    told = hook(events=[events.COMMENT])
    scene.submit(ONE, name="Ada")
    comment = scene.bob.post(f"{scene.SUBMISSIONS}/{ONE}/comments", {"body": "Dry, für immer."})
    assert comment.status == 200, comment.text
    scene.edit(ONE, ONE, "uuid:two", name="Bo")
    [request] = sent(told)
    body = request.json()
    assert (body["type"], body["id"], body["sequence"]) == ("comment.create", ONE, 2)
    assert body["data"]["comment"] == comment.json
    assert body["data"]["submission"]["name"] == "Ada"
    assert body["actor"]["displayName"] == "Bob"


def test_a_comment_that_was_purged_is_not_told(scene, hook, sent, way):
    told = hook(events=[events.COMMENT])
    scene.submit(ONE)
    scene.bob.post(f"{scene.SUBMISSIONS}/{ONE}/comments", {"body": "Geheim"})
    event = way.events(events.COMMENT)[-1]
    scene.delete(ONE)
    assert purge.run(0) == 1
    assert match.run(event) == 1
    assert sent(told) == []
    assert [each["state"] for each in scene.deliveries(told)] == ["cancelled"]


def test_a_purge_is_told_by_ids_alone(scene, hook, sent):
    told = hook(events=[events.PURGE])
    kobo = hook("kobo", events=[events.PURGE], bodyFormat="kobo")
    scene.submit(ONE, name="Geheim")
    scene.edit(ONE, ONE, "uuid:two", name="Geheim")
    scene.delete(ONE, "because")
    assert purge.run(0) == 1
    [request] = sent(told)
    body = request.json()
    assert body["type"] == "submission.purge"
    assert (body["id"], body["actor"], body["notes"]) == (ONE, None, None)
    assert body["data"] == {"submission": {"__id": ONE}, "currentInstanceId": "uuid:two"}
    [other] = sent(kobo)
    assert other.json() == body | {"hookId": kobo["id"], "eventId": body["eventId"]}


def test_a_published_version_is_told_with_what_it_is(scene, sent, receiver):
    body = {"name": "all", "url": f"{receiver.url}/all", "events": [events.PUBLISH]}
    told = scene.bob.post("/v1/projects/1/hooks", body).json
    published = scene.bob.post(f"{scene.FORMS}?publish=true", FORM.encode()).json
    [request] = sent(told)
    said = request.json()
    assert (said["type"], said["id"], said["sequence"]) == ("form.update.publish", "visit", None)
    assert said["form"] == {"xmlFormId": "visit", "version": "v7"}
    assert said["actor"]["displayName"] == "Bob"
    shown = ("xmlFormId", "version", "name", "hash", "sha", "sha256", "publishedAt")
    assert said["data"] == {"form": {name: published[name] for name in shown}}
    [listed] = scene.bob.get(f"/v1/projects/1/hooks/{told['id']}/deliveries").json
    assert (listed["event"], listed["instanceId"], listed["state"]) == (
        "form.update.publish", None, "succeeded",
    )  # fmt: skip


# --- KoBoToolbox's record ---------------------------------------------------------------------


def test_what_the_record_does_not_say_headers_do(scene, hook, sent):
    told = hook(bodyFormat="kobo")
    scene.submit(ONE)
    scene.edit(ONE, ONE, "uuid:two")
    scene.delete(ONE, "für%20uns".replace("ü", "%C3%BC"))
    headers = sent(told)[2].headers
    said = {name: value for name, value in headers.items() if name.startswith("webhook-")}
    assert said == {
        **{name: said[name] for name in ("webhook-id", "webhook-timestamp", "webhook-signature")},
        "webhook-event": "submission.delete",
        "webhook-attempt": "1",
        "webhook-hops": "1",
        "webhook-event-id": said["webhook-event-id"],
        "webhook-event-time": said["webhook-deleted-at"],
        "webhook-hook-id": told["id"],
        "webhook-sequence": "3",
        "webhook-project-id": "1",
        "webhook-form-id": "simple",
        "webhook-form-version": "1",
        "webhook-instance-id": ONE,
        "webhook-current-instance-id": "uuid:two",
        "webhook-actor-id": str(scene.ids["Bob"]),
        "webhook-actor-name": "Bob",
        "webhook-notes": "f%C3%BCr uns",
        "webhook-review-state": "edited",
        "webhook-previous-review-state": "edited",
        "webhook-deleted-at": said["webhook-deleted-at"],
    }


# --- raw --------------------------------------------------------------------------------------


def test_raw_json_is_the_odata_row_alone(scene, hook, sent):
    whole, raw = hook("whole"), hook("raw", bodyFormat="raw")
    part = hook("part", bodyFormat="raw", fields=["age"])
    scene.submit(ONE, age="7")
    [first], [second], [third] = sent(whole), sent(raw), sent(part)
    row = first.json()["data"]["submission"]
    assert second.json() == row
    assert third.json() == {"age": 7, "__id": ONE, "__system": row["__system"]}
    assert second.headers["webhook-event"] == "submission.create"


def test_fields_of_the_standard_body(scene, hook, sent):
    told = hook(fields=["age", "meta/instanceID"])
    scene.submit(ONE, age="7", name="Geheim")
    [request] = sent(told)
    row = request.json()["data"]["submission"]
    assert list(row) == ["age", "meta", "__id", "__system"]
    assert row["meta"] == {"instanceID": ONE}
    assert b"Geheim" not in request.body


def test_xml_is_sent_as_it_came(scene, hook, sent):
    told = hook(contentType="xml")
    scene.submit(ONE, name="Ada")
    scene.edit(ONE, ONE, "uuid:two", name="Bo")
    scene.delete(ONE)
    created, edited, deleted = sent(told)
    assert created.body == xml(ONE, name="Ada")
    assert edited.body == deleted.body == xml("uuid:two", deprecated=ONE, name="Bo")
    assert {each.headers["content-type"] for each in (created, edited, deleted)} == {
        "application/xml"
    }
    assert edited.headers["webhook-deprecated-id"] == ONE
    assert edited.headers["webhook-instance-id"] == ONE
    assert deleted.headers["webhook-event"] == "submission.delete"


def test_xml_of_some_fields(scene, hook, sent):
    told = hook(contentType="xml", fields=["age"])
    scene.submit(ONE, age="7", name="Geheim")
    [request] = sent(told)
    assert request.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<data xmlns:orx="http://openrosa.org/xforms" id="simple" version="1"><age>7</age></data>'
    )


def test_xml_in_another_encoding_says_so(scene, hook, sent):
    told = hook(contentType="xml")
    meta = "<meta><instanceID>one</instanceID></meta>"
    text = f'<data id="simple" version="1"><name>Åse</name>{meta}</data>'
    answer = scene.bob.request(
        "POST",
        scene.SUBMISSIONS,
        text.encode("latin-1"),
        {"content-type": "application/octet-stream; charset=iso-8859-1"},
    )
    assert answer.status == 200, answer.text
    [request] = sent(told)
    assert request.body == text.encode("latin-1")
    assert request.headers["content-type"] == "application/xml; charset=iso-8859-1"


def test_of_an_encrypted_submission_the_envelope_is_sent(scene, hook, sent):
    envelope = (
        b'<data id="simple" version="1" encrypted="yes"><base64EncryptedKey>c2VhbGVk'
        b"</base64EncryptedKey><meta><instanceID>uuid:one</instanceID></meta>"
        b"<encryptedXmlFile>submission.xml.enc</encryptedXmlFile></data>"
    )
    standard, raw = hook("standard", include={"xml": True}), hook("raw", contentType="xml")
    kobo = hook("kobo", bodyFormat="kobo")
    assert scene.bob.post(scene.SUBMISSIONS, envelope).status == 200
    [first], [second], [third] = sent(standard), sent(raw), sent(kobo)
    data = first.json()["data"]
    assert data["submission"]["__system"]["status"] == "missingEncryptedFormData"
    assert set(data["submission"]) == {"__id", "__system"}
    assert data["xml"] == envelope.decode()
    assert second.body == envelope
    assert third.json()["_uuid"] == "one"
    assert third.json()["_attachments"] == []


@pytest.mark.parametrize("said", [{}, {"bodyFormat": "kobo"}, {"contentType": "xml"}])
def test_the_public_library_accepts_every_request(scene, hook, sent, said):
    told = hook(**said)
    scene.submit(ONE, name="Åse")
    rotated = scene.bob.post(f"{scene.hooks}/{told['id']}/secret/rotate", {}).json["secret"]
    scene.review(ONE, "approved")
    requests = sent(told)
    assert len(requests) == 2
    for request in requests:
        for secret in (told["secret"], rotated):
            verified(secret, request)


def verified(secret, request):
    """Let the library judge; what it does with the body after that is JSON's alone."""
    from standardwebhooks import webhooks

    parsed = SimpleNamespace(loads=lambda body: body)
    real, webhooks.json = webhooks.json, parsed
    try:
        assert Webhook(secret).verify(request.body, dict(request.headers)) == request.body.decode()
    finally:
        webhooks.json = real


# --- filters ----------------------------------------------------------------------------------


def test_only_what_the_filter_lets_through_is_told(scene, hook, sent, way):
    wanted = {"data": {"submission": {"age": [{"numeric": [">=", 18]}]}}}
    adults = hook("adults", filter=wanted)
    approved = hook(
        "approved",
        bodyFormat="kobo",
        filter={"data": {"submission": {"__system": {"reviewState": ["approved"]}}}},
    )
    for number, age in enumerate(("7", "18", "40")):
        scene.submit(f"uuid:{number}", age=age)
    scene.review("uuid:0", "approved")
    assert [each.json()["id"] for each in sent(adults)] == ["uuid:1", "uuid:2"]
    assert [each.json()["_uuid"] for each in sent(approved)] == ["0"]
    assert len(scene.deliveries(adults)) == 2
    assert sum(len(scene.deliveries(each)) for each in (adults, approved)) == 3


def test_the_filter_that_counts_is_that_of_the_commit(scene, hook, sent):
    def only(name):
        return {"data": {"submission": {"name": [name]}}}

    told = hook(filter=only("Ada"))
    one = f"{scene.hooks}/{told['id']}"
    scene.submit("uuid:1", name="Ada")
    scene.submit("uuid:2", name="Bo")
    scene.bob.patch(one, {"filter": only("Bo")})
    scene.submit("uuid:3", name="Ada")
    scene.submit("uuid:4", name="Bo")
    scene.bob.patch(one, {"filter": None})
    scene.submit("uuid:5", name="Cy")
    assert [each.json()["id"] for each in sent(told)] == ["uuid:1", "uuid:4", "uuid:5"]


def test_a_match_counts_what_it_has_made(scene, hook, way):
    from tests.api import handler

    hook("a", filter={"data": {"submission": {"name": ["Ada"]}}})
    hook("b")
    scene.submit(ONE, name="Bo")
    event = way.events(events.CREATE)[-1]
    assert handler("workers/match")({"detail": event}, None) == {"deliveries": 1}


def test_a_deletion_that_a_filter_wants_is_told_whole(scene, hook, sent):
    told = hook(events=[events.DELETE], filter={"data": {"submission": {"name": ["Ada"]}}})
    scene.submit(ONE, name="Ada")
    scene.submit("uuid:two", name="Bo")
    scene.delete(ONE)
    scene.delete("uuid:two")
    [request] = sent(told)
    assert request.json()["data"]["submission"]["name"] == "Ada"
    assert keys.micros(request.json()["eventId"].removeprefix("evt_")) > 0
