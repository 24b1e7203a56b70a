"""The roles and the verbs that each allows. They are Central's, and fixed.

`hook.*` are Sheaf's own: hooks export data, so they go to those who manage a project.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sheaf import fields
from sheaf.problems import found

_READ = ("project.read", "form.list", "form.read", "submission.read", "submission.list")
_READ_ENTITIES = ("dataset.list", "dataset.read", "entity.list", "entity.read")
_MANAGE = (
    "project.read", "project.update", "project.delete",
    "form.create", "form.delete", "form.list", "form.read", "form.update", "form.restore",
    "submission.create", "submission.read", "submission.list", "submission.update",
    "submission.delete", "submission.restore",
    "field_key.create", "field_key.delete", "field_key.list",
    "assignment.list", "assignment.create", "assignment.delete",
    "public_link.create", "public_link.list", "public_link.read", "public_link.update",
    "public_link.delete", "session.end",
    "dataset.list", "dataset.read", "dataset.create", "dataset.update", "dataset.delete",
    "entity.list", "entity.read", "entity.create", "entity.update", "entity.delete",
    "entity.restore",
    "hook.list", "hook.read", "hook.create", "hook.update", "hook.delete",
)  # fmt: skip
_ADMINISTER = (
    *_MANAGE,
    "project.create", "config.read", "config.set", "audit.read",
    "user.create", "user.list", "user.read", "user.update", "user.delete",
    "user.password.invalidate", "role.create", "role.update", "role.delete",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of verbs."""

    id: int
    name: str
    system: str
    verbs: tuple[str, ...]
    created_at: str = field(default="2026-11-22T00:00:00.000Z")

    def to_api(self) -> dict[str, Any]:
        """Give the role as `GET /roles` shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "system": self.system,
            "createdAt": self.created_at,
            "updatedAt": None,
            "verbs": list(self.verbs),
        }


# Ids as in Central: pyODK hard-codes the app user's 2.
_ROLES = (
    Role(1, "Administrator", "admin", _ADMINISTER),
    Role(2, "App User", "app-user", ("open_form.read", "submission.create")),
    Role(3, "Password Reset Token", "pwreset", ("user.password.reset",)),
    Role(5, "Project Manager", "manager", _MANAGE),
    Role(6, "Project Viewer", "viewer", (*_READ, *_READ_ENTITIES)),
    Role(7, "Form Viewer (system internal)", "formview", ("form.read",)),
    Role(
        8,
        "Data Collector",
        "formfill",
        ("project.read", "open_form.list", "open_form.read", "submission.create"),
    ),
    Role(9, "Public Access Link", "pub-link", ("open_form.read", "submission.create")),
)
_BY_ID = {role.id: role for role in _ROLES}
_BY_SYSTEM = {role.system: role for role in _ROLES}
_NAME = re.compile("[a-z]")

ADMIN = 1


def every() -> list[Role]:
    """Give all roles, in the order of their ids."""
    return list(_ROLES)


def get(name: str) -> Role:
    """Give a role by its system name, or by its id where there is no small letter.

    Raises:
        NotFound: there is none.
    """
    role = _BY_SYSTEM.get(name) if _NAME.search(name) else _BY_ID.get(fields.number(name))
    return found(role)


def verbs(role_id: int) -> tuple[str, ...]:
    """Give the verbs of a role."""
    return _BY_ID[role_id].verbs
