"""Users: actors with an e-mail address, who log in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from sheaf import clock, fields
from sheaf.access import actors, assignments, passwords
from sheaf.access.actors import Actor
from sheaf.access.auth import SITE, Auth
from sheaf.access.sessions import Session
from sheaf.db import keys, reads
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Author, Transaction
from sheaf.problems import (
    AlreadyExists,
    AuthenticationFailed,
    Busy,
    MissingParameter,
    MissingParameters,
    NotFound,
    Problem,
    ValueTooLong,
)

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

# Central's column, in characters.
LONGEST_EMAIL = 320
_PASSWORD_SET = {"data": {"password": True}}


class Email(Item):
    """An e-mail address that is taken (key: `EMAILS`, address in lower case)."""

    actor_id = IntegerAttribute(attr_name="i")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a client says of a new user.

    Who is given no name is called by the address; who is given no password cannot log in yet.
    """

    email: str
    display_name: str | None
    password: str | None

    @classmethod
    def from_api(cls, body: Mapping[str, Any]) -> Self:
        """Read a new user's JSON; a blank name or password is none."""
        email = _email(body)
        named = {"displayName": body.get("displayName") or email}
        password = fields.optional_text(body, "password") or None
        if password is not None:
            passwords.check(password)
        return cls(email, fields.text(named, "displayName", longest=actors.LONGEST_NAME), password)


@dataclass(frozen=True, slots=True)
class Change:
    """What a client changes of a user; None is what it does not name."""

    email: str | None
    display_name: str | None

    @classmethod
    def from_api(cls, body: Mapping[str, Any]) -> Self:
        """Read what is to change; all else that the body may hold is not for the client to say."""
        name = None
        if "displayName" in body:
            name = fields.text(body, "displayName", longest=actors.LONGEST_NAME)
        return cls(_email(body) if "email" in body else None, name)

    def to_api(self) -> dict[str, Any]:
        """Give what the client named, for the audit log."""
        said = {"email": self.email, "displayName": self.display_name}
        return {name: value for name, value in said.items() if value is not None}


def to_api(user: Actor) -> dict[str, Any]:
    """Give a user as `GET /users` shows it."""
    shown = {"email": user.email, "lastLoginAt": clock.iso(user.last_login_at)}
    return shown | user.to_api()


def current(auth: Auth, *, extended: bool) -> dict[str, Any]:
    """Give the user who asks; with site-wide verbs and preferences when extended.

    Raises:
        NotFound: an app user or a public link asks.
    """
    if auth.actor is None or auth.actor.type != "user":
        raise NotFound
    shown = to_api(auth.actor)
    if extended:
        shown["verbs"] = sorted(auth.verbs())
        shown["preferences"] = {"site": {}, "projects": {}}
    return shown


def by_email(address: str) -> Lookup[Actor | None]:
    """Find the user of an address."""
    (claim,) = yield (Email.ref(keys.email(address)),)
    if claim is None:
        return None
    (user,) = yield (Actor.ref(keys.actor(claim.actor_id)),)
    return user if user is not None and user.deleted_at is None else None


def lookup(path: Mapping[str, str]) -> Lookup[Actor]:
    """Find the user of `{userId}`.

    Raises:
        NotFound: there is none, or not any more.
    """
    (user,) = yield (Actor.ref(keys.actor(fields.number(path["userId"]))),)
    if user is None or user.type != "user" or user.deleted_at is not None:
        raise NotFound
    return user  # type: ignore[no-any-return]


def login(body: Mapping[str, Any]) -> Actor:
    """Give the user whose e-mail address and password these are.

    Raises:
        MissingParameters: one of them is absent or blank.
        AuthenticationFailed: they do not belong together.
    """
    email, password = body.get("email"), body.get("password")
    if email in (None, "") or password in (None, ""):
        raise MissingParameters(("email", "password"), body)
    if not (isinstance(email, str) and isinstance(password, str)):
        raise AuthenticationFailed
    (user,) = reads.gather(by_email(email))
    if not passwords.matches(password, user.password if user else None):
        raise AuthenticationFailed
    return user  # type: ignore[no-any-return]


def search(auth: Auth, query: str) -> list[dict[str, Any]]:
    """List users by address; who may not list them finds only an address that he knows whole.

    Among those who may, one whose address the query is stands alone; else come those whose name or
    address has a word of the query in it, most words first.
    """
    (exact,) = reads.gather(by_email(query)) if query else (None,)
    if exact is not None:
        return [to_api(exact)]
    if not auth.can("user.list"):
        return []
    claims = list(Email.query(keys.EMAILS, consistent_read=True))
    users = actors.by_id({int(claim.actor_id) for claim in claims})
    words = query.lower().split()
    scored = [
        (sum(word in f"{user.email} {user.display_name}".lower() for word in words), user)
        for user in (users[claim.actor_id] for claim in claims if claim.actor_id in users)
    ]
    scored.sort(key=lambda each: each[0], reverse=True)
    return [to_api(user) for score, user in scored if score or not words]


def create(draft: Draft, *, by: Author, role: int | None = None) -> Actor:
    """Create a user, with a role on the whole site if one is given.

    Raises:
        AlreadyExists: the address is taken.
    """
    user = actors.new("user", draft.display_name or draft.email, email=draft.email)
    if draft.password is not None:
        user.password = passwords.seal(draft.password)
    data = {"actorId": user.id, "email": draft.email, "password": None}
    with Transaction() as tx:
        _take(tx, user, draft.email)
        if role is not None:
            assignments.add(tx, user, role, SITE)
            user.grants = {assignments.grant(role, SITE)}
        actors.store(tx, user)
        tx.audit("user.create", by=by, on=user.actee_id, details={"data": data})
        if draft.password is not None:
            tx.audit("user.update", by=by, on=user.actee_id, details=_PASSWORD_SET)
    return user


def update(user: Actor, change: Change, *, by: Author) -> dict[str, Any]:
    """Change a user's name or address, unless neither is named.

    Raises:
        AlreadyExists: the address is another user's.
        NotFound, Busy: the user has been deleted, or has moved to yet another address, meanwhile.
    """
    user.updated_at = clock.micros()
    actions: list[Action] = [Actor.updated_at.set(user.updated_at)]
    before = user.email
    with Transaction() as tx:
        if change.display_name is not None:
            user.display_name = change.display_name
            actions.append(Actor.display_name.set(change.display_name))
        if change.email is not None:
            user.email = change.email
            actions.append(Actor.email.set(change.email))
        # Before the claim: who moves to the same address a moment later is not another user.
        _update(tx, user, before, actions)
        if change.email is not None:
            _move(tx, user, before, change.email)
        tx.audit("user.update", by=by, on=user.actee_id, details={"data": change.to_api()})
    return to_api(user)


def update_password(user: Actor, body: Mapping[str, Any], *, by: Auth) -> None:
    """Change a password, which the one in force must be shown for; other sessions end.

    Raises:
        AuthenticationFailed: the old password is wrong.
        MissingParameter: there is no new one.
    """
    old = body.get("old")
    if not (isinstance(old, str) and passwords.matches(old, user.password)):
        raise AuthenticationFailed
    new = fields.text(body, "new")
    passwords.check(new)
    now = clock.micros()
    with Transaction() as tx:
        tx.update(
            user,
            [
                Actor.password.set(passwords.seal(new)),
                Actor.sessions_since.set(now),
            ],
            Actor.deleted_at.does_not_exist() & (Actor.password == user.password),
            otherwise=AuthenticationFailed(),
        )
        if by.session is not None and by.actor_id == user.id:
            kept = [Session.kept_at.set(now)]
            tx.update(by.session, kept, Session.pk.exists(), otherwise=AuthenticationFailed())
        tx.audit("user.update", by=by, on=user.actee_id, details=_PASSWORD_SET)


def delete(user: Actor, *, by: Author) -> None:
    """Delete a user: sessions end, rights go, the address is free again.

    Raises:
        NotFound, Busy: the user has been deleted, or has moved to another address, meanwhile.
    """
    with Transaction() as tx:
        tx.delete(Email(*keys.email(user.email or "")))
        assignments.drop(tx, user)
        _update(
            tx,
            user,
            user.email,
            [
                Actor.deleted_at.set(clock.micros()),
                Actor.grants.remove(),
                Actor.password.remove(),
            ],
        )
        tx.audit("user.delete", by=by, on=user.actee_id)


def _email(body: Mapping[str, Any]) -> str:
    """Read an address. Whether mail arrives there only a mail can tell, so no pattern is asked."""
    email = fields.text(body, "email", longest=LONGEST_EMAIL)
    if not email:
        raise MissingParameter(field="email")
    # So many characters may be more bytes than a key of the table holds.
    if not Email.ref(keys.email(email)).possible:
        raise ValueTooLong(maxLength=str(LONGEST_EMAIL))
    return email


def _take(tx: Transaction, user: Actor, email: str) -> None:
    """Claim an address for a user, in Central's words if it is another's."""
    taken = AlreadyExists(table="users", email=email, deleted="false")
    tx.create(Email(*keys.email(email), actor_id=user.id), otherwise=taken)


def _move(tx: Transaction, user: Actor, before: str | None, email: str) -> None:
    """Take another address, unless it is the same but for case."""
    old = keys.email(before or "")
    if old != keys.email(email):
        tx.delete(Email(*old))
        _take(tx, user, email)


def _update(tx: Transaction, user: Actor, email: str | None, actions: list[Action]) -> None:
    """Change a user who must be there still, under the address whose claim is changed along."""
    unchanged = Actor.deleted_at.does_not_exist() & (Actor.email == email)
    tx.update(user, actions, unchanged, otherwise=_gone_or_moved)


def _gone_or_moved(now: dict[str, Any] | None) -> Problem:
    return NotFound() if now is None or "x" in now else Busy()
