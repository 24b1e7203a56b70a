"""Comments on a submission (Central: `/submissions/{instanceId}/comments`)."""

from __future__ import annotations

import pytest

from tests.answers import ANONYMOUS, DONE, FORBIDDEN, NOT_FOUND
from tests.api import handler
from tests.cast import Cast, audits, is_time, stored, xml
from tests.contract.test_forms import together
from tests.wire import Wire

PATH = Cast.SUBMISSIONS
ONE = f"{PATH}/one"
COMMENTS = f"{ONE}/comments"
EXTENDED = {"x-extended-metadata": "true"}


@pytest.fixture(autouse=True)
def submission(cast):
    cast.form()
    assert cast.submit("one", by=cast.colin).status == 200
    _ = cast.bob, cast.vera


def say(who, body="hm"):
    answer = who.post(COMMENTS, {"body": body})
    assert answer.status == 200, answer.text
    return answer.json


def told():
    """The rows that tell hooks of comments."""
    from sheaf.db.audit import Audit

    rows = [Audit.ref(("", "")).read(item) for item in stored("E#n")]
    return [row for row in rows if row.action == "comment.create"]


def test_a_comment_is_answered_and_listed(cast):
    made = cast.bob.post(COMMENTS, {"body": "The well\nwas <dry>. 😀"})
    assert made.status == 200
    assert is_time(made.json["createdAt"])
    assert made.json == {
        "body": "The well\nwas <dry>. 😀",
        "actorId": cast.users["bob"]["id"],
        "createdAt": made.json["createdAt"],
    }
    assert list(made.json) == ["body", "actorId", "createdAt"]
    listed = cast.vera.get(COMMENTS)
    assert (listed.status, listed.json) == (200, [made.json])


def test_comments_come_newest_first(cast):
    assert cast.vera.get(COMMENTS).json == []
    made = [say(who, word) for who, word in ((cast.bob, "1"), (cast.vera, "2"), (cast.bob, "3"))]
    assert cast.vera.get(COMMENTS).json == made[::-1]


def test_extended_metadata_tell_who_said_it(cast):
    say(cast.bob)
    say(cast.vera)
    listed = cast.bob.get(COMMENTS, headers=EXTENDED).json
    assert [list(each) for each in listed] == [["body", "actorId", "createdAt", "actor"]] * 2
    assert [each["actor"] for each in listed] == [
        {
            "id": cast.users[name]["id"],
            "type": "user",
            "displayName": f"{name}@example.org",
            "createdAt": cast.users[name]["createdAt"],
            "updatedAt": None,
            "deletedAt": None,
        }
        for name in ("vera", "bob")
    ]
    cast.alice.delete(f"/v1/users/{cast.users['vera']['id']}")
    left = cast.bob.get(COMMENTS, headers=EXTENDED).json[0]["actor"]
    assert left["displayName"] == "vera@example.org"
    assert is_time(left["deletedAt"])


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("", ""), (" ", " "), (7, "7"), (7.0, "7"), (1.5, "1.5"), (-0.25, "-0.25"),
        (True, "true"), (False, "false"), ("x" * 200_000, "x" * 200_000),
    ],
    ids=["empty", "blank", "number", "whole", "fraction", "negative", "true", "false", "long"],
)  # fmt: skip
def test_what_is_said_is_kept_as_text(cast, said, kept):
    assert say(cast.bob, said)["body"] == kept
    assert cast.bob.get(COMMENTS).json[0]["body"] == kept


MISSING = {
    "message": "Required parameter body missing.",
    "code": 400.2,
    "details": {"field": "body"},
}


@pytest.mark.parametrize("body", [{}, {"body": None}, {"text": "hm"}])
def test_a_comment_needs_a_body(cast, body):
    answer = cast.bob.post(COMMENTS, body)
    assert (answer.status, answer.json) == (400, MISSING)
    assert stored("V#") == told() == []


def test_what_is_no_json_says_nothing(cast):
    for body, kind in ((b"hm", "text/plain"), (b"", "application/json"), (b"", "text/plain")):
        answer = cast.bob.post(COMMENTS, body, {"content-type": kind})
        assert (answer.status, answer.json) == (400, MISSING)
    assert cast.bob.post(COMMENTS, b"{", {"content-type": "application/json"}).json["code"] == 400.1


@pytest.mark.parametrize("said", [["hm"], {"a": 1}, "a\0b"])
def test_what_is_no_text_is_refused(cast, said):
    answer = cast.bob.post(COMMENTS, {"body": said})
    assert (answer.status, answer.json["code"]) == (400, 400.11)
    assert answer.json["details"] == {"field": "body", "expected": "string"}


def test_a_comment_changes_nothing_else(cast):
    before, log = cast.bob.get(ONE).json, audits()
    say(cast.bob)
    assert cast.bob.get(ONE).json == before
    assert [row for row in audits() if row["action"] != "user.session.create"] == [
        row for row in log if row["action"] != "user.session.create"
    ]


def test_hooks_can_hear_of_it(cast):
    cast.bob.patch(ONE, {"reviewState": "hasIssues"})
    answer = cast.bob.post(COMMENTS, {"body": "the well is dry"}, {"x-action-notes": "why"})
    assert answer.status == 200
    (row,) = told()
    (comment,) = stored("V#")
    assert comment["sk"]["S"] == f"K#{row.event['commentId']}"
    assert (row.action, row.actor_id, row.notes) == (
        "comment.create", cast.users["bob"]["id"], "why",
    )  # fmt: skip
    assert row.details is None
    assert row.event["instanceId"] == "one"
    assert row.event["reviewState"] == row.event["previousReviewState"] == "hasIssues"
    # Created, reviewed, commented on: what comes later tells so.
    assert row.event["sequence"] == 3
    # What was said is told by the comment alone.
    assert "dry" not in repr(stored("E#"))


def test_comments_made_at_once_are_all_kept(cast):
    bob = cast.bob
    answers = together(*(lambda n=n: bob.post(COMMENTS, {"body": str(n)}) for n in range(8)))
    assert {answer.status for answer in answers} == {200}
    listed = cast.bob.get(COMMENTS).json
    assert sorted(each["body"] for each in listed) == [str(number) for number in range(8)]
    assert [each["createdAt"] for each in listed] == sorted(
        (each["createdAt"] for each in listed), reverse=True
    )
    assert len({row.event["sequence"] for row in told()}) == 8


def test_no_comment_is_made_on_what_is_being_deleted(cast):
    done = []

    def delete(number):
        if number == 2 and not done:
            done.append(True)
            assert cast.bob.delete(ONE).json == DONE

    with Wire(before=delete):
        answer = cast.bob.post(COMMENTS, {"body": "hm"})
    assert done
    assert (answer.status, answer.json) == (404, NOT_FOUND)
    assert stored("V#") == told() == []


def test_the_list_costs_the_same_however_long_it_is(cast):
    calls = []
    for number in range(30):
        say(cast.bob, str(number))
        if number in (0, 29):
            with Wire() as wire:
                cast.vera.get(COMMENTS, headers=EXTENDED)
            calls.append(wire.names)
    assert calls[0] == calls[1] == ["BatchGetItem", "BatchGetItem", "Query", "BatchGetItem"]


# Who may, and what is not there.


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_commenting_needs_the_right_to_read(cast, api, method):
    for who, status, body in (
        (api, 401, ANONYMOUS), (cast.chelsea, 403, FORBIDDEN), (cast.colin, 403, FORBIDDEN),
    ):  # fmt: skip
        for path in (COMMENTS, f"{PATH}/none/comments"):
            answer = who.request(method, path, {"body": "hm"})
            assert (answer.status, answer.json) == (status, body)
    assert cast.vera.request(method, COMMENTS, {"body": "hm"}).status == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_there_is_not_found(cast, method):
    def ask(path):
        answer = cast.bob.request(method, f"{Cast.FORMS}/{path}/comments", {"body": "hm"})
        return answer.status, answer.json

    cast.bob.put(ONE, xml("two", deprecated="one"))
    gone = (404, NOT_FOUND)
    assert ask("other/submissions/one") == ask("simple/submissions/none") == gone
    # Only the first id names the submission.
    assert ask("simple/submissions/two") == gone
    assert ask("simple/submissions/one")[0] == 200
    cast.bob.delete(ONE)
    assert ask("simple/submissions/one") == gone


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_draft_s_submissions_are_not_commented_on(cast, api, method):
    token = cast.draft("tried")["draftToken"]
    base = "projects/1/forms/tried/draft/submissions"
    assert cast.bob.post(f"/v1/{base}", xml("one", form="tried")).status == 200
    for who, place in ((cast.bob, "/v1/"), (api, f"/v1/test/{token}/")):
        answer = who.request(method, f"{place}{base}/one/comments", {"body": "hm"})
        assert answer.json == NOT_FOUND
    assert cast.bob.request(method, f"{PATH}/one/comments".replace("simple", "tried")).status == 404


def test_other_methods_are_not_found(cast):
    for method in ("PUT", "PATCH", "DELETE"):
        assert cast.bob.request(method, COMMENTS, {"body": "hm"}).json == NOT_FOUND


# Their end.


def test_a_restored_submission_has_its_comments_back(cast):
    said = say(cast.bob)
    cast.bob.delete(ONE)
    cast.bob.post(f"{ONE}/restore")
    assert cast.bob.get(COMMENTS).json == [said]


def test_a_purge_removes_comments_and_what_tells_of_them(cast):
    say(cast.bob)
    cast.submit("other")
    kept = cast.bob.post(f"{PATH}/other/comments", {"body": "stays"}).json
    cast.bob.delete(ONE)
    assert handler("workers/purge")({"retentionDays": 0}, None) == {"purged": 1}
    assert [item["b"]["S"] for item in stored("V#")] == ["stays"]
    assert [row.event["instanceId"] for row in told()] == ["other"]
    assert cast.bob.get(f"{PATH}/other/comments").json == [kept]
    cast.submit("one")
    assert cast.bob.get(COMMENTS).json == []
