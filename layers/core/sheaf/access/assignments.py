"""Assignments: which actor holds which role on the site, a project or a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sheaf import fields
from sheaf.access import actors
from sheaf.access.actors import Actor
from sheaf.access.auth import Auth
from sheaf.access.roles import Role
from sheaf.db import keys
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Transaction
from sheaf.problems import AlreadyExists, Forbidden, NotFound

# A transaction takes 100 items; what deletes an actor writes a few others.
MOST_DROPPED = 90


class Actee(Protocol):
    """What a role is held on: the site, a project, a form."""

    @property
    def actee_id(self) -> str:
        """The id by which grants name it."""

    @property
    def actees(self) -> tuple[str, ...]:
        """The acteeIds whose grants hold here."""


class Assignment(Item):
    """An assignment, seen from its actee (key: `G#<acteeId>`, `<role>#<actor>`)."""

    role_id = IntegerAttribute(attr_name="r")
    actor_id = IntegerAttribute(attr_name="i")

    def to_api(self) -> dict[str, Any]:
        """Give the assignment as Central lists it."""
        return {"actorId": self.actor_id, "roleId": self.role_id}


def grant(role_id: int, actee_id: str) -> str:
    """Write an assignment as the actor holds it (`Actor.grants`)."""
    return f"{role_id}:{actee_id}"


def add(tx: Transaction, actor: Actor, role_id: int, actee_id: str) -> None:
    """Let a transaction that creates or changes the actor write its assignment.

    Raises:
        AlreadyExists: on commit, when the actor holds the role there.
    """
    key = keys.assignment(actee_id, role_id, actor.id)
    taken = AlreadyExists(table="assignments", actorId=actor.id, roleId=role_id, acteeId=actee_id)
    tx.create(Assignment(*key, role_id=role_id, actor_id=actor.id), otherwise=taken)


def drop(tx: Transaction, actor: Actor) -> None:
    """Let a transaction that deletes an actor remove its assignments.

    What is beyond a transaction's size stays: lists pass over the assignments of deleted actors.
    """
    for held in sorted(actor.grants or ())[:MOST_DROPPED]:
        role_id, actee_id = held.split(":", 1)
        tx.delete(Assignment(*keys.assignment(actee_id, int(role_id), actor.id)))


def actor_lookup(path: Mapping[str, str]) -> Lookup[Actor]:
    """Find the actor of `{actorId}`.

    Raises:
        NotFound: there is none, or not any more.
    """
    (actor,) = yield (Actor.ref(keys.actor(fields.number(path["actorId"]))),)
    if actor is None or actor.deleted_at is not None:
        raise NotFound
    return actor  # type: ignore[no-any-return]


def on(actee: Actee, *, extended: bool = False) -> list[dict[str, Any]]:
    """List the assignments on an actee; with the actors themselves when extended."""
    return [
        held.to_api() | ({"actor": actor.to_api()} if extended else {})
        for held, actor in _held(actee)
    ]


def holders(role: Role, actee: Actee) -> list[Actor]:
    """List the actors that hold a role on an actee."""
    return [actor for _, actor in _held(actee, Assignment.sk.startswith(keys.holders(role.id)))]


def _held(actee: Actee, condition: Any = None) -> list[tuple[Assignment, Actor]]:
    partition = keys.assignments(actee.actee_id)
    held = list(Assignment.query(partition, condition, consistent_read=True))
    found = actors.by_id({int(assignment.actor_id) for assignment in held})
    pairs = ((each, found[each.actor_id]) for each in held)
    return [(each, actor) for each, actor in pairs if actor.deleted_at is None]


def create(actor: Actor, role: Role, actee: Actee, *, by: Auth) -> None:
    """Give a role to an actor on an actee.

    Raises:
        Forbidden: the role has verbs that the giver lacks there; nobody gives what he has not got.
        AlreadyExists: the actor holds it there already.
    """
    if not _with_open_forms(by.verbs(actee)).issuperset(role.verbs):
        raise Forbidden
    actee_id = actee.actee_id
    with Transaction() as tx:
        add(tx, actor, role.id, actee_id)
        tx.update(
            actor,
            [Actor.grants.add({grant(role.id, actee_id)})],
            Actor.deleted_at.does_not_exist() & Actor.pk.exists(),
            otherwise=NotFound(),
        )
        details = {"roleId": role.id, "grantedActeeId": actee_id}
        tx.audit(f"{actor.type}.assignment.create", by=by, on=actor.actee_id, details=details)


def delete(actor: Actor, role: Role, actee: Actee, *, by: Auth) -> None:
    """Take a role from an actor on an actee.

    Raises:
        NotFound: the actor does not hold it there.
    """
    actee_id = actee.actee_id
    assignment = Assignment(*keys.assignment(actee_id, role.id, actor.id))
    with Transaction() as tx:
        tx.delete(assignment, Assignment.pk.exists(), otherwise=NotFound())
        tx.update(actor, [Actor.grants.delete({grant(role.id, actee_id)})], Actor.pk.exists())
        details = {"roleId": role.id, "revokedActeeId": actee_id}
        tx.audit(f"{actor.type}.assignment.delete", by=by, on=actor.actee_id, details=details)


def remove_all(actee_id: str) -> None:
    """Remove the assignments on what is gone for good."""
    for assignment in Assignment.query(keys.assignments(actee_id), consistent_read=True):
        holder = Actor(*keys.actor(assignment.actor_id))
        with Transaction() as tx:
            tx.delete(assignment)
            held = Actor.grants.delete({grant(assignment.role_id, actee_id)})
            tx.update(holder, [held], Actor.pk.exists())


def _with_open_forms(verbs: set[str]) -> set[str]:
    """Add that who may see all forms may see the open ones, which no manager's role says."""
    return verbs | {f"open_{verb}" for verb in verbs & {"form.list", "form.read"}}
