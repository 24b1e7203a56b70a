"""Assignments: who holds which role on the site, a project, a form (Central: `/assignments`)."""

from __future__ import annotations

import threading

import pytest

from sheaf.access.actors import Actor
from sheaf.db import keys, reads
from sheaf.forms.forms import Form
from sheaf.projects.projects import Project
from tests.answers import ANONYMOUS, DONE, FORBIDDEN, NOT_FOUND
from tests.cast import audits, stored

SITE = "/v1/assignments"
PROJECT = "/v1/projects/1/assignments"
FORM = "/v1/projects/1/forms/simple/assignments"
LEVELS = (SITE, PROJECT, FORM)


def number(cast, name: str) -> int:
    getattr(cast, name)
    return cast.users[name]["id"]


def actor(cast, name: str) -> dict:
    """The actor as assignments show it: a user without an address."""
    user = cast.alice.get(f"/v1/users/{number(cast, name)}").json
    return {each: user[each] for each in user if each not in ("email", "lastLoginAt")}


def actee(level: str) -> str:
    if level == SITE:
        return "*"
    if level == PROJECT:
        return reads.get(Project.ref(keys.project(1))).actee_id
    return reads.get(Form.ref(keys.form(1, "simple"))).actee_id


@pytest.mark.parametrize("level", LEVELS)
def test_a_role_is_given_listed_and_taken(cast, level):
    alice, chelsea = cast.alice, number(cast, "chelsea")
    cast.form()
    before = alice.get(level).json
    assert alice.get(f"{level}/manager").json == []

    given = alice.post(f"{level}/manager/{chelsea}", headers={"X-Action-Notes": "hired"})
    assert (given.status, given.json) == (200, DONE)
    listed = alice.get(level)
    assert listed.status == 200
    assert listed.json == [*before, {"actorId": chelsea, "roleId": 5}]
    extended = alice.get(level, headers={"X-Extended-Metadata": "true"}).json
    assert extended[-1] == {"actorId": chelsea, "roleId": 5, "actor": actor(cast, "chelsea")}
    assert list(extended[-1]) == ["actorId", "roleId", "actor"]
    for role in ("manager", "5"):
        assert alice.get(f"{level}/{role}").json == [actor(cast, "chelsea")]
    assert cast.chelsea.get(level).json == listed.json, "the role has force at once"

    taken = alice.delete(f"{level}/5/{chelsea}", headers={"X-Action-Notes": "fired"})
    assert (taken.status, taken.json) == (200, DONE)
    assert alice.get(level).json == before
    assert cast.chelsea.get(level).json == FORBIDDEN

    actor_actee = reads.get(Actor.ref(keys.actor(chelsea))).actee_id
    created, deleted = audits("user.assignment.create", "user.assignment.delete")
    assert created == {
        "actorId": cast.users["alice"]["id"],
        "action": "user.assignment.create",
        "acteeId": actor_actee,
        "details": {"roleId": 5, "grantedActeeId": actee(level)},
        "loggedAt": created["loggedAt"],
        "notes": "hired",
    }
    assert deleted == created | {
        "action": "user.assignment.delete",
        "details": {"roleId": 5, "revokedActeeId": actee(level)},
        "loggedAt": deleted["loggedAt"],
        "notes": "fired",
    }


@pytest.mark.parametrize("level", LEVELS)
def test_a_role_is_given_once(cast, level):
    alice, chelsea = cast.alice, number(cast, "chelsea")
    cast.form()
    assert alice.post(f"{level}/viewer/{chelsea}").json == DONE
    before = stored()
    answer = alice.post(f"{level}/6/{chelsea}")
    values = [str(chelsea), "6", actee(level)]
    assert answer.status == 409
    assert answer.json == {
        "message": "A resource already exists with actorId,roleId,acteeId value(s) of "
        f"{','.join(values)}.",
        "code": 409.3,
        "details": {
            "fields": ["actorId", "roleId", "acteeId"],
            "values": values,
            "table": "assignments",
        },
    }
    assert stored() == before


def test_of_many_equal_grants_one_is_told(cast):
    alice, chelsea = cast.alice, number(cast, "chelsea")
    answers, barrier = [], threading.Barrier(4)

    def send(method):
        barrier.wait()
        answers.append(alice.request(method, f"{PROJECT}/viewer/{chelsea}").status)

    for method, statuses in (("POST", [200, 409, 409, 409]), ("DELETE", [200, 404, 404, 404])):
        answers.clear()
        threads = [threading.Thread(target=send, args=(method,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == statuses
    assert len(audits("user.assignment.create")) == 1
    assert len(audits("user.assignment.delete")) == 1
    assert alice.get(PROJECT).json == []


def test_roles_given_at_once_are_all_held(cast):
    alice, chelsea = cast.alice, number(cast, "chelsea")
    answers, barrier = [], threading.Barrier(3)

    def give(role):
        barrier.wait()
        answers.append(alice.post(f"{PROJECT}/{role}/{chelsea}").json)

    threads = [
        threading.Thread(target=give, args=(role,)) for role in ("manager", "viewer", "formfill")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [DONE] * 3
    assert [each["roleId"] for each in alice.get(PROJECT).json] == [5, 6, 8]
    assert {"assignment.list", "open_form.list"} <= set(
        cast.chelsea.get("/v1/projects").json[0]["verbs"]
    )


@pytest.mark.parametrize("level", LEVELS)
def test_a_role_that_is_not_held_cannot_be_taken(cast, level):
    alice, chelsea = cast.alice, number(cast, "chelsea")
    cast.form()
    alice.post(f"{PROJECT}/formfill/{chelsea}")
    before = stored()
    answer = alice.delete(f"{level}/viewer/{chelsea}")
    assert (answer.status, answer.json) == (404, NOT_FOUND)
    assert stored() == before


def test_what_is_not_there_is_not_found_before_rights_are_asked(cast):
    chelsea = number(cast, "chelsea")
    cast.form()
    before = stored()
    for person in (cast.alice, cast.chelsea):
        for path in (
            f"/v1/projects/2/assignments/viewer/{chelsea}",
            f"/v1/projects/1/forms/nope/assignments/viewer/{chelsea}",
            f"/v1/projects/1/forms/{'x' * 3000}/assignments/viewer/{chelsea}",
            f"/v1/projects/2/forms/simple/assignments/viewer/{chelsea}",
            f"{SITE}/nobody/{chelsea}",
            f"{SITE}/4/{chelsea}",
            f"{PROJECT}/viewer/999",
            f"{PROJECT}/viewer/-5",
        ):
            for method in ("POST", "DELETE"):
                answer = person.request(method, path)
                assert (answer.status, answer.json) == (404, NOT_FOUND), path
        for path in ("/v1/projects/2/assignments", f"{PROJECT}/nobody", f"{PROJECT}/4"):
            answer = person.get(path)
            assert (answer.status, answer.json) == (404, NOT_FOUND), path
    assert stored() == before


def test_ids_must_be_numbers(cast):
    alice, chelsea = cast.alice, number(cast, "chelsea")
    before = stored()
    for path, code in (
        (f"{SITE}/viewer/chelsea", 400.11),
        (f"{SITE}/viewer/%D9%A5", 400.11),
        (f"{SITE}/viewer/99999999999", 400.22),
        (f"{SITE}/viewer/{'9' * 5000}", 400.22),
        (f"{SITE}/VIEWER/{chelsea}", 400.11),
        (f"{SITE}/99999999999/{chelsea}", 400.22),
        (f"/v1/projects/one/assignments/viewer/{chelsea}", 400.11),
        (f"/v1/projects/{'9' * 5000}/assignments/viewer/{chelsea}", 400.22),
    ):
        for method in ("POST", "DELETE"):
            answer = alice.request(method, path)
            assert (answer.status, answer.json["code"]) == (400, code), path
    assert stored() == before


@pytest.mark.parametrize("level", LEVELS)
def test_nobody_and_who_has_no_rights_may_neither_see_nor_change(cast, level):
    chelsea = number(cast, "chelsea")
    cast.form()
    before = stored()
    for person, status, problem in (
        (cast.api, 401, ANONYMOUS),
        (cast.chelsea, 403, FORBIDDEN),
        (cast.vera, 403, FORBIDDEN),
        (cast.colin, 403, FORBIDDEN),
    ):
        before = stored()
        for method, path in (
            ("GET", level),
            ("GET", f"{level}/viewer"),
            ("POST", f"{level}/viewer/{chelsea}"),
            ("DELETE", f"{level}/viewer/{chelsea}"),
        ):
            answer = person.request(method, path)
            assert (answer.status, answer.json) == (status, problem), (method, path)
        assert stored() == before


def test_a_manager_gives_what_he_holds_on_his_project_alone(cast):
    bob, chelsea = cast.bob, number(cast, "chelsea")
    cast.form()
    for role in ("manager", "viewer", "formfill", "app-user", "pub-link", "formview"):
        for level in (PROJECT, FORM):
            assert bob.post(f"{level}/{role}/{chelsea}").json == DONE, role
            assert bob.delete(f"{level}/{role}/{chelsea}").json == DONE, role
    before = stored()
    for path in (
        f"{PROJECT}/admin/{chelsea}",
        f"{FORM}/admin/{chelsea}",
        f"{PROJECT}/pwreset/{chelsea}",
        f"{SITE}/viewer/{chelsea}",
    ):
        answer = bob.post(path)
        assert (answer.status, answer.json) == (403, FORBIDDEN), path
    assert bob.get(SITE).json == FORBIDDEN
    assert stored() == before


def test_an_administrator_gives_every_role_that_people_hold(cast):
    alice, chelsea = cast.alice, number(cast, "chelsea")
    for role in ("admin", "manager", "viewer", "formfill", "app-user", "pub-link", "formview"):
        assert alice.post(f"{SITE}/{role}/{chelsea}").json == DONE, role
    assert [each["roleId"] for each in alice.get(SITE).json] == [1, 1, 2, 5, 6, 7, 8, 9]


def test_an_administrator_may_give_up_the_role(cast):
    alice = cast.alice
    me = number(cast, "alice")
    assert alice.delete(f"{SITE}/admin/{me}").json == DONE
    assert alice.get(SITE).json == FORBIDDEN


def test_a_role_on_a_project_holds_on_its_forms_and_not_elsewhere(cast):
    alice, chelsea = cast.alice, number(cast, "chelsea")
    cast.form()
    other = alice.post("/v1/projects", {"name": "Other"}).json["id"]
    alice.post(f"{PROJECT}/manager/{chelsea}")
    assert cast.chelsea.get(FORM).json == []
    assert cast.chelsea.get(f"/v1/projects/{other}/assignments").json == FORBIDDEN
    assert cast.chelsea.get(SITE).json == FORBIDDEN


def test_a_role_on_a_form_holds_there_alone(cast):
    alice, chelsea = cast.alice, number(cast, "chelsea")
    cast.form()
    cast.form("other")
    alice.post(f"{FORM}/manager/{chelsea}")
    assert cast.chelsea.get(FORM).json == [{"actorId": chelsea, "roleId": 5}]
    assert cast.chelsea.get("/v1/projects/1/forms/other/assignments").json == FORBIDDEN
    assert cast.chelsea.get(PROJECT).json == FORBIDDEN


def test_a_deleted_user_gets_no_role(cast):
    alice, chelsea = cast.alice, number(cast, "chelsea")
    alice.delete(f"/v1/users/{chelsea}")
    before = stored()
    answer = alice.post(f"{PROJECT}/viewer/{chelsea}")
    assert (answer.status, answer.json) == (404, NOT_FOUND)
    assert stored() == before
