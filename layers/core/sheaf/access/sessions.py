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
from sheaf.problems import AuthenticationFailed, Forbidden, NotFound, Problem

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
    # When the actor's password was changed from within this session, which therefore lives on.
    kept_at = IntegerAttribute(attr_name="k", null=True)
    ttl = IntegerAttribute(null=True)

    @property
    def live(self) -> bool:
        """Whether it has not expired; DynamoDB's own clean-up runs hours late."""
        return self.expires_at > clock.micros()

    def stands_for(self, actor: Actor) -> bool:
        """Whether the actor is there, and has not changed the password since, elsewhere."""
        since = actor.sessions_since or 0
        return actor.deleted_at is None and (self.kept_at or self.created_at) >= since

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
        AuthenticationFailed: no such session, expired, ended by a change of the password, or its
            actor is gone.
    """
    (session,) = yield (Session.ref(keys.session(token)),)
    if session is None or not session.live:
        raise AuthenticationFailed
    (actor,) = yield (Actor.ref(keys.actor(session.actor_id)),)
    if actor is None or not session.stands_for(actor):
        raise AuthenticationFailed
    return session, actor


def new(actor: Actor, *, expires_at: int | None = None) -> Opened:
    """Make a session that ends at a moment, or with the day; it is not yet stored."""
    now, token = clock.micros(), clock.token()
    expires_at = expires_at or now + LIFE
    session = Session(
        *keys.session(token),
        actor_id=actor.id,
        csrf=clock.token(),
        created_at=now,
        expires_at=expires_at,
        ttl=expires_at // 1_000_000,
    )
    return Opened(session, token)


def create(actor: Actor, client: str | None, *, by: Author) -> Opened:
    """Open a session for a user who has shown a password.

    Args:
        actor: whose session.
        client: what the client calls itself, for the audit log.
        by: the same actor, and the request's notes.

    Raises:
        AuthenticationFailed: the user was deleted, or got another password, meanwhile.
    """
    opened = new(actor)
    with Transaction() as tx:
        tx.create(opened.session)
        tx.update(
            actor,
            [Actor.last_login_at.set(opened.session.created_at)],
            Actor.deleted_at.does_not_exist() & (Actor.password == actor.password),
            otherwise=AuthenticationFailed(),
        )
        details = {} if client is None else {"userAgent": client}
        tx.audit("user.session.create", by=by, on=actor.actee_id, details=details)
    return opened


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
        Forbidden: an app user asks.
        AuthenticationFailed: the session has just been ended by another request.
    """
    if auth.session is None or auth.actor is None:
        raise NotFound
    auth.require("session.end", on=auth.actor)
    delete(auth.session, auth.actor, by=auth, otherwise=AuthenticationFailed())


def delete(session: Session, actor: Actor, *, by: Author, otherwise: Problem) -> None:
    """End a session; `otherwise` is raised when another request has just done it.

    A user's own coming and going is no matter for the audit log, as in Central. A bearer has lost
    its token with it.
    """
    with Transaction() as tx:
        tx.delete(session, Session.pk.exists(), otherwise=otherwise)
        if actor.type != "user":
            tx.update(actor, [Actor.sealed.remove(), Actor.session_pk.remove()], Actor.pk.exists())
            tx.audit(f"{actor.type}.session.end", by=by, on=actor.actee_id)
