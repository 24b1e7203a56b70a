"""What a client may say of a hook, and when it makes sense.

A change is judged on the hook that would result, never on the members alone that were sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from sheaf.hooks import events, targets
from sheaf.hooks.targets import RefusedError
from sheaf.problems import InvalidHook

if TYPE_CHECKING:
    from sheaf.hooks.hooks import Hook

NO_AUTH = "none"
BASIC = "basic"
LONGEST_NAME = 255
_MEMBERS = ("name", "url", "active", "events", "auth")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Draft:
    """A hook as it is to be. `username` and `password` are None without basic authentication."""

    name: str
    url: str
    active: bool
    events: tuple[str, ...]
    username: str | None
    password: str | None

    @classmethod
    def from_api(cls, body: Mapping[str, Any]) -> Self:
        """Read the JSON of a new hook: name and url are required.

        Raises:
            InvalidHook: a member is unknown, absent or wrong.
        """
        return cls._read(body, {}, None)

    @classmethod
    def merged(cls, body: Mapping[str, Any], hook: Hook, password: str | None) -> Self:
        """Read the JSON of a change to a hook that has this password.

        Raises:
            InvalidHook: a member is unknown, or the hook would be wrong.
        """
        held = {name: getattr(hook, name) for name in _MEMBERS}
        return cls._read(body, held | {"events": list(hook.events)}, password)

    @classmethod
    def _read(cls, body: Mapping[str, Any], held: Mapping[str, Any], password: str | None) -> Self:
        for name in body:
            if name not in _MEMBERS:
                raise _invalid(name, "is not a member of a hook")
        whole = {"active": True, "events": list(events.DEFAULT), "auth": None, **held, **body}
        # What stands for a secret in answers changes nothing when it is sent back.
        username, word = _auth(whole["auth"], password)
        return cls(
            _text(whole, "name", LONGEST_NAME),
            _url(whole, held),
            _flag(whole, "active"),
            _events(whole["events"]),
            username,
            word,
        )


def _invalid(field: str, reason: str) -> InvalidHook:
    return InvalidHook(field=field, reason=reason)


def _text(whole: Mapping[str, Any], name: str, longest: int, field: str | None = None) -> str:
    value, shown = whole.get(name), field or name
    if value is None:
        raise _invalid(shown, "is missing")
    if not isinstance(value, str):
        raise _invalid(shown, "must be a text")
    if not 0 < len(value) <= longest:
        raise _invalid(shown, f"must have 1 to {longest} characters")
    if _CONTROL.search(value):
        raise _invalid(shown, "must not hold control characters")
    return value


def _url(whole: Mapping[str, Any], held: Mapping[str, Any]) -> str:
    url = _text(whole, "url", targets.LONGEST)
    # One that stays is not resolved anew: a receiver whose name is gone can still be renamed.
    try:
        targets.parse(url) if url == held.get("url") else targets.check(url)
    except RefusedError as refused:
        raise _invalid("url", str(refused)) from None
    return url


def _flag(whole: Mapping[str, Any], name: str) -> bool:
    if not isinstance(whole[name], bool):
        raise _invalid(name, "must be true or false")
    return bool(whole[name])


def _events(value: Any) -> tuple[str, ...]:
    """Read a list of types; each is kept once, in the order in which they happen."""
    if not isinstance(value, list) or not value:
        raise _invalid("events", "must be a list of at least one type of event")
    for each in value:
        if each not in events.TYPES:
            raise _invalid("events", f"must be of {', '.join(events.TYPES)}")
    return tuple(each for each in events.TYPES if each in value)


def _auth(value: Any, password: str | None) -> tuple[str | None, str | None]:
    """Read how we authenticate; without a password, the one that is held stays."""
    if value is None or value == {"type": NO_AUTH}:
        return None, None
    if not isinstance(value, dict) or value.get("type") != BASIC:
        raise _invalid("auth", f"must be of type {NO_AUTH} or {BASIC}")
    if set(value) - {"type", "username", "password"}:
        raise _invalid("auth", "of type basic has a username and a password, and no more")
    username = _text(value, "username", 255, "auth.username")
    if ":" in username:
        raise _invalid("auth.username", "must not hold a colon")
    given = value if value.get("password") is not None else {"password": password}
    return username, _text(given, "password", 255, "auth.password")
