"""Submissions of a draft: a world of their own, by the project's path and by the test link."""

import pytest

from tests.answers import ANONYMOUS, DONE, FORBIDDEN, NOT_FOUND
from tests.cast import Cast, audits, is_time, xml

DRAFT = "/v1/projects/1/forms/simple/draft"
SUBMISSIONS = f"{DRAFT}/submissions"
JPEG = b"\xff\xd8\xff one"
NOBODY = dict.fromkeys(("id", "type", "displayName", "createdAt", "updatedAt", "deletedAt"))


@pytest.fixture
def token(cast):
    return cast.draft()["draftToken"]


@pytest.fixture
def tested(token):
    """Where somebody who has the link sends submissions."""
    return f"/v1/test/{token}/projects/1/forms/simple/draft/submissions"


def version(**said):
    return {
        "submitterId": None,
        "createdAt": said["createdAt"],
        "instanceName": None,
        "instanceId": "one",
        "current": True,
        "deviceId": None,
        "userAgent": None,
    } | said


def test_the_test_link_shows_nobody_but_those_who_tried_the_draft(cast, api, tested):
    cast.form("other")
    api.post(tested, xml("one"))
    assert api.get(f"{tested}/submitters").json == []
    assert cast.bob.post(SUBMISSIONS, xml("two")).status == 200
    (bob,) = api.get(f"{tested}/submitters").json
    assert (bob["id"], bob["displayName"]) == (cast.users["bob"]["id"], "bob@example.org")
    assert api.get(f"{tested}/keys").json == []


def test_a_submission_by_the_test_link_is_nobody_s(cast, api, tested):
    made = api.post(f"{tested}?deviceID=collect:x", xml("one"), {"user-agent": "Collect"})
    assert made.status == 200, made.text
    created = made.json["createdAt"]
    assert is_time(created)
    assert made.json == {
        "instanceId": "one",
        "submitterId": None,
        "deviceId": "collect:x",
        "createdAt": created,
        "updatedAt": None,
        "userAgent": "Collect",
        "currentVersion": version(createdAt=created, deviceId="collect:x", userAgent="Collect"),
    }
    read = cast.bob.get(f"{SUBMISSIONS}/one", headers={"x-extended-metadata": "true"})
    assert read.json["submitter"] == NOBODY
    assert read.json["currentVersion"]["submitter"] == NOBODY


def test_its_creation_is_in_the_audit_log(api, tested):
    api.post(tested, xml("one"))
    (row,) = audits("submission.create")
    assert row["actorId"] is None
    assert row["details"]["instanceId"] == "one"


def test_a_manager_tests_a_draft_by_the_project(cast, token):
    made = cast.bob.post(SUBMISSIONS, xml("one"))
    assert made.status == 200
    assert made.json["submitterId"] == cast.users["bob"]["id"]
    (listed,) = cast.vera.get(SUBMISSIONS).json
    assert listed == cast.vera.get(f"{SUBMISSIONS}/one").json
    assert listed["instanceId"] == "one"
    assert listed["reviewState"] is None


def test_a_draft_takes_any_version_and_in_any_state(cast, token):
    assert cast.bob.patch("/v1/projects/1/forms/simple", {"state": "closed"}).status == 200
    assert cast.bob.post(SUBMISSIONS, xml("one", version="never heard of")).status == 200
    assert b"never heard of" in cast.bob.get(f"{SUBMISSIONS}/one.xml").body


def test_a_draft_takes_no_other_form(cast, token):
    assert cast.bob.post(SUBMISSIONS, xml("one", form="other")).json["code"] == 400.8


def test_the_same_instance_id_twice_is_refused(cast, token):
    cast.bob.post(SUBMISSIONS, xml("one"))
    again = cast.bob.post(SUBMISSIONS, xml("one"))
    assert (again.status, again.json["code"]) == (409, 409.3)
    assert again.json["details"]["fields"] == ["formId", "instanceId", "draft"]
    assert again.json["details"]["values"][1:] == ["one", "t"]


def test_an_edit_makes_a_new_version(cast, api, tested):
    api.post(tested, xml("one", photo="a.jpg"))
    edited = api.put(f"{tested}/one", xml("two", photo="a.jpg", deprecated="one"))
    assert edited.status == 200, edited.text
    assert edited.json["reviewState"] == "edited"
    assert edited.json["currentVersion"]["instanceId"] == "two"
    assert api.get(f"{tested}/one.xml").body == xml("two", photo="a.jpg", deprecated="one")


def test_files_are_sent_read_and_cleared(api, tested):
    api.post(tested, xml("one", photo="a.jpg"))
    file = f"{tested}/one/attachments/a.jpg"
    assert api.post(file, JPEG, {"content-type": "image/jpeg"}).json == DONE
    assert api.get(f"{tested}/one/attachments").json == [{"name": "a.jpg", "exists": True}]
    assert api.get(file).body == JPEG
    assert api.delete(file).json == DONE
    assert api.get(f"{tested}/one/attachments").json == [{"name": "a.jpg", "exists": False}]


def test_what_a_draft_was_sent_is_not_among_the_form_s(cast, token):
    cast.bob.post(SUBMISSIONS, xml("one"))
    assert cast.bob.get(Cast.SUBMISSIONS).json == []
    for path in ("one", "one.xml", "one/attachments"):
        assert cast.bob.get(f"{Cast.SUBMISSIONS}/{path}").json == NOT_FOUND


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_draft_s_submission_is_neither_reviewed_nor_deleted(cast, token, method):
    cast.bob.post(SUBMISSIONS, xml("one"))
    answer = cast.bob.request(method, f"{SUBMISSIONS}/one", {"reviewState": "approved"})
    assert (answer.status, answer.json) == (404, NOT_FOUND)
    assert cast.bob.post(f"{SUBMISSIONS}/one/restore").json == NOT_FOUND


def test_a_form_without_a_draft_has_no_draft_submissions(cast):
    cast.form()
    assert cast.bob.get(SUBMISSIONS).json == NOT_FOUND
    assert cast.bob.post(SUBMISSIONS, xml("one")).json == NOT_FOUND
    assert cast.bob.get(f"{SUBMISSIONS}/one").json == NOT_FOUND


def test_a_form_never_published_takes_nothing_but_for_its_draft(cast, token):
    refused = cast.bob.post(Cast.SUBMISSIONS, xml("one"))
    assert (refused.status, refused.json["code"]) == (404, 404.6)
    assert cast.bob.get(Cast.SUBMISSIONS).json == []


@pytest.mark.parametrize("path", ["", "/one", "/one/attachments"])
def test_a_wrong_token_finds_nothing_whoever_asks(cast, token, path):
    wrong = "a" * 64
    place = f"/v1/test/{wrong}/projects/1/forms/simple/draft/submissions"
    assert cast.alice.get(place + path).json == NOT_FOUND
    assert cast.alice.get(place.replace("simple", "other") + path).json == NOT_FOUND


def test_a_token_opens_no_other_draft(cast, api, token):
    cast.draft("other")
    place = f"/v1/test/{token}/projects/1/forms/other/draft/submissions"
    assert api.get(place).json == NOT_FOUND


def test_the_project_s_path_asks_for_rights(cast, api, token):
    assert api.get(SUBMISSIONS).json == ANONYMOUS
    for method in ("GET", "POST"):
        answer = cast.chelsea.request(method, SUBMISSIONS, xml("one"))
        assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert cast.vera.post(SUBMISSIONS, xml("one")).json == FORBIDDEN
    assert cast.colin.get(SUBMISSIONS).json == FORBIDDEN
