"""Projects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from sheaf import clock, fields
from sheaf.access import actees
from sheaf.access.auth import Auth
from sheaf.db import keys
from sheaf.db.counters import take
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Author, Transaction
from sheaf.problems import AlreadyExists, MissingParameter, NotFound

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action


# Number 1 is the project that comes with the stack.
FIRST_ID = 2
# In characters. Central has no limit; an item of the table, and of the audit log, has 400 KB.
LONGEST_NAME = 1_000
LONGEST_DESCRIPTION = 20_000


class Project(Item):
    """A project (key: `PROJECTS`, number). Times are microseconds since 1970."""

    id = IntegerAttribute(attr_name="i")
    name = UnicodeAttribute(attr_name="n")
    description = UnicodeAttribute(attr_name="d", null=True)
    actee_id = UnicodeAttribute(attr_name="on")
    archived = BooleanAttribute(attr_name="v", null=True)
    key_id = IntegerAttribute(attr_name="k", null=True)
    created_at = IntegerAttribute(attr_name="c")
    updated_at = IntegerAttribute(attr_name="u", null=True)
    deleted_at = IntegerAttribute(attr_name="x", null=True)

    @property
    def actees(self) -> tuple[str, ...]:
        """What rights on this project are held on."""
        return (self.actee_id,)

    def to_api(self) -> dict[str, Any]:
        """Give the project as Central shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "createdAt": clock.iso(self.created_at),
            "updatedAt": clock.iso(self.updated_at),
            "deletedAt": clock.iso(self.deleted_at),
            "archived": self.archived,
            "keyId": self.key_id,
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class Draft:
    """What a client says of a project: the members that it named, by Central's names."""

    said: Mapping[str, Any]

    @classmethod
    def from_api(cls, body: Mapping[str, Any]) -> Self:
        """Read a project's JSON; its name cannot be null."""
        said: dict[str, Any] = {}
        if "name" in body:
            said["name"] = fields.text(body, "name", longest=LONGEST_NAME)
        if "description" in body:
            text = fields.optional_text(body, "description", longest=LONGEST_DESCRIPTION)
            said["description"] = text
        if "archived" in body:
            said["archived"] = fields.optional_flag(body, "archived")
        return cls(said)

    @classmethod
    def named(cls, name: str) -> Self:
        """Make the least that a project needs."""
        return cls({"name": name})


def ref(path: Mapping[str, str]) -> Any:
    """Refer to the project of `{projectId}`."""
    return Project.ref(keys.project(fields.number(path["projectId"])))


def live(project: Project | None) -> Project:
    """Give the project, or raise NotFound when there is none or it is deleted."""
    if project is None or project.deleted_at is not None:
        raise NotFound
    return project


def lookup(path: Mapping[str, str]) -> Lookup[Project]:
    """Find the project of `{projectId}`.

    Raises:
        NotFound: there is none, or not any more.
    """
    (project,) = yield (ref(path),)
    return live(project)


def list_for(auth: Auth) -> list[Project]:
    """List the projects that one may read, archived ones last, then by name."""
    projects = Project.query(keys.PROJECTS, consistent_read=True)
    readable = [
        each for each in projects if each.deleted_at is None and auth.can("project.read", each)
    ]
    return sorted(readable, key=lambda each: (each.archived or False, each.name))


def describe(project: Project, auth: Auth) -> dict[str, Any]:
    """Give a project with the verbs that one has there."""
    return project.to_api() | {"verbs": sorted(auth.verbs(project))}


def create(draft: Draft, *, by: Author, number: int | None = None) -> dict[str, Any]:
    """Create a project, under a number of its own unless one is given.

    Raises:
        MissingParameter: it has no name.
        AlreadyExists: the number given is taken.
    """
    if "name" not in draft.said:
        raise MissingParameter(field="name")
    number = take("project", FIRST_ID) if number is None else number
    project = Project(
        *keys.project(number),
        id=number,
        actee_id=clock.uuid(),
        created_at=clock.micros(),
        **draft.said,
    )
    with Transaction() as tx:
        tx.create(project, otherwise=AlreadyExists(table="projects", id=number))
        actees.add(tx, project.actee_id, actees.PROJECT, number)
        tx.audit("project.create", by=by, on=project.actee_id, details={"data": dict(draft.said)})
    shown = project.to_api()
    return {"id": shown.pop("id"), "name": shown.pop("name"), "acteeId": project.actee_id} | shown


def update(project: Project, draft: Draft, *, by: Author) -> Project:
    """Change what the client named, and nothing else.

    Raises:
        NotFound: it has been deleted meanwhile.
    """
    project.updated_at = clock.micros()
    actions: list[Action] = [Project.updated_at.set(project.updated_at)]
    for name, value in draft.said.items():
        attribute = getattr(Project, name)
        actions.append(attribute.remove() if value is None else attribute.set(value))
        setattr(project, name, value)
    with Transaction() as tx:
        tx.update(project, actions, Project.deleted_at.does_not_exist(), otherwise=NotFound())
        tx.audit("project.update", by=by, on=project.actee_id, details={"data": dict(draft.said)})
    return project


def delete(project: Project, *, by: Author) -> None:
    """Delete a project; its forms and data are out of reach with it.

    Raises:
        NotFound: it has been deleted meanwhile.
    """
    with Transaction() as tx:
        tx.update(
            project,
            [Project.deleted_at.set(clock.micros())],
            Project.deleted_at.does_not_exist(),
            otherwise=NotFound(),
        )
        tx.audit("project.delete", by=by, on=project.actee_id)
