"""What was done with one submission (Central: `/submissions/{instanceId}/audits`)."""

from __future__ import annotations

import pytest

from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.api import handler
from tests.cast import Cast, audits, xml
from tests.wire import Wire

PATH = Cast.SUBMISSIONS
ONE = f"{PATH}/one"
AUDITS = f"{ONE}/audits"
EXTENDED = {"x-extended-metadata": "true"}
KEYS = ["actorId", "action", "acteeId", "details", "loggedAt", "notes"]


@pytest.fixture(autouse=True)
def submission(cast):
    cast.form()
    _ = cast.bob, cast.vera
    sent = cast.colin.post(PATH, xml("one", photo="a.jpg"), {"x-action-notes": "first"})
    assert sent.status == 200


def test_its_rows_are_told_newest_first(cast):
    cast.submit("other")
    cast.bob.put(ONE, xml("two", photo="a.jpg", deprecated="one"), {"x-action-notes": "second"})
    cast.bob.patch(ONE, {"reviewState": "approved"})
    cast.bob.patch(ONE, {})
    cast.bob.delete(ONE)
    cast.bob.post(f"{ONE}/restore")
    answer = cast.vera.get(AUDITS)
    assert answer.status == 200
    number = answer.json[0]["details"]["submissionId"]
    assert answer.json == [
        row for row in audits()[::-1] if (row["details"] or {}).get("submissionId") == number
    ]
    assert [list(row) for row in answer.json] == [KEYS] * 6
    bob, colin = cast.users["bob"]["id"], cast.users["colin"]["id"]
    assert [(row["action"], row["actorId"], row["notes"]) for row in answer.json] == [
        ("submission.restore", bob, None),
        ("submission.delete", bob, None),
        ("submission.update", bob, None),
        ("submission.update", bob, None),
        ("submission.update.version", bob, "second"),
        ("submission.create", colin, "first"),
    ]
    assert [row["details"].get("instanceId") for row in answer.json] == [
        "one", "one", None, None, "two", "one",
    ]  # fmt: skip


def test_rows_of_files_and_comments_are_not_among_them(cast):
    before = cast.vera.get(AUDITS).json
    cast.bob.post(f"{ONE}/attachments/a.jpg", b"jpeg")
    cast.bob.delete(f"{ONE}/attachments/a.jpg")
    cast.bob.post(f"{ONE}/comments", {"body": "hm"})
    assert cast.vera.get(AUDITS).json == before
    assert len(before) == 1


def test_extended_metadata_tell_the_actor_and_that_there_is_no_entity(cast):
    cast.bob.patch(ONE, {"reviewState": "approved"})
    plain = cast.vera.get(AUDITS).json
    rows = cast.vera.get(AUDITS, headers=EXTENDED).json
    assert [list(row) for row in rows] == [[*KEYS, "actor"]] * 2
    for row, before, name in zip(rows, plain, ("bob", "colin"), strict=True):
        assert row["details"] == before["details"] | {"entity": {"entityAvailable": False}}
        assert {**row, "details": before["details"]} == before | {
            "actor": {
                "id": cast.users[name]["id"],
                "type": "user",
                "displayName": f"{name}@example.org",
                "createdAt": cast.users[name]["createdAt"],
                "updatedAt": None,
                "deletedAt": None,
            }
        }


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?limit=2", slice(0, 2)), ("?offset=2", slice(2, None)),
        ("?limit=1&offset=1", slice(1, 2)),
        ("?limit=0", slice(0, 0)), ("?limit=100", slice(None)), ("?offset=100", slice(100, None)),
    ],
)  # fmt: skip
def test_they_are_paged(cast, query, shown):
    for _ in range(4):
        cast.bob.patch(ONE, {"reviewState": "hasIssues"})
    whole = cast.vera.get(AUDITS).json
    assert len(whole) == 5
    assert cast.vera.get(f"{AUDITS}{query}").json == whole[shown]


@pytest.mark.parametrize("query", ["limit=abc", "limit=-1", "offset=abc", "offset=-1"])
def test_what_is_no_count_is_refused(cast, query):
    answer = cast.vera.get(f"{AUDITS}?{query}")
    assert (answer.status, answer.json["code"]) == (400, 400.11)
    expected = {"field": query.partition("=")[0], "expected": "integer"}
    assert answer.json["details"] == expected


def test_they_cost_the_same_however_many_there_are(cast):
    calls = []
    for number in range(40):
        cast.bob.patch(ONE, {"reviewState": "hasIssues"})
        if number in (0, 39):
            with Wire() as wire:
                rows = cast.vera.get(AUDITS, headers=EXTENDED).json
            assert len(rows) == number + 2
            calls.append(wire.names)
    assert calls[0] == calls[1] == ["BatchGetItem"] * 4


def test_reading_them_needs_the_right_to_read_submissions(cast, api):
    for who, status, body in (
        (api, 401, ANONYMOUS), (cast.chelsea, 403, FORBIDDEN), (cast.colin, 403, FORBIDDEN),
    ):  # fmt: skip
        for path in (AUDITS, f"{PATH}/none/audits", f"{AUDITS}?limit=abc"):
            answer = who.get(path)
            assert (answer.status, answer.json) == (status, body)


def test_what_is_not_there_is_not_found(cast):
    def ask(path):
        answer = cast.bob.get(f"{Cast.FORMS}/{path}/audits?limit=abc")
        return answer.status, answer.json

    cast.bob.put(ONE, xml("two", deprecated="one"))
    gone = (404, NOT_FOUND)
    assert ask("other/submissions/one") == ask("simple/submissions/none") == gone
    # Only the first id names the submission.
    assert ask("simple/submissions/two") == gone
    cast.bob.delete(ONE)
    assert ask("simple/submissions/one") == gone
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert cast.bob.request(method, AUDITS).json == NOT_FOUND


def test_after_a_purge_a_new_submission_of_that_id_has_its_own_rows(cast):
    cast.bob.put(ONE, xml("two", deprecated="one"))
    cast.bob.delete(ONE)
    assert handler("workers/purge")({"retentionDays": 0}, None) == {"purged": 1}
    assert cast.submit("one").status == 200
    (row,) = cast.vera.get(AUDITS).json
    assert (row["action"], row["notes"]) == ("submission.create", None)
    old = {each["details"]["submissionId"] for each in audits("submission.create")}
    assert len(old) == 2


def test_a_draft_s_submissions_have_rows_too(cast, api):
    token = cast.draft("tried")["draftToken"]
    base = "projects/1/forms/tried/draft/submissions"
    tested = f"/v1/test/{token}/{base}"
    assert api.post(tested, xml("one", form="tried")).status == 200
    new = xml("two", form="tried", deprecated="one")
    assert cast.bob.put(f"/v1/{base}/one", new).status == 200
    for who, place in ((cast.vera, f"/v1/{base}"), (api, tested)):
        edited, made = who.get(f"{place}/one/audits", headers=EXTENDED).json
        assert (edited["action"], made["action"]) == (
            "submission.update.version", "submission.create",
        )  # fmt: skip
        assert edited["actor"]["id"] == edited["actorId"] == cast.users["bob"]["id"]
        assert made["actor"] is made["actorId"] is None
        assert who.get(f"{place}/two/audits").json == NOT_FOUND
    assert cast.bob.get(AUDITS.replace("simple", "tried")).json == NOT_FOUND
    assert cast.chelsea.get(f"/v1/{base}/one/audits").json == FORBIDDEN
    wrong = tested.replace(token, "a" * 64)
    assert cast.alice.get(f"{wrong}/one/audits").json == NOT_FOUND
