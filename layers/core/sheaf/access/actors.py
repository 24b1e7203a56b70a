"""Actors: whoever can act. Users are actors with an e-mail address and a password."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    NumberSetAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)

from sheaf import clock
from sheaf.access import actees
from sheaf.db import keys, reads
from sheaf.db.counters import take
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.transaction import Transaction

# Central's first ids belong to roles that it made itself; ours begin where users begin.
FIRST_ID = 5
# Central's column, in characters.
LONGEST_NAME = 64
APP_USER = "field_key"
PUBLIC_LINK = "public_link"


class Actor(Item):
    """An actor (key: `A#<actor>`, `A`).

    `grants` holds `<role>:<acteeId>` of each assignment, so that one read tells all rights;
    `submitted_to` the numbers of the forms that list the actor as a submitter, so that a submission
    need not look. Times are microseconds since 1970. What only users have, and what only bearers
    have (see `bearers`), stands apart below.
    """

    id = IntegerAttribute(attr_name="i")
    type = UnicodeAttribute(attr_name="t")
    display_name = UnicodeAttribute(attr_name="n")
    actee_id = UnicodeAttribute(attr_name="on")
    grants = UnicodeSetAttribute(attr_name="g", null=True)
    submitted_to = NumberSetAttribute(attr_name="f", null=True)
    created_at = IntegerAttribute(attr_name="c")
    updated_at = IntegerAttribute(attr_name="u", null=True)
    deleted_at = IntegerAttribute(attr_name="x", null=True)

    email = UnicodeAttribute(attr_name="m", null=True)
    password = UnicodeAttribute(attr_name="p", null=True)
    last_login_at = IntegerAttribute(attr_name="l", null=True)
    # Sessions that were opened before this moment are over: the password was changed.
    sessions_since = IntegerAttribute(attr_name="s", null=True)

    # The acteeIds of what it belongs to: a project, or a form and its project.
    places = UnicodeSetAttribute(attr_name="w", null=True)
    created_by = IntegerAttribute(attr_name="by", null=True)
    # Its token, sealed, and the partition of its session; neither, once that has been ended.
    sealed = BinaryAttribute(attr_name="k", null=True, legacy_encoding=False)
    session_pk = UnicodeAttribute(attr_name="sn", null=True)
    once = BooleanAttribute(attr_name="o", null=True)
    last_used_at = IntegerAttribute(attr_name="lu", null=True)

    @property
    def actees(self) -> tuple[str, ...]:
        """What rights on this actor are held on."""
        return (self.actee_id, *sorted(self.places or ()))

    def to_api(self) -> dict[str, Any]:
        """Give the actor as `submitter`, `actor` and the like show it."""
        return {
            "id": self.id,
            "type": self.type,
            "displayName": self.display_name,
            "createdAt": clock.iso(self.created_at),
            "updatedAt": clock.iso(self.updated_at),
            "deletedAt": clock.iso(self.deleted_at),
        }


def new(kind: str, display_name: str, *, email: str | None = None) -> Actor:
    """Make an actor with a number of its own; it is not yet stored."""
    number = take("actor", FIRST_ID)
    return Actor(
        *keys.actor(number),
        id=number,
        type=kind,
        display_name=display_name,
        actee_id=clock.uuid(),
        email=email,
        created_at=clock.micros(),
    )


def store(tx: Transaction, actor: Actor) -> None:
    """Let a transaction store a new actor, to be found by its acteeId too."""
    tx.create(actor)
    actees.add(tx, actor.actee_id, actees.ACTOR, actor.id)


def by_id(actor_ids: set[int]) -> dict[int, Actor]:
    """Read actors by their numbers; those that never were are left out."""
    found = reads.fetch([Actor.ref(keys.actor(number)) for number in sorted(actor_ids)])
    return {actor.id: actor for actor in found if actor is not None}
