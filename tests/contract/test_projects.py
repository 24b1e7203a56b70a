"""Projects: creating, finding, changing, deleting them (Central: `/projects`)."""

from __future__ import annotations

import threading

from sheaf.db import keys, reads
from sheaf.problems import AlreadyExists
from sheaf.projects import projects
from sheaf.projects.projects import Project
from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import audits, is_time, stored

PROJECTS = "/v1/projects"
ONE = "/v1/projects/1"
EXTENDED = {"X-Extended-Metadata": "true"}
COLLECTING = ["open_form.list", "open_form.read", "project.read", "submission.create"]
MISSING_NAME = {
    "message": "Required parameter name missing.",
    "code": 400.2,
    "details": {"field": "name"},
}


def wrong(field: str, expected: str) -> dict:
    return {
        "message": f"Invalid input data type: expected ({field}) to be ({expected})",
        "code": 400.11,
        "details": {"field": field, "expected": expected},
    }


def too_long(limit: int) -> dict:
    return {
        "message": "Length of value too long for a field",
        "code": 400.13,
        "details": {"maxLength": str(limit)},
    }


def first(made) -> dict:
    """Project 1, which the cast made."""
    return {
        "id": 1,
        "name": "Project 1",
        "createdAt": made["createdAt"],
        "updatedAt": None,
        "deletedAt": None,
        "archived": None,
        "keyId": None,
        "description": None,
    }


def actee(number: int) -> str:
    return reads.get(Project.ref(keys.project(number))).actee_id


def test_a_created_project_is_shown_whole(cast):
    answer = cast.alice.post(PROJECTS, {"name": "Wells"}, headers={"X-Action-Notes": "go"})
    said = answer.json
    assert answer.status == 200
    assert said == {
        "id": 2,
        "name": "Wells",
        "acteeId": actee(2),
        "createdAt": said["createdAt"],
        "updatedAt": None,
        "deletedAt": None,
        "archived": None,
        "keyId": None,
        "description": None,
    }
    assert list(said)[:3] == ["id", "name", "acteeId"]
    assert is_time(said["createdAt"])
    shown = cast.alice.get(f"{PROJECTS}/2").json
    assert shown == {name: value for name, value in said.items() if name != "acteeId"}
    row = audits("project.create")[-1]
    assert row == {
        "actorId": cast.users["alice"]["id"],
        "action": "project.create",
        "acteeId": said["acteeId"],
        "details": {"data": {"name": "Wells"}},
        "loggedAt": row["loggedAt"],
        "notes": "go",
    }


def test_a_project_may_be_created_with_all_that_it_can_have(cast):
    body = {"name": "", "description": "## Wells\n🦄", "archived": True}
    said = cast.alice.post(PROJECTS, body | {"id": 7, "keyId": 3, "deletedAt": "now"}).json
    assert {name: said[name] for name in body} == body
    assert (said["id"], said["keyId"], said["deletedAt"]) == (2, None, None)
    assert audits("project.create")[-1]["details"] == {"data": body}


def test_a_project_must_be_well_described(cast):
    alice = cast.alice
    before = stored()
    named = {"name": "Wells"}
    for body, problem in (
        ({}, MISSING_NAME),
        ([], MISSING_NAME),
        ({"name": None}, MISSING_NAME),
        ({"name": 5}, wrong("name", "string")),
        ({"name": ["Wells"]}, wrong("name", "string")),
        ({"name": "We\0lls"}, wrong("name", "string")),
        ({"name": "W" * 1_001}, too_long(1_000)),
        (named | {"description": 5}, wrong("description", "string")),
        (named | {"description": "\0"}, wrong("description", "string")),
        (named | {"description": "d" * 20_001}, too_long(20_000)),
        (named | {"archived": "yes"}, wrong("archived", "boolean")),
        (named | {"archived": 1}, wrong("archived", "boolean")),
    ):
        answer = alice.post(PROJECTS, body)
        assert (answer.status, answer.json) == (400, problem), body
        if "name" in body:
            answer = alice.patch(ONE, body)
            assert (answer.status, answer.json) == (400, problem), body
    assert stored() == before


def test_the_longest_texts_are_stored_whatever_their_letters(cast):
    body = {"name": "🦄" * 1_000, "description": "🦄" * 20_000}
    assert cast.alice.post(PROJECTS, body).json["description"] == body["description"]
    answer = cast.alice.patch(f"{PROJECTS}/2", body)
    assert (answer.status, answer.json["name"]) == (200, body["name"])


def test_only_administrators_create_projects(cast):
    _ = cast.bob
    before = stored("PROJECTS")
    assert cast.api.post(PROJECTS, {"name": "Wells"}).json == ANONYMOUS
    for person in (cast.chelsea, cast.bob, cast.vera, cast.colin):
        answer = person.post(PROJECTS, {"name": 5})
        assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert stored("PROJECTS") == before


def test_projects_made_at_once_have_numbers_of_their_own(cast):
    alice, answers = cast.alice, []
    barrier = threading.Barrier(4)

    def create():
        barrier.wait()
        answers.append(alice.post(PROJECTS, {"name": "Wells"}).json["id"])

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [2, 3, 4, 5]


def test_a_given_number_is_taken_once(cast):
    from sheaf.access.auth import SYSTEM

    _ = cast.alice
    before = stored()
    try:
        projects.create(projects.Draft.named("Again"), by=SYSTEM, number=1)
    except AlreadyExists as problem:
        details = {"fields": ["id"], "values": ["1"], "table": "projects"}
        assert problem.details == details
    assert stored() == before


def test_each_sees_the_projects_that_he_may_read(cast):
    alice = cast.alice
    made = alice.get(ONE).json
    for body in ({"name": "Beta"}, {"name": "Alpha", "archived": True}, {"name": "Aleph"}):
        alice.post(PROJECTS, body)
    answer = alice.get(PROJECTS)
    listed = answer.json
    assert answer.status == 200
    assert [each["name"] for each in listed] == ["Aleph", "Beta", "Project 1", "Alpha"]
    verbs = listed[2].pop("verbs")
    assert listed[2] == first(made)
    assert "project.create" in verbs
    assert verbs == sorted(set(verbs))
    assert [each["id"] for each in cast.bob.get(PROJECTS).json] == [1]
    assert "project.create" not in cast.bob.get(PROJECTS).json[0]["verbs"]
    assert cast.colin.get(PROJECTS).json == [first(made) | {"verbs": COLLECTING}]
    assert cast.vera.get(PROJECTS).json[0]["id"] == 1
    assert cast.chelsea.get(PROJECTS).json == []
    assert cast.api.get(PROJECTS).json == ANONYMOUS


def test_projects_are_listed_with_their_forms_if_wanted(cast):
    form = cast.form()
    closed = cast.form("closed")
    cast.alice.post(PROJECTS, {"name": "Wells"})
    cast.alice.patch(f"{ONE}/forms/closed", {"state": "closed"})
    plain = cast.alice.get(PROJECTS).json
    assert not any("formList" in each for each in plain)
    listed = cast.alice.get(f"{PROJECTS}?forms=true").json
    assert [each.pop("formList") for each in listed] == [
        [cast.alice.get(f"{ONE}/forms/{name}").json for name in ("closed", "simple")],
        [],
    ]
    assert listed == plain
    (seen,) = cast.colin.get(f"{PROJECTS}?forms=true").json
    assert seen["formList"] == [form]
    assert closed["xmlFormId"] == "closed"
    assert cast.chelsea.get(f"{PROJECTS}?forms=true").json == []


def test_a_project_is_shown_to_those_who_may_read_it(cast):
    alice = cast.alice
    made = alice.get(ONE)
    assert (made.status, made.json) == (200, first(made.json))
    for person in (cast.bob, cast.vera, cast.colin):
        assert person.get(ONE).json == made.json
    answer = cast.chelsea.get(ONE)
    assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert cast.api.get(ONE).json == ANONYMOUS


def test_a_project_counts_its_forms_if_wanted(cast):
    made = cast.alice.get(ONE).json
    empty = {"forms": 0, "lastSubmission": None}
    rest = {"appUsers": 0, "datasets": 0, "lastEntity": None, "verbs": COLLECTING}
    colin = cast.colin
    assert colin.get(ONE, headers=EXTENDED).json == made | rest | empty
    cast.form()
    cast.form("other")
    cast.submit("one")
    last = cast.submit("two").json["createdAt"]
    full = {"forms": 2, "lastSubmission": last}
    assert colin.get(ONE, headers=EXTENDED).json == made | rest | full


def test_a_project_that_is_not_there_is_not_found(cast):
    before = stored() if cast.chelsea else None
    for person in (cast.alice, cast.chelsea):
        for call in (person.get, person.patch, person.delete):
            for number in ("2", "-1", "0", "2147483647", "-2147483647"):
                answer = call(f"{PROJECTS}/{number}")
                assert (answer.status, answer.json) == (404, NOT_FOUND), number
            for number in ("one", "1.0", "%D9%A1", "1%00", "%20", "1%2F2"):
                answer = call(f"{PROJECTS}/{number}")
                assert (answer.status, answer.json["code"]) == (400, 400.11), number
            for number in ("99999999999", "9" * 5000):
                answer = call(f"{PROJECTS}/{number}")
                assert (answer.status, answer.json["code"]) == (400, 400.22), number
    assert stored() == before


def test_a_project_changes_what_is_said_and_no_more(cast):
    alice = cast.alice
    made = alice.get(ONE).json
    answer = cast.bob.patch(
        ONE,
        {"name": "Wells", "archived": True, "id": 9, "keyId": 1, "updatedAt": None},
        headers={"X-Action-Notes": "done%20here"},
    )
    assert answer.status == 200
    assert answer.json == made | {
        "name": "Wells",
        "archived": True,
        "updatedAt": answer.json["updatedAt"],
    }
    assert answer.json["updatedAt"] > made["createdAt"]
    assert alice.get(ONE).json == answer.json
    row = audits("project.update")[-1]
    assert row == {
        "actorId": cast.users["bob"]["id"],
        "action": "project.update",
        "acteeId": actee(1),
        "details": {"data": {"name": "Wells", "archived": True}},
        "loggedAt": row["loggedAt"],
        "notes": "done here",
    }
    described = alice.patch(ONE, {"description": "Deep"}).json
    assert (described["description"], described["archived"]) == ("Deep", True)
    cleared = alice.patch(ONE, {"description": None, "archived": None}).json
    assert (cleared["description"], cleared["archived"]) == (None, None)
    assert alice.get(ONE).json == cleared
    assert audits("project.update")[-1]["details"] == {
        "data": {"description": None, "archived": None}
    }


def test_changes_of_different_members_at_once_all_hold(cast):
    alice, barrier = cast.alice, threading.Barrier(3)
    parts = ({"name": "Wells"}, {"description": "Deep"}, {"archived": True})
    answers = []

    def change(part):
        barrier.wait()
        answers.append(alice.patch(ONE, part).status)

    threads = [threading.Thread(target=change, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 3
    shown = alice.get(ONE).json
    assert (shown["name"], shown["description"], shown["archived"]) == ("Wells", "Deep", True)


def test_only_managers_change_and_delete_projects(cast):
    _ = cast.vera, cast.colin, cast.chelsea
    before = stored("PROJECTS")
    for call in (cast.api.patch, cast.api.delete):
        assert call(ONE, {"name": "Mine"}).json == ANONYMOUS
    for person in (cast.vera, cast.colin, cast.chelsea):
        for call in (person.patch, person.delete):
            answer = call(ONE, {"name": 5})
            assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert stored("PROJECTS") == before


def test_a_deleted_project_is_gone_with_its_forms(cast):
    cast.form()
    bob = cast.bob
    answer = bob.delete(ONE, headers={"X-Action-Notes": "over"})
    assert (answer.status, answer.json) == (200, {"success": True})
    for path in (ONE, f"{ONE}/forms", f"{ONE}/forms/simple", f"{ONE}/assignments"):
        gone = cast.alice.get(path)
        assert (gone.status, gone.json) == (404, NOT_FOUND), path
    for call in (bob.delete, bob.patch):
        again = call(ONE, {})
        assert (again.status, again.json) == (404, NOT_FOUND)
    assert cast.alice.get(PROJECTS).json == []
    (row,) = audits("project.delete")
    assert row == {
        "actorId": cast.users["bob"]["id"],
        "action": "project.delete",
        "acteeId": actee(1),
        "details": None,
        "loggedAt": row["loggedAt"],
        "notes": "over",
    }


def test_of_many_deletions_one_is_told(cast):
    alice, answers = cast.alice, []
    barrier = threading.Barrier(4)

    def delete():
        barrier.wait()
        answers.append(alice.delete(ONE).status)

    threads = [threading.Thread(target=delete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 404, 404, 404]
    assert len(audits("project.delete")) == 1
