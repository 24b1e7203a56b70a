"""Bearers: actors that are nothing but a token. They are app users and public links.

Who holds the token is the actor, until its session is ended, which no time does. Managers may look
the token up as long as it lives, so it lies in the table twice: as a hash, by which a request finds
its session, and sealed, with the actor.
"""

from __future__ import annotations

from typing import Any

from sheaf import clock, sealing
from sheaf.access import actors, assignments, sessions
from sheaf.access.actors import Actor
from sheaf.access.assignments import Actee
from sheaf.access.auth import Auth
from sheaf.access.sessions import Opened, Session
from sheaf.db import keys
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Transaction
from sheaf.problems import NotFound

# What Central gives as the end of a session that has none: 9999-12-31T23:59:59Z.
NEVER = 253_402_300_799_000_000


class Bearer(Item):
    """A bearer, seen from what it belongs to (key: `B#<acteeId>`, `<actor>`)."""

    actor_id = IntegerAttribute(attr_name="i")


def issue(tx: Transaction, actor: Actor, place: Actee, *, by: Auth) -> Opened:
    """Let a transaction store a new actor as a bearer of a project or a form, with its session."""
    opened = sessions.new(actor, expires_at=NEVER)
    actor.places = set(place.actees)
    actor.created_by = by.actor_id
    actor.sealed = sealing.seal(actor.actee_id, {"token": opened.token})
    actor.session_pk = opened.session.pk
    tx.create(Bearer(*keys.bearer(place.actee_id, actor.id), actor_id=actor.id))
    actors.store(tx, actor)
    tx.create(opened.session)
    return opened


def issued_to_api(actor: Actor, opened: Opened) -> dict[str, Any]:
    """Give a new bearer, as Central answers its creation."""
    return actor.to_api() | {
        "token": opened.token,
        "csrf": opened.session.csrf,
        "expiresAt": clock.iso(opened.session.expires_at),
    }


def of(place: Actee) -> list[Actor]:
    """List the bearers of a project or a form: those with a token first, each part newest first."""
    held = Bearer.query(keys.bearers(place.actee_id), consistent_read=True)
    listed = list(actors.by_id({int(bearer.actor_id) for bearer in held}).values())
    return sorted(listed, key=lambda actor: (actor.sealed is None, -actor.created_at))


def count(place: Actee) -> int:
    """Count the bearers of a project or a form that have a token."""
    return sum(bearer.sealed is not None for bearer in of(place))


def listed_to_api(listed: list[Actor], *, extended: bool) -> list[dict[str, Any]]:
    """Give bearers as lists show them: with the token, unless it was revoked.

    Args:
        listed: the bearers.
        extended: with who made them, too.
    """
    shown = [actor.to_api() | {"token": _token(actor)} for actor in listed]
    if extended:
        makers = actors.by_id({int(actor.created_by) for actor in listed})
        for each, actor in zip(shown, listed, strict=True):
            each["createdBy"] = makers[actor.created_by].to_api()
    return shown


def lookup(kind: str, actor_id: int, place: Actee) -> Lookup[Actor]:
    """Find a bearer of a kind by its number, where it belongs.

    Raises:
        NotFound: there is none, or not any more, or it belongs elsewhere.
    """
    bearer, actor = yield (
        Bearer.ref(keys.bearer(place.actee_id, actor_id)),
        Actor.ref(keys.actor(actor_id)),
    )
    if bearer is None or actor is None or actor.type != kind:
        raise NotFound
    return actor  # type: ignore[no-any-return]


def delete(actor: Actor, place: Actee, *, by: Auth) -> None:
    """Delete a bearer: its session ends, its rights go. What it submitted names it for ever.

    Raises:
        NotFound: it has been deleted meanwhile.
    """
    with Transaction() as tx:
        bearer = Bearer(*keys.bearer(place.actee_id, actor.id))
        tx.delete(bearer, Bearer.pk.exists(), otherwise=NotFound())
        if actor.session_pk is not None:
            tx.delete(Session(actor.session_pk, keys.SESSION))
        assignments.drop(tx, actor)
        gone = (Actor.grants, Actor.sealed, Actor.session_pk)
        tx.update(
            actor,
            [Actor.deleted_at.set(clock.micros()), *(each.remove() for each in gone)],
            Actor.pk.exists(),
        )
        tx.audit(f"{actor.type}.delete", by=by, on=actor.actee_id)


def _token(actor: Actor) -> str | None:
    if actor.sealed is None:
        return None
    return str(sealing.unseal(actor.actee_id, actor.sealed)["token"])
