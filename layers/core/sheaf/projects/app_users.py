"""App users: the tokens with which a project's devices send. Central calls them field keys, too.

An app user may nothing at first; assignments let it use forms, one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sheaf import clock, fields
from sheaf.access import actors, bearers
from sheaf.access.actors import APP_USER, Actor
from sheaf.access.auth import Auth
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Transaction
from sheaf.projects.projects import Project


@dataclass(frozen=True, slots=True)
class Draft:
    """What a client says of a new app user."""

    display_name: str

    @classmethod
    def from_api(cls, body: Mapping[str, Any]) -> Self:
        """Read a new app user's JSON."""
        return cls(fields.text(body, "displayName", longest=actors.LONGEST_NAME))


def list_for(project: Project, *, extended: bool) -> list[dict[str, Any]]:
    """List the app users of a project; with who made them and when they last sent, if extended."""
    listed = bearers.of(project)
    shown = [
        {"projectId": project.id} | each
        for each in bearers.listed_to_api(listed, extended=extended)
    ]
    if extended:
        for each, app_user in zip(shown, listed, strict=True):
            each["lastUsed"] = clock.iso(app_user.last_used_at)
    return shown


def lookup(project: Project, path: Mapping[str, str]) -> Lookup[Actor]:
    """Find the app user `{appUserId}` of a project.

    Raises:
        NotFound: the project has none, or not any more.
    """
    return bearers.lookup(APP_USER, fields.number(path["appUserId"]), project)


def create(project: Project, draft: Draft, *, by: Auth) -> dict[str, Any]:
    """Create an app user, and give it with its token."""
    app_user = actors.new(APP_USER, draft.display_name)
    with Transaction() as tx:
        opened = bearers.issue(tx, app_user, project, by=by)
        tx.audit("field_key.create", by=by, on=app_user.actee_id)
    return {"projectId": project.id} | bearers.issued_to_api(app_user, opened)
