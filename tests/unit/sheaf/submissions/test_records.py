from __future__ import annotations

from sheaf.access.actors import Actor
from sheaf.blobs import Blob
from sheaf.db.compression import pack
from sheaf.submissions.records import NOBODY, Submission, SubmissionVersion, submitter

MADE, EDITED = 1_700_000_000_123_456, 1_700_000_100_999_999
BLOB = Blob("k", "image/png", 3, "m", 7)


def made(**said) -> Submission:
    values = {
        "instance_id": "one",
        "submitter_id": 5,
        "device_id": "d",
        "user_agent": "u",
        "form_version": "1",
        "created_at": MADE,
        "events": [MADE],
        "xml_packed": pack(b"<data/>"),
    }
    return Submission("S#1#03", f"{MADE}03ab", **(values | said))


def edited() -> Submission:
    root = made().root
    later = {"instance_id": "two", "submitter_id": 6, "device_id": None, "user_agent": None}
    return made(
        **later, created_at=EDITED, first=root, edits=1, review_state="edited", updated_at=EDITED
    )


def actor(number: int) -> Actor:
    return Actor("A", "A", id=number, type="user", display_name=f"n{number}", created_at=MADE)


def test_a_submission_tells_of_its_first_and_its_current_version():
    assert edited().to_api() == {
        "instanceId": "one",
        "submitterId": 5,
        "deviceId": "d",
        "createdAt": "2023-11-14T22:13:20.123Z",
        "updatedAt": "2023-11-14T22:15:00.999Z",
        "reviewState": "edited",
        "userAgent": "u",
        "deletedAt": None,
        "currentVersion": {
            "submitterId": 6,
            "createdAt": "2023-11-14T22:15:00.999Z",
            "instanceName": None,
            "instanceId": "two",
            "current": True,
            "deviceId": None,
            "userAgent": None,
        },
    }


def test_a_submission_is_the_same_after_it_was_stored():
    for submission in (made(), edited()):
        again = Submission.ref(("", "")).read(submission.serialize())
        assert again.to_api() == submission.to_api()
        assert again.serialize() == submission.serialize()
        assert (again.root_id, again.number, again.xml) == ("one", MADE, b"<data/>")


def test_the_answers_to_creation_and_review_leave_things_out():
    whole = made().to_api()
    assert made().created_to_api() == {
        name: value for name, value in whole.items() if name not in ("reviewState", "deletedAt")
    }
    assert made().reviewed_to_api() == {
        name: value for name, value in whole.items() if name not in ("userAgent", "currentVersion")
    }


def test_extended_metadata_stands_before_what_it_belongs_to():
    shown = edited().to_api({5: actor(5), 6: actor(6)})
    assert list(shown)[-2:] == ["submitter", "currentVersion"]
    assert shown["submitter"]["displayName"] == "n5"
    assert shown["currentVersion"]["submitter"]["displayName"] == "n6"


def test_a_submitter_may_be_nobody_or_unknown():
    assert submitter(5, None) == {}
    assert submitter(None, {}) == {"submitter": NOBODY}
    assert submitter(5, {}) == {"submitter": NOBODY}


def test_slots_hold_their_files():
    version = SubmissionVersion("V", "V", slots=[{"n": "a"}, {"n": "b", "b": BLOB.to_item()}])
    assert version.attachments == [("a", None), ("b", BLOB)]
    assert SubmissionVersion("V", "V").attachments == []
