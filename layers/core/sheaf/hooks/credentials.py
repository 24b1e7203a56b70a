"""How a hook shows its receiver who it is: `auth`, and headers of its own.

Answers show null where a secret is. Sent back, null stands for the secret that is held; but not
where the requests would then go to another host, whose owner would learn it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sheaf.hooks import targets
from sheaf.hooks.reading import choice, invalid, members, text
from sheaf.hooks.targets import RefusedError

NONE, BASIC, BEARER, OAUTH2 = "none", "basic", "bearer", "oauth2"
# How an OAuth 2.0 client shows its own secret (RFC 7591's names of the ways).
METHODS = ("client_secret_basic", "client_secret_post")
MOST_HEADERS = 20
LARGEST_HEADERS = 4096
LONGEST_WORD = 2048

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", re.ASCII)
_VALUE = re.compile(r"[!-~](?:[\t -~]*[!-~])?", re.ASCII)
# What is ours to say, and what would change how the request is read.
_OURS = frozenset(
    {
        "accept-encoding", "connection", "date", "expect", "host", "keep-alive", "te", "trailer",
        "transfer-encoding", "upgrade", "user-agent",
    }
)  # fmt: skip
_OURS_BEGIN = ("content-", "webhook-", "proxy-")


@dataclass(frozen=True, slots=True)
class Credentials:
    """`auth` and `headers` as answers show them, and their secrets."""

    auth: Mapping[str, Any]
    headers: Mapping[str, None]
    words: Mapping[str, str]
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Held:
    """What a hook has so far: how it shows it, its secrets, and where these may be sent."""

    auth: Mapping[str, Any]
    words: Mapping[str, str]
    values: Mapping[str, str]
    url: str


def read(body: Mapping[str, Any], url: str, held: Held | None) -> Credentials:
    """Read the members `auth` and `headers` of a hook's JSON; those that it lacks stay.

    Args:
        body: what was sent.
        url: where the hook will send to.
        held: what it has, if it is there already.

    Raises:
        InvalidHook: they are wrong, or a secret is missing.
    """
    held = held or Held({"type": NONE}, {}, {}, url)
    moved = _origin(held.url) != _origin(url)
    if "auth" in body or moved:
        auth, words = _auth(body.get("auth", held.auth), held, moved=moved)
    else:
        auth, words = dict(held.auth), dict(held.words)
    said = body.get("headers", dict.fromkeys(held.values))
    values = _headers({} if said is None else said, held.values, moved=moved)
    if auth["type"] != NONE and "authorization" in map(str.lower, values):
        raise invalid("headers.Authorization", f"is what auth of type {auth['type']} sends")
    return Credentials(auth, dict.fromkeys(values), words, values)


def _origin(url: str) -> str:
    return targets.parse(url).origin


def _auth(said: Any, held: Held, *, moved: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """Read `auth`; give how it is shown, and its secrets."""
    if said is None:
        return {"type": NONE}, {}
    if not isinstance(said, dict):
        raise invalid("auth", "must be an object")
    kind = choice(said.get("type"), "auth.type", _AUTHS)
    public, secret = _AUTHS[kind]
    members(said, "auth", ("type", *public, *secret))
    shown = {name: reads(said.get(name), f"auth.{name}") for name, reads in public.items()}
    before = held.words if held.auth["type"] == kind else {}
    if kind == OAUTH2 and before:
        moved = moved or _origin(held.auth["tokenUrl"]) != _origin(shown["tokenUrl"])
    words: dict[str, str] = {}
    for name, reads in secret.items():
        field = f"auth.{name}"
        words[name] = reads(_or_held(said.get(name), before.get(name), field, moved=moved), field)
    return {"type": kind, **shown, **dict.fromkeys(words)}, words


def _or_held(given: Any, before: str | None, field: str, *, moved: bool) -> Any:
    """Give what was sent, or what is held; None is a secret that is missing."""
    if given is None and before is not None and moved:
        raise invalid(field, "must be given anew: the hook leads to another host now")
    return before if given is None else given


def _headers(said: Any, before: Mapping[str, str], *, moved: bool) -> dict[str, str]:
    if not isinstance(said, dict) or len(said) > MOST_HEADERS:
        raise invalid("headers", f"must be an object of {MOST_HEADERS} headers at most")
    known = {name.lower(): value for name, value in before.items()}
    values: dict[str, str] = {}
    for name, given in said.items():
        field, lower = f"headers.{name}", name.lower()
        if not _TOKEN.fullmatch(name):
            raise invalid(field, "is no name of a header")
        if lower in _OURS or lower.startswith(_OURS_BEGIN):
            raise invalid(field, "must be left to the server")
        if lower in map(str.lower, values):
            raise invalid(field, "is there twice")
        values[name] = _value(_or_held(given, known.get(lower), field, moved=moved), field)
    if sum(len(name) + len(value) for name, value in values.items()) > LARGEST_HEADERS:
        raise invalid("headers", f"must have {LARGEST_HEADERS} characters in all at most")
    return values


def _value(value: Any, field: str) -> str:
    read = text(value, field, LARGEST_HEADERS)
    if not _VALUE.fullmatch(read):
        raise invalid(field, "must be printable ASCII without spaces around it")
    return read


def _username(value: Any, field: str) -> str:
    read = text(value, field, 255)
    if ":" in read:
        raise invalid(field, "must not hold a colon")
    return read


def _password(value: Any, field: str) -> str:
    return text(value, field, 255)


def _token(value: Any, field: str) -> str:
    read = text(value, field, LONGEST_WORD)
    if not _VALUE.fullmatch(read):
        raise invalid(field, "must be printable ASCII without spaces around it")
    return read


def _line(value: Any, field: str) -> str:
    return text(value, field, LONGEST_WORD)


def _optional(value: Any, field: str) -> str | None:
    return None if value is None else text(value, field, LONGEST_WORD)


def _token_url(value: Any, field: str) -> str:
    url = text(value, field, targets.LONGEST)
    try:
        targets.check(url)
    except RefusedError as refused:
        raise invalid(field, str(refused)) from None
    return url


def _method(value: Any, field: str) -> str:
    return METHODS[0] if value is None else choice(value, field, METHODS)


_Readers = Mapping[str, Callable[[Any, str], Any]]
# Of each type the members that are shown, and those that are kept secret.
_AUTHS: Mapping[str, tuple[_Readers, _Readers]] = {
    NONE: ({}, {}),
    BASIC: ({"username": _username}, {"password": _password}),
    BEARER: ({}, {"token": _token}),
    OAUTH2: (
        {
            "tokenUrl": _token_url,
            "clientId": _line,
            "scope": _optional,
            "audience": _optional,
            "method": _method,
        },
        {"clientSecret": _line},
    ),
}
