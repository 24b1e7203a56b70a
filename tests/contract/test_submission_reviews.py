"""Review states of submissions (Central: `PATCH /submissions/{instanceId}`)."""

from __future__ import annotations

import pytest

from sheaf.db import keys
from sheaf.submissions.records import Submission
from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import audits, is_time, stored, xml
from tests.contract.test_forms import together

FORM = "/v1/projects/1/forms/simple"
PATH = f"{FORM}/submissions"
ONE = f"{PATH}/one"


@pytest.fixture(autouse=True)
def form(cast):
    cast.form()
    assert cast.submit("one", by=cast.bob).status == 200


def test_a_review_answers_without_the_version(cast):
    made = cast.bob.get(ONE).json
    answer = cast.bob.patch(
        ONE, {"reviewState": "hasIssues", "instanceId": "x"}, headers={"x-action-notes": "blurred"}
    )
    changed = answer.json["updatedAt"]
    assert is_time(changed)
    assert answer.status == 200
    assert list(answer.json) == [
        "instanceId", "submitterId", "deviceId", "createdAt", "updatedAt", "reviewState",
        "deletedAt",
    ]  # fmt: skip
    bob = cast.users["bob"]["id"]
    assert answer.json == {
        "instanceId": "one",
        "submitterId": bob,
        "deviceId": None,
        "createdAt": made["createdAt"],
        "updatedAt": changed,
        "reviewState": "hasIssues",
        "deletedAt": None,
    }
    assert cast.bob.get(ONE).json == made | {"reviewState": "hasIssues", "updatedAt": changed}
    (created,), (row,) = audits("submission.create"), audits("submission.update")
    assert row == {
        "actorId": bob,
        "action": "submission.update",
        "acteeId": created["acteeId"],
        "details": {
            "submissionId": created["details"]["submissionId"],
            "submissionDefId": created["details"]["submissionDefId"],
            "reviewState": "hasIssues",
        },
        "loggedAt": changed,
        "notes": "blurred",
    }


def test_any_state_follows_any(cast):
    states = [None, "hasIssues", "edited", "approved", "rejected"]
    walk = [state for a in states for b in states for state in (a, b)]
    for state in walk:
        answer = cast.bob.patch(ONE, {"reviewState": state})
        assert (answer.status, answer.json["reviewState"]) == (200, state)
    assert [row["details"]["reviewState"] for row in audits("submission.update")] == walk
    assert cast.bob.get(ONE).json["reviewState"] == "rejected"
    cast.bob.patch(ONE, {"reviewState": None})
    assert cast.bob.get(PATH).json[0]["reviewState"] is None


def test_the_event_knows_the_state_before(cast):
    from sheaf.db.audit import Audit

    for state in ("approved", "rejected"):
        cast.bob.patch(ONE, {"reviewState": state})
    rows = [Audit.ref(("", "")).read(item) for item in stored("E#")]
    changes = [row for row in rows if row.action in ("submission.create", "submission.update")]
    told = [row.event for row in sorted(changes, key=lambda row: row.sk)]
    assert [(e["previousReviewState"], e["reviewState"], e["sequence"]) for e in told] == [
        (None, None, 1),
        (None, "approved", 2),
        ("approved", "rejected", 3),
    ]


def test_a_state_must_be_one_that_there_is(cast):
    for state in ("bogus", "received", "", "Approved", 0, 1, True, [], {}, ["approved"]):
        answer = cast.bob.patch(ONE, {"reviewState": state})
        assert answer.status == 400
        assert answer.json["code"] == 400.8
        assert answer.json["details"] == {
            "field": "state",
            "value": state,
            "reason": "not a recognized state name",
        }
    assert cast.bob.patch(ONE, {"reviewState": "bogus"}).json["message"] == (
        "Unexpected state value bogus; not a recognized state name"
    )
    assert audits("submission.update") == []


@pytest.mark.parametrize("body", [{}, {"other": 1}, b"", b"text", []])
def test_who_says_nothing_is_answered_with_nothing(cast, body):
    cast.bob.patch(ONE, {"reviewState": "approved"})
    before = cast.bob.get(ONE).json
    kind = {"content-type": "text/plain"} if body == b"text" else {}
    answer = cast.bob.patch(ONE, body, headers=kind)
    assert (answer.status, answer.json) == (200, {})
    assert cast.bob.get(ONE).json == before
    created, rows = audits("submission.create"), audits("submission.update")
    assert [sorted(row["details"]) for row in rows] == [
        ["reviewState", "submissionDefId", "submissionId"],
        ["submissionDefId", "submissionId"],
    ]
    assert rows[1]["details"]["submissionId"] == created[0]["details"]["submissionId"]


def test_broken_json_is_refused(cast):
    answer = cast.bob.patch(ONE, b"{x", headers={"content-type": "application/json"})
    assert answer.status == 400
    assert answer.json == {
        "message": "Could not parse the given data (2 chars) as json.",
        "code": 400.1,
        "details": {"format": "json", "rawLength": 2},
    }


def test_notes_must_decode(cast):
    answer = cast.bob.patch(ONE, {"reviewState": "approved"}, headers={"x-action-notes": "%zz"})
    assert answer.status == 400
    assert answer.json == {
        "message": "An expected header field (x-action-notes) did not match the expected format.",
        "code": 400.6,
        "details": {"field": "x-action-notes"},
    }
    assert cast.bob.get(ONE).json["reviewState"] is None


def test_a_closed_form_can_be_reviewed(cast):
    cast.bob.patch(FORM, {"state": "closed"})
    assert cast.bob.patch(ONE, {"reviewState": "approved"}).status == 200


def test_the_version_reviewed_is_the_current_one(cast):
    cast.bob.put(ONE, xml("two", deprecated="one"))
    cast.bob.patch(ONE, {"reviewState": "approved"})
    (version,), (row,) = audits("submission.update.version"), audits("submission.update")
    assert row["details"]["submissionDefId"] == version["details"]["submissionDefId"]


def test_who_may_review(cast):
    approved = {"reviewState": "approved"}
    for name in ("vera", "colin", "chelsea"):
        for path in (ONE, f"{PATH}/none"):
            answer = getattr(cast, name).patch(path, approved)
            assert (answer.status, answer.json) == (403, FORBIDDEN)
        assert getattr(cast, name).patch(f"{FORM}x/submissions/one", approved).json == NOT_FOUND
    assert cast.api.patch(ONE, approved).json == ANONYMOUS
    assert cast.api.patch(f"{FORM}x/submissions/one", approved).json == ANONYMOUS
    assert cast.bob.patch(f"{PATH}/none", {"reviewState": "bogus"}).json == NOT_FOUND
    assert audits("submission.update") == []
    assert cast.alice.patch(ONE, approved).status == 200


def test_reviews_at_once_all_happen_one_after_the_other(cast):
    states = ["approved", "rejected", "hasIssues", "edited"]
    answers = together(*(lambda s=s: cast.bob.patch(ONE, {"reviewState": s}) for s in states))
    assert [(each.status, each.json["reviewState"]) for each in answers] == [
        (200, state) for state in states
    ]
    rows = audits("submission.update")
    assert sorted(row["details"]["reviewState"] for row in rows) == sorted(states)
    assert cast.bob.get(ONE).json["reviewState"] == rows[-1]["details"]["reviewState"]
    assert len({row["loggedAt"] for row in rows}) >= 1
    (item,) = stored("S#1#")
    assert (item["q"], len(item["ev"]["L"])) == ({"N": "5"}, 5)


def _changed(times: int) -> None:
    """Let the one submission have had so many changes."""
    (item,) = stored("S#")
    submission = Submission.ref(("", "")).read(item)
    submission.events = [submission.events[0] + nr for nr in range(times)]
    submission.kinds = keys.kind("submission.create") + keys.kind("submission.update") * (times - 1)
    submission.save()


def test_what_has_been_changed_too_often_can_only_be_deleted(cast):
    """Its item would outgrow DynamoDB's 400 KB, and then not even be deleted any more."""
    _changed(14_000)
    for attempt in (
        lambda: cast.bob.patch(ONE, {"reviewState": "approved"}),
        lambda: cast.bob.put(ONE, xml("two", deprecated="one")),
    ):
        full = attempt()
        assert (full.status, full.json["code"]) == (409, 409.95)
    assert cast.bob.get(ONE).json["reviewState"] is None
    assert cast.bob.delete(ONE).status == 200
    assert cast.bob.post(f"{ONE}/restore").json["code"] == 409.95


def test_ten_thousand_changes_are_not_too_many(cast):
    _changed(10_000)
    assert cast.bob.patch(ONE, {"reviewState": "approved"}).status == 200
