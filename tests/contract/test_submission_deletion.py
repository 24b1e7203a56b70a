"""The trash: deletion and restoration of submissions (Central: DELETE and `/restore`)."""

from __future__ import annotations

import pytest

from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import audits, is_time, stored, xml
from tests.contract.test_forms import together

FORM = "/v1/projects/1/forms/simple"
PATH = f"{FORM}/submissions"
ONE = f"{PATH}/one"


@pytest.fixture(autouse=True)
def form(cast):
    cast.form()
    assert cast.submit("one", by=cast.bob, photo="a.jpg").status == 200


def test_a_deleted_submission_is_out_of_sight(cast):
    cast.bob.post(f"{ONE}/attachments/a.jpg", b"x")
    cast.bob.patch(ONE, {"reviewState": "approved"})
    before = cast.bob.get(ONE).json
    answer = cast.bob.delete(ONE, headers={"x-action-notes": "double"})
    assert (answer.status, answer.json) == (200, {"success": True})
    edit = xml("two", deprecated="one")
    for refused in (
        cast.bob.get(ONE),
        cast.bob.get(f"{ONE}.xml"),
        cast.bob.get(f"{ONE}/attachments"),
        cast.bob.get(f"{ONE}/attachments/a.jpg"),
        cast.bob.post(f"{ONE}/attachments/a.jpg", b"y"),
        cast.bob.delete(f"{ONE}/attachments/a.jpg"),
        cast.bob.patch(ONE, {"reviewState": "rejected"}),
        cast.bob.put(ONE, edit),
        cast.bob.delete(ONE),
    ):
        assert (refused.status, refused.json) == (404, NOT_FOUND)
    assert cast.bob.get(PATH).json == []
    (deleted,) = cast.bob.get(f"{PATH}?deleted=true").json
    assert is_time(deleted["deletedAt"])
    assert deleted == before | {"deletedAt": deleted["deletedAt"]}
    (created,), (row,) = audits("submission.create"), audits("submission.delete")
    assert row == {
        "actorId": cast.users["bob"]["id"],
        "action": "submission.delete",
        "acteeId": created["acteeId"],
        "details": {
            "submissionId": created["details"]["submissionId"],
            "instanceId": "one",
        },
        "loggedAt": deleted["deletedAt"],
        "notes": "double",
    }


def test_a_restored_submission_is_as_it_was(cast):
    cast.bob.post(f"{ONE}/attachments/a.jpg", b"x")
    cast.bob.put(ONE, xml("two", deprecated="one", photo="a.jpg"))
    before = cast.bob.get(ONE).json
    cast.bob.delete(ONE)
    answer = cast.bob.post(f"{ONE}/restore", headers={"x-action-notes": "oops"})
    assert (answer.status, answer.json) == (200, {"success": True})
    assert cast.bob.get(ONE).json == before
    assert cast.bob.get(PATH).json == [before]
    assert cast.bob.get(f"{PATH}?deleted=true").json == []
    assert cast.bob.get(f"{ONE}/attachments/a.jpg").body == b"x"
    (deleted,), (row,) = audits("submission.delete"), audits("submission.restore")
    # Both name the submission, not its current version.
    assert row["details"] == deleted["details"]
    assert row["details"]["instanceId"] == "one"
    assert (row["actorId"], row["notes"]) == (cast.users["bob"]["id"], "oops")
    (item,) = stored("S#")
    assert {"due", "dueAt", "h", "dl"} & set(item) == set()
    # And it goes on from there.
    assert cast.bob.put(ONE, xml("three", deprecated="two")).status == 200


def test_only_what_is_deleted_can_be_restored(cast):
    assert cast.bob.post(f"{ONE}/restore").json == NOT_FOUND
    assert cast.bob.post(f"{PATH}/none/restore").json == NOT_FOUND
    cast.bob.delete(ONE)
    assert cast.bob.post(f"{ONE}/restore").json == {"success": True}
    answer = cast.bob.post(f"{ONE}/restore")
    assert (answer.status, answer.json) == (404, NOT_FOUND)
    assert len(audits("submission.restore")) == 1


def test_it_can_be_deleted_again(cast):
    for _ in range(3):
        assert cast.bob.delete(ONE).status == 200
        assert cast.bob.post(f"{ONE}/restore").status == 200
    assert cast.bob.delete(ONE).status == 200
    actions = [row["action"] for row in audits("submission.delete", "submission.restore")]
    assert actions == ["submission.delete", "submission.restore"] * 3 + ["submission.delete"]


def test_a_deleted_id_stays_taken(cast):
    cast.bob.delete(ONE)
    assert cast.submit("one").json["code"] == 409.3


@pytest.mark.parametrize("name", ["vera", "colin", "chelsea"])
def test_only_a_manager_deletes_and_restores(cast, name):
    api = getattr(cast, name)
    for path in (ONE, f"{PATH}/none"):
        for answer in (api.delete(path), api.post(f"{path}/restore")):
            assert (answer.status, answer.json) == (403, FORBIDDEN)
    for answer in (
        api.delete(f"{FORM}x/submissions/one"),
        api.post(f"{FORM}x/submissions/one/restore"),
    ):
        assert (answer.status, answer.json) == (404, NOT_FOUND)
    assert cast.bob.get(ONE).status == 200


def test_nobody_deletes_without_credentials(cast):
    for path in (ONE, f"{PATH}/none", f"{FORM}x/submissions/one"):
        assert cast.api.delete(path).json == ANONYMOUS
        assert cast.api.post(f"{path}/restore").json == ANONYMOUS
    assert cast.bob.get(ONE).status == 200


def test_a_closed_form_s_submissions_can_be_deleted(cast):
    cast.bob.patch(FORM, {"state": "closed"})
    assert cast.bob.delete(ONE).status == 200
    assert cast.bob.post(f"{ONE}/restore").status == 200


def test_of_deletions_at_once_one_wins(cast):
    answers = together(*(lambda: cast.bob.delete(ONE) for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [200, 404, 404, 404]
    assert len(audits("submission.delete")) == 1
    answers = together(*(lambda: cast.bob.post(f"{ONE}/restore") for _ in range(4)))
    assert sorted(answer.status for answer in answers) == [200, 404, 404, 404]
    assert len(audits("submission.restore")) == 1
    assert len(stored("S#")) == 1


def test_a_deletion_and_a_review_at_once_leave_one_whole(cast):
    deleted, reviewed = together(
        lambda: cast.bob.delete(ONE),
        lambda: cast.alice.patch(ONE, {"reviewState": "approved"}),
    )
    assert deleted.status == 200
    assert reviewed.status in (200, 404)
    (item,) = stored("S#")
    assert ("rs" in item) == (reviewed.status == 200)
    assert len(audits("submission.update")) == (reviewed.status == 200)
