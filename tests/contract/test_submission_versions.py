"""Versions of a submission, and their files (Central: `/submissions/{instanceId}/versions`)."""

from __future__ import annotations

import pytest

from tests.answers import ANONYMOUS, DONE, FORBIDDEN, NOT_FOUND
from tests.cast import Cast, audits, is_time, stored, xform, xml
from tests.wire import Wire

FORM = "/v1/projects/1/forms/simple"
PATH = f"{FORM}/submissions"
ONE = f"{PATH}/one"
VERSIONS = f"{ONE}/versions"
JPEG = b"\xff\xd8\xff one"
EXTENDED = {"x-extended-metadata": "true"}
KEYS = [
    "submitterId", "createdAt", "instanceName", "instanceId", "current", "deviceId", "userAgent",
]  # fmt: skip


@pytest.fixture(autouse=True)
def edited(cast):
    """Sent by Colin as `one`, corrected twice by Bob; the first two have a photo."""
    cast.form()
    headers = {"user-agent": "Collect"}
    made = cast.colin.post(f"{PATH}?deviceID=phone", xml("one", photo="a.jpg"), headers)
    assert made.status == 200
    cast.colin.post(f"{ONE}/attachments/a.jpg", JPEG, {"content-type": "image/jpeg"})
    two = xml("two", name="Bo", photo="a.jpg", deprecated="one").replace(
        b"</orx:meta>", b"<orx:instanceName>Bo</orx:instanceName></orx:meta>"
    )
    assert cast.bob.put(ONE, two).status == 200
    assert cast.bob.put(ONE, xml("three", name="Bob", deprecated="two")).status == 200


def shown(cast, instance_id, **said):
    listed = {each["instanceId"]: each for each in cast.bob.get(VERSIONS).json}
    return {
        "submitterId": cast.users["bob"]["id"],
        "createdAt": listed[instance_id]["createdAt"],
        "instanceName": None,
        "instanceId": instance_id,
        "current": False,
        "deviceId": None,
        "userAgent": None,
    } | said


# The list.


def test_versions_are_listed_newest_first(cast):
    listed = cast.vera.get(VERSIONS)
    assert listed.status == 200
    assert [list(each) for each in listed.json] == [KEYS] * 3
    assert listed.json == [
        shown(cast, "three", current=True),
        shown(cast, "two", instanceName="Bo"),
        shown(
            cast,
            "one",
            submitterId=cast.users["colin"]["id"],
            deviceId="phone",
            userAgent="Collect",
        ),
    ]
    times = [each["createdAt"] for each in listed.json]
    assert all(map(is_time, times))
    assert times == sorted(times, reverse=True)
    assert cast.vera.get(ONE).json["currentVersion"] == listed.json[0]


def test_a_submission_that_was_never_edited_has_one_version(cast):
    cast.submit("other")
    (only,) = cast.vera.get(f"{PATH}/other/versions").json
    assert only == cast.vera.get(f"{PATH}/other").json["currentVersion"]


def test_extended_metadata_tell_submitter_and_form_version(cast):
    plain = cast.vera.get(VERSIONS).json
    listed = cast.vera.get(VERSIONS, headers=EXTENDED).json
    bob, colin = (
        {key: cast.users[name][key] for key in ("id", "type", "displayName", "createdAt")}
        | {"updatedAt": None, "deletedAt": None}
        for name in ("bob", "colin")
    )
    assert [list(each) for each in listed] == [[*KEYS, "submitter", "formVersion"]] * 3
    assert listed == [
        each | {"submitter": submitter, "formVersion": "1"}
        for each, submitter in zip(plain, (bob, bob, colin), strict=True)
    ]
    for each in listed:
        one = cast.vera.get(f"{VERSIONS}/{each['instanceId']}", headers=EXTENDED)
        assert one.json == each
        assert list(one.json) == list(each)


def test_the_list_costs_the_same_however_many_versions_there_are(cast):
    calls = []
    for number in range(4, 40):
        if number in (5, 39):
            with Wire() as wire:
                listed = cast.bob.get(VERSIONS, headers=EXTENDED).json
            assert len(listed) == number - 1
            calls.append(wire.names)
        last = "three" if number == 4 else str(number - 1)
        assert cast.bob.put(ONE, xml(str(number), deprecated=last)).status == 200
    assert calls[0] == calls[1] == ["BatchGetItem", "BatchGetItem", "Query", "BatchGetItem"]


# One version.


@pytest.mark.parametrize("instance_id", ["one", "two", "three"])
def test_a_version_is_told_of_by_its_id(cast, instance_id):
    answer = cast.vera.get(f"{VERSIONS}/{instance_id}")
    assert answer.status == 200
    assert list(answer.json) == KEYS
    assert answer.json in cast.vera.get(VERSIONS).json
    assert answer.json["instanceId"] == instance_id


def test_a_version_s_xml_is_what_was_sent(cast):
    answer = cast.vera.get(f"{VERSIONS}/one.xml")
    assert answer.body == xml("one", photo="a.jpg")
    assert answer.headers["content-type"] == "application/xml; charset=utf-8"
    assert cast.vera.get(f"{VERSIONS}/three.xml").body == cast.vera.get(f"{ONE}.xml").body
    assert cast.vera.head(f"{VERSIONS}/one.xml").status == 200


def test_a_large_version_is_read_from_the_bucket(cast):
    import random

    large = random.Random(1).randbytes(200_000).hex()
    assert cast.bob.put(ONE, xml("four", name=large, deprecated="three")).status == 200
    assert cast.bob.put(ONE, xml("five", deprecated="four")).status == 200
    assert cast.bob.get(f"{VERSIONS}/four.xml").body == xml("four", name=large, deprecated="three")


def test_a_version_that_an_edit_has_just_put_aside_is_found(cast):
    """A batch of reads is not one moment: the version may have been in neither place."""
    done = []

    def edit(number):
        # Between the round of the claims and that of the submission.
        if number == 1 and not done:
            done.append(True)
            assert cast.bob.put(ONE, xml("four", deprecated="three")).status == 200

    with Wire(before=edit):
        answer = cast.vera.get(f"{VERSIONS}/three")
    assert done
    assert (answer.status, answer.json["current"]) == (200, False)


def test_ids_may_hold_anything(cast):
    cast.submit("a/b ü#?%")
    path = f"{PATH}/a%2Fb%20%C3%BC%23%3F%25"
    assert cast.vera.get(f"{path}/versions/a%2Fb%20%C3%BC%23%3F%25").json["current"] is True


# Files.


def test_a_version_keeps_its_own_files(cast):
    exists = [{"name": "a.jpg", "exists": True}]
    assert cast.vera.get(f"{VERSIONS}/one/attachments").json == exists
    assert cast.vera.get(f"{VERSIONS}/two/attachments").json == exists
    assert cast.vera.get(f"{VERSIONS}/three/attachments").json == []
    answer = cast.vera.get(f"{VERSIONS}/one/attachments/a.jpg")
    assert (answer.status, answer.body) == (200, JPEG)
    assert answer.headers["content-type"] == "image/jpeg"
    etag = answer.headers["etag"]
    again = cast.vera.get(f"{VERSIONS}/two/attachments/a.jpg", headers={"if-none-match": etag})
    assert again.status == 304
    assert cast.vera.get(f"{VERSIONS}/three/attachments/a.jpg").json == NOT_FOUND
    assert cast.vera.get(f"{VERSIONS}/one/attachments/b.jpg").json == NOT_FOUND


def test_clearing_a_version_s_file_leaves_the_others(cast):
    before = cast.bob.get(ONE).json
    answer = cast.bob.delete(f"{VERSIONS}/one/attachments/a.jpg")
    assert (answer.status, answer.json) == (200, DONE)
    assert cast.bob.get(f"{VERSIONS}/one/attachments").json == [{"name": "a.jpg", "exists": False}]
    assert cast.bob.get(f"{VERSIONS}/one/attachments/a.jpg").json == NOT_FOUND
    assert cast.bob.get(f"{VERSIONS}/two/attachments/a.jpg").body == JPEG
    assert cast.bob.get(ONE).json == before
    row = audits("submission.attachment.update")[-1]
    kept, _ = stored("V#")
    assert is_time(row.pop("loggedAt"))
    assert row == {
        "actorId": cast.users["bob"]["id"],
        "action": "submission.attachment.update",
        "acteeId": row["acteeId"],
        "details": {
            "instanceId": "one",
            "submissionDefId": int(kept["t"]["N"]),
            "name": "a.jpg",
            "oldBlobId": row["details"]["oldBlobId"],
        },
        "notes": None,
    }
    assert isinstance(row["details"]["oldBlobId"], int)
    # Also when it is empty already.
    assert cast.bob.delete(f"{VERSIONS}/one/attachments/a.jpg").json == DONE
    assert audits("submission.attachment.update")[-1]["details"]["oldBlobId"] is None


def test_clearing_the_current_version_s_file_is_what_it_is_without_the_version(cast):
    assert cast.bob.put(ONE, xml("four", photo="b.jpg", deprecated="three")).status == 200
    cast.bob.post(f"{ONE}/attachments/b.jpg", JPEG)
    assert cast.bob.delete(f"{VERSIONS}/four/attachments/b.jpg").json == DONE
    assert cast.bob.get(f"{ONE}/attachments").json == [{"name": "b.jpg", "exists": False}]
    assert audits("submission.attachment.update")[-1]["details"]["instanceId"] == "four"


def test_a_file_is_cleared_where_its_version_has_gone_meanwhile(cast):
    assert cast.bob.put(ONE, xml("four", photo="b.jpg", deprecated="three")).status == 200
    cast.bob.post(f"{ONE}/attachments/b.jpg", JPEG)
    done = []

    def edit(number):
        if number == 2 and not done:
            done.append(True)
            new = xml("five", photo="b.jpg", deprecated="four")
            assert cast.bob.put(ONE, new).status == 200

    with Wire(before=edit):
        assert cast.bob.delete(f"{VERSIONS}/four/attachments/b.jpg").json == DONE
    assert done
    assert cast.bob.get(f"{VERSIONS}/four/attachments").json == [{"name": "b.jpg", "exists": False}]
    assert cast.bob.get(f"{ONE}/attachments/b.jpg").body == JPEG
    row = audits("submission.attachment.update")[-1]
    assert row["details"]["instanceId"] == "four"
    assert row["details"]["oldBlobId"] is not None


def test_nothing_is_sent_to_a_version(cast):
    assert cast.bob.post(f"{VERSIONS}/one/attachments/a.jpg", JPEG).json == NOT_FOUND
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in (VERSIONS, f"{VERSIONS}/one", f"{VERSIONS}/one/attachments", f"{ONE}/diffs"):
            assert cast.bob.request(method, path).json == NOT_FOUND


# Who may, and what is not there.

READ = [
    "versions", "versions/one", "versions/one.xml", "versions/one/attachments",
    "versions/one/attachments/a.jpg", "diffs",
]  # fmt: skip


@pytest.mark.parametrize("path", READ)
def test_reading_needs_the_right_to_read_submissions(cast, api, path):
    assert cast.vera.get(f"{ONE}/{path}").status == 200
    for who, status, body in (
        (api, 401, ANONYMOUS), (cast.chelsea, 403, FORBIDDEN), (cast.colin, 403, FORBIDDEN),
    ):  # fmt: skip
        answer = who.get(f"{ONE}/{path}")
        assert (answer.status, answer.json) == (status, body)
        # Nobody learns what is there.
        answer = who.get(f"{ONE}/{path.replace('one', 'none')}")
        assert (answer.status, answer.json) == (status, body)


def test_clearing_needs_the_right_to_update(cast, api):
    path = f"{VERSIONS}/one/attachments/a.jpg"
    for who, status, body in (
        (api, 401, ANONYMOUS), (cast.vera, 403, FORBIDDEN), (cast.colin, 403, FORBIDDEN),
    ):  # fmt: skip
        answer = who.delete(path)
        assert (answer.status, answer.json) == (status, body)
    assert cast.vera.get(path).body == JPEG


@pytest.mark.parametrize("path", READ)
def test_what_is_not_there_is_not_found(cast, path):
    def gone(where):
        answer = cast.bob.get(where)
        return answer.status == 404 and answer.json == NOT_FOUND

    assert gone(f"{PATH}/none/{path}")
    # Only the first id names the submission.
    assert gone(f"{PATH}/two/{path}")
    assert gone(f"{Cast.FORMS}/other/submissions/one/{path}")
    if "versions/" in path:
        assert gone(f"{ONE}/{path.replace('one', 'four')}")
    assert cast.bob.delete(ONE).json == DONE
    assert gone(f"{ONE}/{path}")
    assert cast.bob.post(f"{ONE}/restore").json == DONE
    assert not gone(f"{ONE}/{path}")


def test_a_version_of_another_submission_is_not_found(cast):
    cast.submit("other", photo="a.jpg")
    cast.bob.post(f"{PATH}/other/attachments/a.jpg", JPEG)
    for path in ("", ".xml", "/attachments", "/attachments/a.jpg"):
        answer = cast.bob.get(f"{VERSIONS}/other{path}")
        assert (answer.status, answer.json) == (404, NOT_FOUND)
        answer = cast.bob.get(f"{PATH}/other/versions/two{path}")
        assert (answer.status, answer.json) == (404, NOT_FOUND)
    assert cast.bob.delete(f"{VERSIONS}/other/attachments/a.jpg").json == NOT_FOUND
    assert cast.bob.get(f"{PATH}/other/attachments/a.jpg").body == JPEG


def test_a_form_that_took_a_deleted_form_s_id_has_versions_of_its_own(cast):
    cast.alice.delete(FORM)
    again = f"{Cast.FORMS}?publish=true&ignoreWarnings=true"
    assert cast.alice.post(again, xform(version="9")).status == 200
    assert cast.bob.get(VERSIONS).json == NOT_FOUND
    assert cast.submit("one", version="9").status == 200
    new = xml("two", version="9", deprecated="one")
    assert cast.bob.put(ONE, new).status == 200
    assert [each["instanceId"] for each in cast.bob.get(VERSIONS).json] == ["two", "one"]
    assert cast.bob.get(f"{VERSIONS}/one.xml").body == xml("one", version="9")
    assert cast.bob.get(f"{VERSIONS}/three").json == NOT_FOUND
    assert list(cast.bob.get(f"{ONE}/diffs").json) == ["two"]


# Diffs.


def test_diffs_tell_what_each_version_changed(cast):
    answer = cast.vera.get(f"{ONE}/diffs")
    assert answer.status == 200
    assert answer.json == {
        "three": [
            {"old": "Bo", "new": "Bob", "path": ["name"]},
            {"old": "a.jpg", "new": "", "path": ["photo"]},
            {"old": "two", "new": "three", "path": ["meta", "instanceID"]},
            {"old": "one", "new": "two", "path": ["meta", "deprecatedID"]},
            {"old": "Bo", "path": ["meta", "instanceName"]},
        ],
        "two": [
            {"old": "Alan", "new": "Bo", "path": ["name"]},
            {"old": "one", "new": "two", "path": ["meta", "instanceID"]},
            {"new": "one", "path": ["meta", "deprecatedID"]},
            {"new": "Bo", "path": ["meta", "instanceName"]},
        ],
    }
    assert list(answer.json) == ["three", "two"]


def test_a_submission_that_was_never_edited_has_no_diffs(cast):
    cast.submit("other")
    assert cast.vera.get(f"{PATH}/other/diffs").json == {}


def test_diffs_cost_the_same_however_many_versions_there_are(cast):
    with Wire() as wire:
        cast.bob.get(f"{ONE}/diffs")
    for number in range(4, 20):
        last = "three" if number == 4 else str(number - 1)
        assert cast.bob.put(ONE, xml(str(number), deprecated=last)).status == 200
    with Wire() as later:
        assert len(cast.bob.get(f"{ONE}/diffs").json) == 18
    assert wire.names == later.names == ["BatchGetItem", "BatchGetItem", "Query"]


REPEATING = (
    xform()
    .replace(b"<name/>", b"<name/><child><name/></child>")
    .replace(b"<h:body>", b'<h:body><repeat nodeset="/data/child"/>')
)


def test_the_published_form_says_what_a_repeat_is(cast):
    def children(instance_id, *names, deprecated=None):
        rows = "".join(f"<child><name>{name}</name></child>" for name in names)
        return xml(instance_id, deprecated=deprecated).replace(b"<age>", f"{rows}<age>".encode())

    cast.alice.delete(FORM)
    again = f"{Cast.FORMS}?publish=true&ignoreWarnings=true"
    made = cast.alice.post(again, REPEATING.replace(b'version="1"', b'version="r"'))
    assert made.status == 200, made.text
    old = children("one", "Ann", "Bo").replace(b'version="1"', b'version="r"')
    new = children("two", "Bo", "Cy", deprecated="one").replace(b'version="1"', b'version="r"')
    assert cast.bob.post(PATH, old).status == 200
    assert cast.bob.put(ONE, new).status == 200
    told = cast.vera.get(f"{ONE}/diffs").json["two"]
    assert told[:2] == [
        {"old": {"name": "Ann"}, "path": [["child", 0]]},
        {"new": {"name": "Cy"}, "path": [["child", 1]]},
    ]


def test_another_charset_is_read_as_it_was_sent(cast):
    text = xml("four", name="Zoë", deprecated="three").decode()
    body = f'<?xml version="1.0" encoding="ISO-8859-1"?>{text}'.encode("latin-1")
    headers = {"content-type": "application/octet-stream"}
    assert cast.bob.put(ONE, body, headers).status == 200
    changed = cast.vera.get(f"{ONE}/diffs").json["four"]
    assert changed[0] == {"old": "Bob", "new": "Zoë", "path": ["name"]}


# Drafts.


@pytest.fixture
def draft(cast):
    """Where a draft's edited submission lies, by the project and by the test link."""
    made = cast.draft("tried")
    base = "projects/1/forms/tried/draft/submissions"
    places = f"/v1/{base}", f"/v1/test/{made['draftToken']}/{base}"
    sent = cast.api.post(places[1], xml("one", form="tried", photo="a.jpg"))
    assert sent.status == 200, sent.text
    new = xml("two", name="Bo", form="tried", photo="a.jpg", deprecated="one")
    assert cast.bob.put(f"{places[0]}/one", new).status == 200
    cast.bob.post(f"{places[0]}/one/attachments/a.jpg", JPEG)
    return places


def test_a_draft_s_submissions_have_versions_too(cast, api, draft):
    for who, place in ((cast.bob, draft[0]), (api, draft[1])):
        listed = who.get(f"{place}/one/versions", headers=EXTENDED).json
        assert [each["instanceId"] for each in listed] == ["two", "one"]
        assert set(listed[1]["submitter"].values()) == {None}
        assert who.get(f"{place}/one/versions/two.xml").body.startswith(b"<data")
        assert who.get(f"{place}/one/versions/one/attachments").json == [
            {"name": "a.jpg", "exists": False}
        ]
        assert who.get(f"{place}/one/versions/two/attachments/a.jpg").body == JPEG
        assert who.get(f"{place}/one/diffs").json == {
            "two": [
                {"old": "Alan", "new": "Bo", "path": ["name"]},
                {"old": "one", "new": "two", "path": ["meta", "instanceID"]},
                {"new": "one", "path": ["meta", "deprecatedID"]},
            ]
        }
        assert who.delete(f"{place}/one/versions/two/attachments/a.jpg").json == DONE
        cast.bob.post(f"{place}/one/attachments/a.jpg", JPEG)


@pytest.mark.parametrize("path", READ)
def test_a_wrong_token_reads_nothing(cast, draft, path):
    wrong = draft[1].replace(draft[1].split("/")[3], "a" * 64)
    assert cast.alice.get(f"{wrong}/one/{path}").json == NOT_FOUND


@pytest.mark.parametrize("path", READ)
def test_drafts_and_published_forms_are_worlds_apart(cast, draft, path):
    assert cast.bob.get(f"{PATH}/one/{path}".replace("simple", "tried")).json == NOT_FOUND
    assert cast.bob.get(f"{FORM}/draft/submissions/one/{path}").json == NOT_FOUND
    assert cast.chelsea.get(f"{draft[0]}/one/{path}").json == FORBIDDEN
