"""Roles: fixed, and Central's (Central: `/roles`)."""

from __future__ import annotations

from tests.answers import ANONYMOUS, NOT_FOUND

ROLES = [
    (1, "Administrator", "admin"),
    (2, "App User", "app-user"),
    (3, "Password Reset Token", "pwreset"),
    (5, "Project Manager", "manager"),
    (6, "Project Viewer", "viewer"),
    (7, "Form Viewer (system internal)", "formview"),
    (8, "Data Collector", "formfill"),
    (9, "Public Access Link", "pub-link"),
]
ON_FORMS = {
    *(f"form.{verb}" for verb in ("create", "delete", "list", "read", "update", "restore")),
    *(f"submission.{verb}" for verb in ("create", "read", "list", "update", "delete", "restore")),
}
ON_ENTITIES = {
    *(f"dataset.{verb}" for verb in ("list", "read", "create", "update", "delete")),
    *(f"entity.{verb}" for verb in ("list", "read", "create", "update", "delete", "restore")),
}
MANAGER = {
    *("project.read", "project.update", "project.delete"),
    *ON_FORMS,
    *ON_ENTITIES,
    *("field_key.create", "field_key.delete", "field_key.list"),
    *("assignment.list", "assignment.create", "assignment.delete"),
    *(f"public_link.{verb}" for verb in ("create", "list", "read", "update", "delete")),
    *(f"hook.{verb}" for verb in ("create", "list", "read", "update", "delete")),
    "session.end",
}
ADMIN = {
    *MANAGER,
    *("project.create", "config.read", "config.set", "audit.read"),
    *(f"user.{verb}" for verb in ("create", "list", "read", "update", "delete")),
    "user.password.invalidate",
    *("role.create", "role.update", "role.delete"),
}
VERBS = {
    "admin": ADMIN,
    "manager": MANAGER,
    "viewer": {
        *("project.read", "form.list", "form.read", "submission.read", "submission.list"),
        *("dataset.list", "dataset.read", "entity.list", "entity.read"),
    },
    "formfill": {"project.read", "open_form.list", "open_form.read", "submission.create"},
    "app-user": {"open_form.read", "submission.create"},
    "pub-link": {"open_form.read", "submission.create"},
    "formview": {"form.read"},
    "pwreset": {"user.password.reset"},
}


def test_roles_are_listed_to_anybody_who_is_somebody(cast):
    answer = cast.chelsea.get("/v1/roles")
    assert answer.status == 200
    shown = [(role["id"], role["name"], role["system"]) for role in answer.json]
    assert shown == ROLES
    assert {role["system"]: set(role["verbs"]) for role in answer.json} == VERBS
    for role in answer.json:
        assert list(role) == ["id", "name", "system", "createdAt", "updatedAt", "verbs"]
        assert (role["createdAt"], role["updatedAt"]) == ("2026-11-22T00:00:00.000Z", None)
        assert len(role["verbs"]) == len(set(role["verbs"]))


def test_a_role_is_found_by_number_and_by_name(cast):
    listed = {role["system"]: role for role in cast.chelsea.get("/v1/roles").json}
    for number, _, system in ROLES:
        for name in (str(number), system):
            answer = cast.chelsea.get(f"/v1/roles/{name}")
            assert (answer.status, answer.json) == (200, listed[system])


def test_a_role_that_is_not_there_is_not_found(cast):
    for name in ("4", "0", "-1", "999", "nobody", "Admin", "admin%20", "a" * 5000, "a%00"):
        answer = cast.chelsea.get(f"/v1/roles/{name}")
        assert (answer.status, answer.json) == (404, NOT_FOUND), name


def test_what_is_neither_number_nor_name_is_no_role(cast):
    for name, code in (
        ("ADMIN", 400.11),
        ("%D9%A1", 400.11),
        ("%00", 400.11),
        ("1.0", 400.11),
        ("99999999999", 400.22),
        ("9" * 5000, 400.22),
    ):
        answer = cast.chelsea.get(f"/v1/roles/{name}")
        assert (answer.status, answer.json["code"]) == (400, code), name


def test_nobody_learns_of_roles(cast):
    for path in ("/v1/roles", "/v1/roles/admin", "/v1/roles/nobody"):
        answer = cast.api.get(path)
        assert (answer.status, answer.json) == (401, ANONYMOUS)
