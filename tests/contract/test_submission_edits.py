"""New versions of a submission (Central: `PUT /submissions/{instanceId}`)."""

from __future__ import annotations

import pytest

from sheaf.access.auth import SYSTEM
from sheaf.db import keys, reads
from sheaf.forms.forms import Form
from sheaf.problems import OutdatedCopy
from sheaf.submissions import instance, submissions
from sheaf.submissions.reception import Received
from sheaf.submissions.records import LIVE, Submission
from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import Cast, audits, is_time, stored, xform, xml

FORM = "/v1/projects/1/forms/simple"
PATH = f"{FORM}/submissions"
ONE = f"{PATH}/one"


def outdated(deprecated_id: str):
    return {
        "message": "You tried to update a submission, but the copy you were editing "
        f"({deprecated_id}) is now out of date. Please get the new version that has been "
        "submitted, and make your edits again.",
        "code": 409.9,
        "details": {"deprecatedId": deprecated_id},
    }


@pytest.fixture
def form(cast):
    cast.form()
    assert cast.submit("one", by=cast.colin).status == 200


def test_a_new_version_replaces_the_current_one(cast, form):
    made = cast.bob.get(ONE).json
    body = xml("two", name="Bo", deprecated="one").replace(
        b"</orx:meta>", b"<orx:instanceName>Bo</orx:instanceName></orx:meta>"
    )
    headers = {"user-agent": "curl", "x-action-notes": "typo"}
    answer = cast.bob.put(f"{ONE}?deviceID=desk", body, headers=headers)
    changed = answer.json["updatedAt"]
    assert is_time(changed)
    assert list(answer.json) == [
        "instanceId", "submitterId", "deviceId", "createdAt", "updatedAt", "reviewState",
        "userAgent", "deletedAt", "currentVersion",
    ]  # fmt: skip
    assert answer.status == 200
    bob, colin = cast.users["bob"]["id"], cast.users["colin"]["id"]
    assert answer.json == {
        "instanceId": "one",
        "submitterId": colin,
        "deviceId": None,
        "createdAt": made["createdAt"],
        "updatedAt": changed,
        "reviewState": "edited",
        "userAgent": None,
        "deletedAt": None,
        "currentVersion": {
            "submitterId": bob,
            "createdAt": changed,
            "instanceName": "Bo",
            "instanceId": "two",
            "current": True,
            "deviceId": "desk",
            "userAgent": "curl",
        },
    }
    assert cast.bob.get(ONE).json == answer.json
    assert cast.bob.get(PATH).json == [answer.json]
    assert cast.bob.get(f"{ONE}.xml").body == body
    (created,), (row,) = audits("submission.create"), audits("submission.update.version")
    assert row == {
        "actorId": bob,
        "action": "submission.update.version",
        "acteeId": created["acteeId"],
        "details": {
            "submissionId": created["details"]["submissionId"],
            "instanceId": "two",
            "submissionDefId": row["details"]["submissionDefId"],
        },
        "loggedAt": changed,
        "notes": "typo",
    }
    assert row["details"]["submissionDefId"] != created["details"]["submissionDefId"]


def test_the_older_version_is_kept_as_it_was(cast, form):
    before = reads.get(Submission.ref(key_of_one()))
    assert cast.bob.put(ONE, xml("two", name="Bo", deprecated="one")).status == 200
    (item,) = stored("V#")
    kept = submissions.SubmissionVersion.ref(("", "")).read(item)
    assert (item["pk"]["S"], item["sk"]["S"]) == keys.version(before.id, 0)
    assert kept.xml == xml("one")
    assert kept.version_to_api(current=False) == before.version_to_api(current=False)
    assert kept.form_version == "1"
    assert cast.bob.put(ONE, xml("three", deprecated="two")).status == 200
    assert [item["v"]["S"] for item in sorted(stored("V#"), key=lambda item: item["sk"]["S"])] == [
        "one",
        "two",
    ]


def key_of_one() -> tuple[str, str]:
    (item,) = [item for item in stored("S#1#") if item["v"]["S"] == "one" or "r" in item]
    return item["pk"]["S"], item["sk"]["S"]


@pytest.mark.parametrize("state", ["approved", "rejected", "hasIssues", "edited", None])
def test_an_edit_makes_it_edited_whatever_it_was(cast, form, state):
    cast.bob.patch(ONE, {"reviewState": state})
    answer = cast.bob.put(ONE, xml("two", deprecated="one"))
    assert answer.json["reviewState"] == "edited"


def test_who_may_send_new_versions(cast, form):
    for name in ("vera", "chelsea"):
        answer = getattr(cast, name).put(ONE, xml("two", deprecated="one"))
        assert (answer.status, answer.json) == (403, FORBIDDEN)
    answer = cast.api.put(ONE, xml("two", deprecated="one"))
    assert (answer.status, answer.json) == (401, ANONYMOUS)
    assert stored("V#") == []
    cast.submit("own", by=cast.bob)
    ids = ["own", *(f"v{number}" for number in range(3))]
    editors = (cast.alice, cast.bob, cast.colin)
    for editor, old, new in zip(editors, ids, ids[1:], strict=False):
        assert editor.put(f"{PATH}/own", xml(new, deprecated=old)).status == 200


def test_what_comes_first_is_answered_first(cast, form):
    assert cast.api.put(f"{FORM}x/submissions/one", b"").json == ANONYMOUS
    nowhere = f"{FORM}x/submissions/none"
    assert cast.chelsea.put(nowhere, b"").json["code"] == 400.2
    assert cast.chelsea.put(nowhere, xml("two")).json == {
        "message": "Unexpected form id value simple; did not match the form ID in the URL",
        "code": 400.8,
        "details": {
            "field": "form id",
            "value": "simple",
            "reason": "did not match the form ID in the URL",
        },
    }
    assert cast.chelsea.put(nowhere, xml("two", form="simplex")).json == {
        "message": "This PUT endpoint expects a deprecatedID metadata tag pointing at the current "
        "version instanceID. I cannot find that tag in your request.",
        "code": 400.19,
    }
    said = {"form": "simplex", "deprecated": "zero", "version": "nope"}
    assert cast.chelsea.put(nowhere, xml("x" * 65, **said)).json == NOT_FOUND
    cast.bob.patch(FORM, {"state": "closed"})
    none = f"{PATH}/none"
    answer = cast.chelsea.put(none, xml("x" * 65, deprecated="zero", version="nope"))
    assert (answer.status, answer.json["code"]) == (404, 404.6)
    late = xml("x" * 65, deprecated="zero")
    assert cast.chelsea.put(none, late).json["code"] == 409.2
    cast.bob.patch(FORM, {"state": "closing"})
    assert cast.chelsea.put(none, late).json == FORBIDDEN
    assert cast.bob.put(none, late).json == NOT_FOUND
    assert cast.bob.put(ONE, late).json["code"] == 400.13
    assert cast.bob.put(ONE, xml("one", deprecated="zero")).json == outdated("zero")
    assert cast.bob.put(ONE, xml("x" * 64, deprecated="one")).status == 200


def test_an_outdated_copy_is_refused(cast, form):
    assert cast.bob.put(ONE, xml("two", deprecated="one")).status == 200
    for deprecated in ("one", "three", "ONE", "two "):
        answer = cast.bob.put(ONE, xml("new", deprecated=deprecated))
        assert (answer.status, answer.json) == (409, outdated(deprecated))
    # The same edit again.
    assert cast.bob.put(ONE, xml("two", deprecated="one")).json == outdated("one")
    assert cast.bob.put(ONE, xml("three", deprecated="two")).status == 200


def test_the_new_id_must_be_free(cast, form):
    cast.submit("other")
    cast.bob.put(ONE, xml("two", deprecated="one"))
    for instance_id in ("one", "two", "other"):
        answer = cast.bob.put(ONE, xml(instance_id, deprecated="two"))
        assert answer.status == 409
        assert answer.json == {
            "message": f"A resource already exists with instanceID value(s) of {instance_id}.",
            "code": 409.3,
            "details": {"fields": "instanceID", "values": instance_id},
        }
    assert cast.bob.get(ONE).json["currentVersion"]["instanceId"] == "two"


def test_only_the_first_id_names_a_submission(cast, form):
    cast.bob.put(ONE, xml("two", deprecated="one"))
    two = f"{PATH}/two"
    assert cast.bob.put(two, xml("three", deprecated="two")).json == NOT_FOUND
    assert cast.bob.patch(two, {"reviewState": "approved"}).json == NOT_FOUND
    assert cast.bob.delete(two).json == NOT_FOUND
    assert cast.bob.post(f"{two}/restore").json == NOT_FOUND
    assert cast.bob.get(f"{two}").status in (301, 404)


def test_a_deleted_submission_takes_no_versions(cast, form):
    cast.bob.delete(ONE)
    assert cast.bob.put(ONE, xml("two", deprecated="one")).json == NOT_FOUND


def test_an_edit_may_name_another_version_of_the_form(cast, form):
    # Published by hand: a route for it comes later.
    from sheaf.forms import definitions, upload

    read = upload.read(xform(version="2"), "", fallback_id="x")
    for item in definitions.make(1, read, "2", publish=True):
        item.save()
    assert cast.bob.put(ONE, xml("two", deprecated="one", version="2")).status == 200
    assert cast.bob.put(ONE, xml("three", deprecated="two", version="1")).status == 200
    versions = {item["v"]["S"]: item["f"]["S"] for item in [*stored("V#"), *stored("S#1#")]}
    assert versions == {"one": "1", "two": "2", "three": "1"}


# Files.


def test_files_of_equal_names_are_carried_over(cast):
    cast.form()
    cast.submit("one", photo="a.jpg")
    kind = {"content-type": "image/jpeg"}
    cast.bob.post(f"{ONE}/attachments/a.jpg", b"picture", headers=kind)
    (uploaded,) = audits("submission.attachment.update")
    notes = {"x-action-notes": "why"}
    answer = cast.bob.put(ONE, xml("two", photo="a.jpg", deprecated="one"), headers=notes)
    assert answer.status == 200
    assert cast.bob.get(f"{ONE}/attachments").json == [{"name": "a.jpg", "exists": True}]
    assert cast.bob.get(f"{ONE}/attachments/a.jpg").body == b"picture"
    (version,), rows = audits("submission.update.version"), audits("submission.attachment.update")
    assert rows[1] == {
        "actorId": cast.users["bob"]["id"],
        "action": "submission.attachment.update",
        "acteeId": uploaded["acteeId"],
        "details": {
            "instanceId": "two",
            "submissionDefId": version["details"]["submissionDefId"],
            "name": "a.jpg",
            "newBlobId": uploaded["details"]["newBlobId"],
        },
        "loggedAt": rows[1]["loggedAt"],
        "notes": "why",
    }
    assert len(rows) == 2
    # A name that vanishes loses its slot; the older version keeps its file.
    assert cast.bob.put(ONE, xml("three", photo="b.jpg", deprecated="two")).status == 200
    assert cast.bob.get(f"{ONE}/attachments").json == [{"name": "b.jpg", "exists": False}]
    assert cast.bob.get(f"{ONE}/attachments/a.jpg").json == NOT_FOUND
    assert len(audits("submission.attachment.update")) == 2
    kept = [submissions.SubmissionVersion.ref(("", "")).read(item) for item in stored("V#")]
    assert [[name for name, blob in each.attachments if blob] for each in kept] == [
        ["a.jpg"],
        ["a.jpg"],
    ]
    # And it comes back with the name only by an upload.
    assert cast.bob.put(ONE, xml("four", photo="a.jpg", deprecated="three")).status == 200
    assert cast.bob.get(f"{ONE}/attachments").json == [{"name": "a.jpg", "exists": False}]


def test_a_replaced_file_stays_with_the_older_version(cast):
    cast.form()
    cast.submit("one", photo="a.jpg")
    cast.bob.post(f"{ONE}/attachments/a.jpg", b"old")
    cast.bob.put(ONE, xml("two", photo="a.jpg", deprecated="one"))
    cast.bob.post(f"{ONE}/attachments/a.jpg", b"new")
    assert cast.bob.get(f"{ONE}/attachments/a.jpg").body == b"new"
    (item,) = stored("V#")
    ((_, blob),) = submissions.SubmissionVersion.ref(("", "")).read(item).attachments
    from sheaf import blobs

    assert blobs.load(blob.key) == b"old"


def test_more_files_than_a_transaction_takes_are_carried_over(cast):
    repeats = "".join(f"<photo>{number}.jpg</photo>" for number in range(120))
    cast.form()
    cast.bob.post(PATH, xml("one").replace(b"<photo></photo>", repeats.encode()))
    for number in range(120):
        path = f"{ONE}/attachments/{number}.jpg"
        assert cast.bob.post(path, b"x").status == 200
    body = xml("two", deprecated="one").replace(b"<photo></photo>", repeats.encode())
    assert cast.bob.put(ONE, body).status == 200
    listed = cast.bob.get(f"{ONE}/attachments").json
    assert [each["exists"] for each in listed] == [True] * 120


# At once.


def test_of_many_edits_at_once_one_wins(cast, form):
    from tests.contract.test_forms import together

    answers = together(
        *(lambda n=n: cast.bob.put(ONE, xml(f"v{n}", deprecated="one")) for n in range(4))
    )
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
    assert [each.json for each in answers if each.status == 409] == [outdated("one")] * 3
    (winner,) = [each.json for each in answers if each.status == 200]
    assert cast.bob.get(ONE).json == winner
    assert len(audits("submission.update.version")) == 1
    assert len(stored("V#")) == 1


def test_of_two_equal_edits_at_once_the_later_is_outdated(cast, form):
    """Judged on what it had read, the later one would meet a taken id before an outdated copy."""
    ref = Submission.ref(key_of_one())
    stale, form = reads.get(ref), reads.get(Form.ref(keys.form(1, "simple")))
    body = xml("two", deprecated="one")
    assert cast.bob.put(ONE, body).status == 200
    received = Received(body, None, instance.read(body), "two", "1", LIVE, (), False)
    with pytest.raises(OutdatedCopy):
        submissions.replace(form, stale, received, submissions.Client(None, None), by=SYSTEM)
    assert len(audits("submission.update.version")) == 1


def test_an_edit_and_a_review_at_once_both_happen(cast, form):
    from tests.contract.test_forms import together

    edited, reviewed = together(
        lambda: cast.bob.put(ONE, xml("two", deprecated="one")),
        lambda: cast.alice.patch(ONE, {"reviewState": "approved"}),
    )
    assert (edited.status, reviewed.status) == (200, 200)
    now = cast.bob.get(ONE).json
    assert now["currentVersion"]["instanceId"] == "two"
    assert now["reviewState"] in ("edited", "approved")
    assert len(audits("submission.update.version")) == len(audits("submission.update")) == 1


def test_of_two_creations_at_once_one_wins(cast):
    from tests.contract.test_forms import together

    cast.form()
    answers = together(lambda: cast.submit("one"), lambda: cast.submit("one", name="Bo"))
    assert sorted(answer.status for answer in answers) == [200, 409]
    assert len(cast.bob.get(Cast.SUBMISSIONS).json) == 1
    assert len(audits("submission.create")) == 1
