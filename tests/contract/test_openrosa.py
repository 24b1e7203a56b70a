"""Submissions as devices send them: batches, resubmission, corrections, and what they are told."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import OPENROSA, Cast, audits, is_time, multipart, stored, xform, xml
from tests.wire import Wire

HERE = "/v1/projects/1/submission"
SUBMISSIONS = Cast.SUBMISSIONS
JPEG, OTHER = b"\xff\xd8\xff one", b"\xff\xd8\xff two"
TOLD = {
    "content-language": "en",
    "x-openrosa-version": "1.0",
    "x-openrosa-accept-content-length": "4400000",
    "content-type": "text/xml; charset=utf-8",
}


@pytest.fixture
def form(cast):
    return cast.form()


def answer(nature: str, message: str) -> str:
    return (
        '\n  <OpenRosaResponse xmlns="http://openrosa.org/http/response" items="0">\n'
        f'    <message nature="{nature}">{message}</message>\n'
        "  </OpenRosaResponse>"
    )


DONE = answer("", "full submission upload was successful!")
OUTDATED = answer(
    "error",
    "You tried to update a submission, but the copy you were editing ({}) is now out of date. "
    "Please get the new version that has been submitted, and make your edits again.",
)
DIFFERENT = answer(
    "error",
    "A submission already exists with this ID, but with different XML. Resubmissions to attach "
    "additional multimedia must resubmit an identical xml_submission_file.",
)


def told(response) -> tuple[int, str]:
    assert {name: response.headers.get(name) for name in TOLD} == TOLD
    return response.status, response.text


# What may be sent here.


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_device_learns_how_much_it_may_send(cast, form, method):
    response = cast.chelsea.request(method, HERE, headers={"x-openrosa-version": "1.0"})
    assert (response.status, response.body) == (204, b"")
    assert {name: response.headers[name] for name in list(TOLD)[:3]} == {
        name: TOLD[name] for name in list(TOLD)[:3]
    }
    assert "location" not in response.headers


def test_of_a_project_that_is_not_there_it_is_told_so(cast):
    response = cast.alice.get("/v1/projects/9/submission", headers={"x-openrosa-version": "1.0"})
    message = "Could not find the resource you were looking for."
    assert told(response) == (404, answer("error", message))


@pytest.mark.parametrize(("version", "got"), [(None, ""), ("2.0", " (got: 2.0)")])
@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_the_version_of_openrosa_is_asked_for_before_all_else(cast, version, got, method):
    headers = {} if version is None else {"x-openrosa-version": version}
    response = cast.api.request(method, HERE, None, headers)
    assert response.status == 400
    message = (
        f"An expected header field (X-OpenRosa-Version) did not match the expected format{got}."
    )
    assert response.text == ("" if method == "HEAD" else answer("error", message))
    assert "content-language" not in response.headers


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_nobody_sends_anything(cast, form, method):
    response = cast.api.request(method, HERE, multipart(xml("one")), OPENROSA)
    assert response.status == 401
    assert response.text == ("" if method == "HEAD" else answer("error", ANONYMOUS["message"]))
    assert stored("S#") == []


# What comes in.


def test_a_submission_comes_in_with_its_files(cast, form):
    body = xml("one", photo="a.jpg")
    headers = OPENROSA | {"user-agent": "Collect"}
    response = cast.colin.post(
        f"{HERE}?deviceID=collect:x", multipart(body, {"a.jpg": JPEG}), headers
    )
    assert told(response) == (201, DONE)
    read = cast.alice.get(f"{SUBMISSIONS}/one").json
    created, colin = read["createdAt"], cast.users["colin"]["id"]
    assert is_time(created)
    said = {"submitterId": colin, "deviceId": "collect:x", "createdAt": created}
    version = said | {
        "instanceId": "one", "instanceName": None, "userAgent": "Collect", "current": True,
    }  # fmt: skip
    assert read == said | {
        "instanceId": "one",
        "updatedAt": None,
        "reviewState": None,
        "userAgent": "Collect",
        "deletedAt": None,
        "currentVersion": version,
    }
    assert cast.alice.get(f"{SUBMISSIONS}/one.xml").body == body
    assert cast.alice.get(f"{SUBMISSIONS}/one/attachments").json == [
        {"name": "a.jpg", "exists": True}
    ]
    file = cast.alice.get(f"{SUBMISSIONS}/one/attachments/a.jpg")
    assert (file.body, file.headers["content-type"]) == (JPEG, "image/jpeg")


def test_the_submission_and_its_files_are_one_change_with_a_row_each(cast, form):
    cast.send(xml("one", photo="a.jpg"), {"a.jpg": JPEG})
    create, file = audits("submission.create", "submission.attachment.update")
    blob = file["details"]["newBlobId"]
    assert create["action"] == "submission.create"
    assert file["details"] == {
        "instanceId": "one",
        "submissionDefId": create["details"]["submissionDefId"],
        "name": "a.jpg",
        "newBlobId": blob,
    }
    (item,) = stored("S#")
    assert item["q"] == {"N": "1"}


def test_a_submission_without_an_id_gets_one(cast, form):
    body = xml("x").replace(b"<orx:instanceID>x</orx:instanceID>", b"")
    assert told(cast.send(body)) == (201, DONE)
    (listed,) = cast.alice.get(SUBMISSIONS).json
    assert len(listed["instanceId"]) == 36
    assert told(cast.send(body)) == (201, DONE)
    assert len(cast.alice.get(SUBMISSIONS).json) == 2


def test_files_that_the_xml_does_not_name_are_dropped_and_text_is_ignored(cast, form):
    body = multipart(xml("one"), {"b.jpg": JPEG}, **{"*isIncomplete*": "yes"})
    assert told(cast.alice.post(HERE, body, OPENROSA)) == (201, DONE)
    assert cast.alice.get(f"{SUBMISSIONS}/one/attachments").json == []
    assert audits("submission.attachment.update") == []


@pytest.mark.parametrize(("named", "sent"), [("é.jpg", "é.jpg"), ("é.jpg", "é.jpg")])
def test_a_name_is_one_in_either_unicode_spelling(cast, form, named, sent):
    cast.send(xml("one", photo=named), {sent: JPEG})
    assert cast.alice.get(f"{SUBMISSIONS}/one/attachments").json == [
        {"name": named, "exists": True}
    ]


def test_many_files_come_in_at_once(cast):
    names = [f"{number}.jpg" for number in range(120)]
    cast.alice.post(f"{Cast.FORMS}?publish=true", xform())
    photos = "".join(f"<photo>{name}</photo>" for name in names)
    body = xml("one").replace(b"<photo></photo>", photos.encode())
    first = {name: name.encode() for name in names[:60]}
    assert cast.send(body, first).status == 201
    assert cast.send(body, {name: name.encode() for name in names}).status == 201
    listed = cast.alice.get(f"{SUBMISSIONS}/one/attachments").json
    assert listed == [{"name": name, "exists": True} for name in sorted(names)]
    for name in ("0.jpg", "119.jpg"):
        assert cast.alice.get(f"{SUBMISSIONS}/one/attachments/{name}").body == name.encode()
    assert len(audits("submission.attachment.update")) == 120


# What comes again.


def test_the_same_again_is_fine_and_changes_nothing(cast, form):
    body = xml("one", photo="a.jpg")
    cast.send(body, {"a.jpg": JPEG})
    before, rows = stored("S#"), audits()
    assert told(cast.send(body, {"a.jpg": JPEG})) == (201, DONE)
    assert (stored("S#"), audits()) == (before, rows)


def test_files_come_in_batches_and_replace_one_another(cast, form):
    body = xml("one", photo="a.jpg")
    assert cast.send(body).status == 201
    assert cast.send(body, {"a.jpg": JPEG}).status == 201
    assert cast.send(body, {"a.jpg": OTHER}).status == 201
    assert cast.alice.get(f"{SUBMISSIONS}/one/attachments/a.jpg").body == OTHER
    assert [set(row["details"]) for row in audits("submission.attachment.update")] == [
        {"instanceId", "submissionDefId", "name", "newBlobId"}
    ] * 2


def test_other_xml_under_the_same_id_is_refused(cast, form):
    cast.send(xml("one"))
    assert told(cast.send(xml("one", name="Ada"))) == (409, DIFFERENT)
    assert cast.alice.get(f"{SUBMISSIONS}/one.xml").body == xml("one")


def test_large_xml_is_recognised_too(cast, form):
    big = random.Random(3).randbytes(200_000).hex()
    assert cast.send(xml("one", name=big)).status == 201
    assert cast.send(xml("one", name=big)).status == 201
    assert told(cast.send(xml("one", name=big[1:]))) == (409, DIFFERENT)


def test_a_deleted_submission_is_not_taken_again(cast, form):
    cast.send(xml("one"))
    cast.alice.delete(f"{SUBMISSIONS}/one")
    message = "This submission has been deleted. You may not resubmit it."
    assert told(cast.send(xml("one"))) == (409, answer("error", message))


def test_an_id_that_was_overtaken_by_an_edit_is_out_of_date(cast, form):
    cast.send(xml("one"))
    cast.send(xml("two", deprecated="one"))
    assert told(cast.send(xml("one"))) == (409, OUTDATED.format("undefined"))


# Corrections.


def test_a_correction_makes_a_new_version(cast, form):
    cast.send(xml("one", photo="a.jpg"), {"a.jpg": JPEG})
    edited = xml("two", photo="a.jpg", name="Ada", deprecated="one")
    assert told(cast.send(edited, by=cast.colin)) == (201, DONE)
    read = cast.alice.get(f"{SUBMISSIONS}/one").json
    assert (read["reviewState"], read["currentVersion"]["instanceId"]) == ("edited", "two")
    assert cast.alice.get(f"{SUBMISSIONS}/one.xml").body == edited
    assert cast.alice.get(f"{SUBMISSIONS}/one/attachments/a.jpg").body == JPEG


def test_a_correction_s_own_file_wins_over_the_one_carried_over(cast, form):
    cast.send(xml("one", photo="a.jpg"), {"a.jpg": JPEG})
    cast.send(xml("two", photo="a.jpg", deprecated="one"), {"a.jpg": OTHER})
    assert cast.alice.get(f"{SUBMISSIONS}/one/attachments/a.jpg").body == OTHER


def test_the_second_batch_of_a_correction_adds_its_files(cast, form):
    cast.send(xml("one"))
    edited = xml("two", photo="a.jpg", deprecated="one")
    cast.send(edited)
    assert told(cast.send(edited, {"a.jpg": JPEG})) == (201, DONE)
    assert cast.alice.get(f"{SUBMISSIONS}/one/attachments/a.jpg").body == JPEG
    assert len(audits("submission.update.version")) == 1


def test_a_correction_again_with_other_xml_is_refused(cast, form):
    cast.send(xml("one"))
    cast.send(xml("two", deprecated="one"))
    assert told(cast.send(xml("two", name="Ada", deprecated="one"))) == (409, DIFFERENT)


def test_a_correction_of_what_is_not_there_is_told_so(cast, form):
    missing = answer(
        "error",
        "You tried to update an existing submission, but we can&#39;t find that submission to "
        "update (nope)",
    )
    assert told(cast.send(xml("two", deprecated="nope"))) == (404, missing)
    cast.send(xml("nope"))
    cast.alice.delete(f"{SUBMISSIONS}/nope")
    assert told(cast.send(xml("two", deprecated="nope"))) == (404, missing)


def test_a_correction_of_an_older_version_is_out_of_date(cast, form):
    cast.send(xml("one"))
    cast.send(xml("two", deprecated="one"))
    assert told(cast.send(xml("three", deprecated="one"))) == (409, OUTDATED.format("one"))


def test_a_correction_under_a_taken_id_is_refused(cast, form):
    cast.send(xml("one"))
    cast.send(xml("two"))
    message = "A resource already exists with instanceID value(s) of two."
    assert told(cast.send(xml("two", deprecated="one"))) == (409, answer("error", message))
    assert told(cast.send(xml("one", deprecated="one"))) == (
        409,
        answer("error", message.replace("two", "one")),
    )


# What is refused.


def test_a_post_without_xml_is_told_what_is_missing(cast, form):
    message = answer("error", "Required multipart POST field xml_submission_file missing.")
    for body, headers in (
        (multipart(None, {"a.jpg": JPEG}), OPENROSA),
        (multipart(None, xml_submission_file="<data/>"), OPENROSA),
        (xml("one"), {"x-openrosa-version": "1.0", "content-type": "text/xml"}),
        (b"", {"x-openrosa-version": "1.0"}),
    ):
        assert told(cast.alice.post(HERE, body, headers)) == (400, message)


def test_a_broken_form_is_told_in_json(cast, form):
    response = cast.alice.post(HERE, multipart(xml("one"))[:-20], OPENROSA)
    assert response.status == 400
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert (response.json["code"], response.json["message"]) == (
        400.39,
        "Multipart form content failed to parse.",
    )
    assert isinstance(response.json["details"], str)
    assert stored("S#") == []


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"nothing", 400, "Required parameter form ID xml attribute missing."),
        (xml("one", form="other"), 404, NOT_FOUND["message"]),
        (
            xml("one", version="9"),
            404,
            "The form version specified in this submission &#39;9&#39; does not exist.",
        ),
        (xml("i" * 65), 400, "Length of value too long for a field"),
    ],
)
def test_what_cannot_be_taken_is_told_in_xml(cast, form, body, status, message):
    assert told(cast.send(body)) == (status, answer("error", message))
    assert stored("S#") == []


def test_a_closed_form_takes_nothing(cast, form):
    cast.alice.patch("/v1/projects/1/forms/simple", {"state": "closing"})
    assert cast.send(xml("one")).status == 201
    cast.alice.patch("/v1/projects/1/forms/simple", {"state": "closed"})
    message = (
        "This form is not currently accepting submissions. Please talk to your program staff if "
        "this is unexpected."
    )
    assert told(cast.send(xml("two"))) == (409, answer("error", message))


@pytest.mark.parametrize("name", ["vera", "chelsea"])
def test_who_may_not_is_asked_for_other_credentials(cast, form, name):
    response = cast.send(xml("one"), by=getattr(cast, name))
    assert told(response) == (401, answer("error", ANONYMOUS["message"]))
    assert stored("S#") == []


def test_a_browser_proves_itself_by_a_text_field(cast, form):
    login = {"email": "alice@example.org", "password": "correct horse battery staple"}
    session = cast.api.post("/v1/sessions", login).json
    cookie = {"cookie": f"__Host-session={session['token'].replace('$', '%24')}"}
    send = cast.api.post
    assert send(HERE, multipart(xml("one")), OPENROSA | cookie).status == 401
    proof = multipart(xml("one"), __csrf=session["csrf"])
    assert send(HERE, proof, OPENROSA | cookie).status == 201


# App users and links.


@pytest.mark.parametrize("name", ["app_user", "link"])
def test_a_token_in_the_path_lets_a_device_send(cast, form, name):
    token = getattr(cast, name).headers["authorization"].partition(" ")[2]
    here = f"/v1/key/{token}/projects/1/submission"
    assert cast.api.head(here, headers=OPENROSA).status == 204
    assert told(cast.api.post(here, multipart(xml("one")), OPENROSA)) == (201, DONE)
    assert told(cast.api.post(f"{HERE}?st={token}", multipart(xml("one")), OPENROSA)) == (201, DONE)
    edit = multipart(xml("two", deprecated="one"))
    assert told(cast.api.post(here, edit, OPENROSA)) == (201, DONE)
    (listed,) = cast.alice.get(SUBMISSIONS).json
    assert listed["submitterId"] == cast.users[name]["id"]


def test_an_app_user_without_the_form_is_asked_for_other_credentials(cast, form):
    cast.form("other")
    token = cast.app_user.headers["authorization"].partition(" ")[2]
    here = f"/v1/key/{token}/projects/1/submission"
    response = cast.api.post(here, multipart(xml("one", form="other")), OPENROSA)
    assert told(response) == (401, answer("error", ANONYMOUS["message"]))


def test_a_revoked_token_is_refused(cast, form):
    token = cast.app_user.headers["authorization"].partition(" ")[2]
    assert cast.alice.delete(f"/v1/sessions/{token}").status == 200
    here = f"/v1/key/{token}/projects/1/submission"
    response = cast.api.post(here, multipart(xml("one")), OPENROSA)
    assert response.status == 403
    assert response.text == answer("error", FORBIDDEN["message"])


# Drafts.


def test_a_draft_is_tested_by_its_link(cast, api):
    token = cast.draft()["draftToken"]
    here = f"/v1/test/{token}/projects/1/forms/simple/draft/submission"
    assert api.head(here, headers=OPENROSA).status == 204
    body = multipart(xml("one", photo="a.jpg", version="any"), {"a.jpg": JPEG})
    assert told(api.post(here, body, OPENROSA)) == (201, DONE)
    assert told(api.post(here, body, OPENROSA)) == (201, DONE)
    edit = xml("two", photo="a.jpg", deprecated="one")
    assert told(api.post(here, multipart(edit), OPENROSA)) == (201, DONE)
    (listed,) = cast.alice.get("/v1/projects/1/forms/simple/draft/submissions").json
    assert (listed["submitterId"], listed["currentVersion"]["instanceId"]) == (None, "two")
    assert cast.alice.get(SUBMISSIONS).json == []
    wrong = here.replace(token, "a" * 64)
    assert api.post(wrong, body, OPENROSA).status == 404


def test_a_draft_takes_no_other_form(cast, api):
    token = cast.draft()["draftToken"]
    cast.form("other")
    here = f"/v1/test/{token}/projects/1/forms/simple/draft/submission"
    response = api.post(here, multipart(xml("one", form="other")), OPENROSA)
    message = "Unexpected form id value other; did not match the form ID in the URL"
    assert told(response) == (400, answer("error", message))


# Races.


def test_of_many_identical_posts_all_succeed_and_one_is_stored(cast, form):
    body = xml("one", photo="a.jpg")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: cast.send(body, {"a.jpg": JPEG}), range(20)))
    assert {told(each) for each in answers} == {(201, DONE)}
    assert len(cast.alice.get(SUBMISSIONS).json) == 1
    assert len(audits("submission.create")) == 1
    assert cast.alice.get(f"{SUBMISSIONS}/one/attachments/a.jpg").body == JPEG


def test_of_many_identical_corrections_all_succeed_and_one_version_is_made(cast, form):
    cast.send(xml("one"))
    body = xml("two", photo="a.jpg", deprecated="one")
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: cast.send(body, {"a.jpg": JPEG}), range(20)))
    assert {told(each) for each in answers} == {(201, DONE)}
    assert len(audits("submission.update.version")) == 1
    assert cast.alice.get(f"{SUBMISSIONS}/one/attachments/a.jpg").body == JPEG


def test_of_many_different_corrections_one_wins(cast, form):
    cast.send(xml("one"))
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: cast.send(xml(f"new{n}", deprecated="one")), range(20)))
    assert (
        sorted(told(each) for each in answers)
        == [(201, DONE)] + [(409, OUTDATED.format("one"))] * 19
    )


def _while_it_is_sent(cast, act, body, files):
    """Send a submission; at the call that stores its file somebody else acts. Give the answer."""
    done = []

    def overtake(_: int) -> None:
        if wire.names[-1] == "PutObject" and not done:
            done.append(None)
            act()

    with Wire(before=overtake) as wire:
        sent = cast.send(body, files)
    assert done == [None]
    return told(sent)


def test_a_file_of_a_version_that_is_corrected_meanwhile_does_not_get_into_the_correction(
    cast, form
):
    first = xml("one", photo="a.jpg")
    cast.send(first)

    def correct():
        sent = cast.send(xml("two", photo="a.jpg", deprecated="one"), {"a.jpg": OTHER})
        assert told(sent) == (201, DONE)

    late = _while_it_is_sent(cast, correct, first, {"a.jpg": JPEG})
    assert late == (409, OUTDATED.format("undefined"))
    assert cast.alice.get(f"{SUBMISSIONS}/one/attachments/a.jpg").body == OTHER


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (
            xml("one", photo="a.jpg"),
            409,
            "This submission has been deleted. You may not resubmit it.",
        ),
        (
            xml("two", photo="a.jpg", deprecated="one"),
            404,
            "You tried to update an existing submission, but we can&#39;t find that submission "
            "to update (one)",
        ),
    ],
)
def test_of_what_is_deleted_meanwhile_a_device_is_told_so(cast, form, body, status, message):
    cast.send(xml("one", photo="a.jpg"))

    def delete():
        assert cast.alice.delete(f"{SUBMISSIONS}/one").status == 200

    late = _while_it_is_sent(cast, delete, body, {"a.jpg": JPEG})
    assert late == (status, answer("error", message))


def test_a_file_that_is_sent_twice_at_once_is_told_of_once(cast, form):
    body = xml("one", photo="a.jpg")
    cast.send(body)

    def again():
        assert told(cast.send(body, {"a.jpg": JPEG})) == (201, DONE)

    assert _while_it_is_sent(cast, again, body, {"a.jpg": JPEG}) == (201, DONE)
    assert len(audits("submission.attachment.update")) == 1
    assert cast.alice.get(f"{SUBMISSIONS}/one/attachments/a.jpg").body == JPEG
