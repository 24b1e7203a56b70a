"""Sessions: tokens that stand for an actor. Only a token's hash is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import UnicodeAttribute

from sheaf import clock
from sheaf.access.actors import Actor
from sheaf.db import keys
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Author, Transaction
from sheaf.problems import AuthenticationFailed, Forbidden, NotFound

if TYPE_CHECKING:
    from sheaf.access.auth import Auth

# Central: a day from login, not prolonged by use.
LIFE = 24 * 60 * 60 * 1_000_000


class Session(Item):
    """A session (key: `T#<hash of its token>`, `T`). `ttl` (seconds) lets DynamoDB clean up."""

    actor_id = IntegerAttribute(attr_name="i")
    csrf = UnicodeAttribute(attr_name="f")
    created_at = IntegerAttribute(attr_name="c")
    expires_at = IntegerAttribute(attr_name="z")
    ttl = IntegerAttribute(null=True)

    @property
    def live(self) -> bool:
        """Whether it has not expired; DynamoDB's own clean-up runs hours late."""
        return self.expires_at > clock.micros()

    def to_api(self) -> dict[str, Any]:
        """Give `GET /sessions/restore`'s answer."""
        return {
            "createdAt": clock.iso(self.created_at),
            "expiresAt": clock.iso(self.expires_at),
        }


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session together with its token, which is shown this once."""

    session: Session
    token: str

    def to_api(self) -> dict[str, Any]:
        """Give `POST /sessions`'s answer."""
        return {
            "token": self.token,
            "csrf": self.session.csrf,
            **self.session.to_api(),
        }


def lookup(token: str) -> Lookup[tuple[Session, Actor]]:
    """Find the session of a token and its actor.

    Raises:
        AuthenticationFailed: no such session, expired, or its actor is gone.
    """
    (session,) = yield (Session.ref(keys.session(token)),)
    if session is None or not session.live:
        raise AuthenticationFailed
    (actor,) = yield (Actor.ref(keys.actor(session.actor_id)),)
    if actor is None or actor.deleted_at is not None:
        raise AuthenticationFailed
    return session, actor


def create(actor: Actor, *, by: Author) -> Opened:
    """Open a session for a user who has shown a password."""
    now, token = clock.micros(), clock.token()
    session = Session(
        *keys.session(token),
        actor_id=actor.id,
        csrf=clock.token(),
        created_at=now,
        expires_at=now + LIFE,
        ttl=(now + LIFE) // 1_000_000,
    )
    with Transaction() as tx:
        tx.create(session)
        tx.update(actor, [Actor.last_login_at.set(now)], Actor.deleted_at.does_not_exist())
        tx.audit("user.session.create", by=by, on=actor.actee_id)
    return Opened(session, token)


def lookup_to_end(path: Mapping[str, str]) -> Lookup[tuple[Session, Actor]]:
    """Find the session of `{token}`.

    Raises:
        Forbidden: there is none; Central does not tell it from one that is another's.
    """
    try:
        return (yield from lookup(path["token"]))
    except AuthenticationFailed:
        raise Forbidden from None


def delete_current(auth: Auth) -> None:
    """Log out.

    Raises:
        NotFound: the request came without a session (Basic).
    """
    if auth.session is None or auth.actor is None:
        raise NotFound
    delete(auth.session, auth.actor, by=auth)


def delete(session: Session, actor: Actor, *, by: Author) -> None:
    """End a session; ending it twice does no harm."""
    with Transaction() as tx:
        tx.delete(session)
        tx.audit("session.end", by=by, on=actor.actee_id)
