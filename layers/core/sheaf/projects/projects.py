"""Projects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from sheaf import clock, fields
from sheaf.access.auth import Auth
from sheaf.db import keys
from sheaf.db.counters import take
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Author, Transaction
from sheaf.problems import AlreadyExists, NotFound

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action


# Number 1 is the project that comes with the stack.
FIRST_ID = 2


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
    """What a client may say of a project. `said` names the members that were given."""

    name: str | None
    description: str | None
    archived: bool | None
    said: frozenset[str]

    @classmethod
    def from_api(cls, body: Mapping[str, Any]) -> Self:
        """Read a project's JSON."""
        return cls(
            fields.optional_text(body, "name"),
            fields.optional_text(body, "description"),
            fields.optional_flag(body, "archived"),
            frozenset(body) & {"name", "description", "archived"},
        )

    @classmethod
    def named(cls, name: str) -> Self:
        """Make the least that a project needs."""
        return cls(name, None, None, frozenset({"name"}))


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


def list_for(auth: Auth) -> list[dict[str, Any]]:
    """List the projects that one may read, by name, each with the verbs one has there."""
    projects = Project.query(keys.PROJECTS, consistent_read=True)
    readable = [each for each in projects if each.deleted_at is None]
    listed = [(each, auth.verbs(each)) for each in sorted(readable, key=lambda each: each.name)]
    return [
        each.to_api() | {"verbs": sorted(verbs)}
        for each, verbs in listed
        if "project.read" in verbs
    ]


def describe(project: Project, auth: Auth, *, extended: bool) -> dict[str, Any]:
    """Give a project; with the verbs that one has there when extended."""
    return project.to_api() | ({"verbs": sorted(auth.verbs(project))} if extended else {})


def new(draft: Draft, number: int) -> Project:
    """Make a project; it is not yet stored."""
    return Project(
        *keys.project(number),
        id=number,
        name=fields.text({"name": draft.name}, "name"),
        description=draft.description,
        actee_id=clock.uuid(),
        created_at=clock.micros(),
    )


def create(draft: Draft, *, by: Author, number: int | None = None) -> dict[str, Any]:
    """Create a project, under a number of its own unless one is given.

    Raises:
        MissingParameter: it has no name.
        AlreadyExists: the number given is taken.
    """
    fields.text({"name": draft.name}, "name")
    project = new(draft, take("project", FIRST_ID) if number is None else number)
    with Transaction() as tx:
        tx.create(project, otherwise=AlreadyExists(id=project.id))
        tx.audit(
            "project.create",
            by=by,
            on=project.actee_id,
            details={"data": {"name": project.name}},
        )
    shown = project.to_api()
    return {"id": shown.pop("id"), "name": shown.pop("name"), "acteeId": project.actee_id} | shown


def update(project: Project, draft: Draft, *, by: Author) -> Project:
    """Change what the client named, and nothing else."""
    values = {"name": draft.name, "description": draft.description, "archived": draft.archived}
    said = {name: values[name] for name in draft.said}
    if "name" in said:
        fields.text(said, "name")
    now = clock.micros()
    actions: list[Action] = [Project.updated_at.set(now)]
    for name, value in said.items():
        attribute = getattr(Project, name)
        actions.append(attribute.remove() if value is None else attribute.set(value))
    with Transaction() as tx:
        tx.update(project, actions, Project.deleted_at.does_not_exist(), otherwise=NotFound())
        tx.audit("project.update", by=by, on=project.actee_id, details={"data": said})
    for name, value in said.items():
        setattr(project, name, value)
    project.updated_at = now
    return project


def delete(project: Project, *, by: Author) -> None:
    """Delete a project; its forms and data are out of reach with it."""
    with Transaction() as tx:
        tx.update(
            project,
            [Project.deleted_at.set(clock.micros())],
            Project.deleted_at.does_not_exist() & Project.pk.exists(),
            otherwise=NotFound(),
        )
        tx.audit("project.delete", by=by, on=project.actee_id)
