"""Users: actors with an e-mail address, who log in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sheaf import clock, fields
from sheaf.access import actors, assignments, passwords
from sheaf.access.actors import Actor
from sheaf.access.auth import SITE, Auth
from sheaf.db import keys, reads
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Author, Transaction
from sheaf.problems import (
    AlreadyExists,
    AuthenticationFailed,
    MissingParameters,
    NotFound,
    UnexpectedValue,
)

# No more than a typing-error check: the owner of an address is proven by a mail, not by a pattern.
_ADDRESS = re.compile(r"[^\s@\x00]+@[^\s@\x00]+")
_LONGEST_ADDRESS = 320


class Email(Item):
    """An e-mail address that is taken (key: `EMAILS`, address in lower case)."""

    actor_id = IntegerAttribute(attr_name="i")


@dataclass(frozen=True, slots=True)
class Draft:
    """What a client may say of a user."""

    email: str | None
    display_name: str | None
    password: str | None

    @classmethod
    def from_api(cls, body: Mapping[str, Any]) -> Self:
        """Read a user's JSON; the password is checked for strength."""
        email, password = (fields.optional_text(body, name) for name in ("email", "password"))
        if email is not None and not (_ADDRESS.fullmatch(email) and len(email) <= _LONGEST_ADDRESS):
            raise UnexpectedValue(field="email", value=email, reason="not an e-mail address")
        if password is not None:
            passwords.check(password)
        return cls(email, fields.optional_text(body, "displayName"), password)


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
        MissingParameters: one of them is absent.
        AuthenticationFailed: they do not belong together.
    """
    email, password = body.get("email"), body.get("password")
    if not (isinstance(email, str) and isinstance(password, str) and email and password):
        raise MissingParameters({"email": email, "password": password})
    (user,) = reads.gather(by_email(email))
    if user is None or user.password is None or not passwords.matches(password, user.password):
        raise AuthenticationFailed
    return user  # type: ignore[no-any-return]


def search(auth: Auth, query: str | None) -> list[dict[str, Any]]:
    """List users by address; who may not list them finds only an address that he knows whole."""
    if not auth.can("user.list"):
        (user,) = reads.gather(by_email(query)) if query else (None,)
        return [to_api(user)] if user else []
    claims = list(Email.query(keys.EMAILS, consistent_read=True))
    users = actors.by_id({int(claim.actor_id) for claim in claims})
    listed = [users[claim.actor_id] for claim in claims if claim.actor_id in users]
    needle = (query or "").lower()
    return [
        to_api(user)
        for user in listed
        if needle in (user.email or "").lower() or needle in user.display_name.lower()
    ]


def create(draft: Draft, *, by: Author, role: int | None = None) -> Actor:
    """Create a user, with a role on the whole site if one is given.

    Raises:
        AlreadyExists: the address is taken.
    """
    email = draft.email or ""
    user = actors.new("user", draft.display_name or email, email=email)
    if draft.password is not None:
        user.password = passwords.seal(draft.password)
    with Transaction() as tx:
        tx.create(Email(*keys.email(email), actor_id=user.id), otherwise=AlreadyExists(email=email))
        if role is not None:
            assignments.add(tx, user, role, SITE)
            user.grants = {assignments.grant(role, SITE)}
        tx.create(user)
        tx.audit("user.create", by=by, on=user.actee_id, details={"data": _said(draft)})
    return user


def update(user: Actor, draft: Draft, *, by: Author) -> dict[str, Any]:
    """Change a user's name or address.

    Raises:
        AlreadyExists: the address is another user's.
    """
    now = clock.micros()
    actions = [Actor.updated_at.set(now)]
    with Transaction() as tx:
        if draft.display_name is not None:
            actions.append(Actor.display_name.set(draft.display_name))
        if draft.email is not None:
            actions.append(Actor.email.set(draft.email))
            _move(tx, user, draft.email)
        tx.update(user, actions, Actor.email == user.email, otherwise=NotFound())
        tx.audit("user.update", by=by, on=user.actee_id, details={"data": _said(draft)})
    user.updated_at = now
    user.display_name = draft.display_name or user.display_name
    user.email = draft.email or user.email
    return to_api(user)


def update_password(user: Actor, body: Mapping[str, Any], *, by: Author) -> None:
    """Change a password, which the one in force must be shown for.

    Raises:
        AuthenticationFailed: the old password is wrong.
    """
    old, new = body.get("old"), body.get("new")
    if not (isinstance(old, str) and isinstance(new, str)):
        raise MissingParameters({"old": old, "new": new})
    if user.password is None or not passwords.matches(old, user.password):
        raise AuthenticationFailed
    passwords.check(new)
    with Transaction() as tx:
        tx.update(
            user,
            [Actor.password.set(passwords.seal(new)), Actor.updated_at.set(clock.micros())],
            Actor.password == user.password,
            otherwise=AuthenticationFailed(),
        )
        tx.audit("user.update", by=by, on=user.actee_id, details={"data": {"password": True}})


def delete(user: Actor, *, by: Author) -> None:
    """Delete a user: sessions end, rights go, the address is free again."""
    with Transaction() as tx:
        tx.update(
            user,
            [Actor.deleted_at.set(clock.micros()), Actor.grants.remove()],
            Actor.deleted_at.does_not_exist(),
            otherwise=NotFound(),
        )
        tx.delete(Email(*keys.email(user.email or "")))
        tx.audit("user.delete", by=by, on=user.actee_id)


def _move(tx: Transaction, user: Actor, email: str) -> None:
    """Take another address, unless it is the same but for case."""
    old, new = keys.email(user.email or ""), keys.email(email)
    if old != new:
        tx.delete(Email(*old))
        tx.create(Email(*new, actor_id=user.id), otherwise=AlreadyExists(email=email))


def _said(draft: Draft) -> dict[str, Any]:
    said = {"email": draft.email, "displayName": draft.display_name}
    return {name: value for name, value in said.items() if value is not None}
