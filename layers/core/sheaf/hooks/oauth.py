"""Tokens by OAuth 2.0's client credentials (RFC 6749, 4.4), for receivers that ask for one.

A token is kept in this process until shortly before it expires, and forgotten when a receiver
takes it no more. The token's server is reached through the same door as receivers, so the same
rules hold for where it may be.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.parse import quote_plus, urlencode

from sheaf import clock
from sheaf.hooks import connect
from sheaf.hooks.connect import Answer, UnreachableError
from sheaf.hooks.credentials import METHODS
from sheaf.hooks.records import Hook

# Of the time of an attempt, the part that getting a token may take.
SHARE = 0.5
# Seconds that a token is used when its server does not say; and that it must still last.
_UNSAID, _MARGIN = 300, 30
_LONGEST = 8192
# By hook, and by its revision: with a changed hook everything may be another.
_held: dict[tuple[str, int], tuple[str, int]] = {}


def token(hook: Hook, secret: str, seconds: float) -> str:
    """Give a token for a hook's receiver; asking for one may take a part of so many seconds.

    Raises:
        UnreachableError: the token's server did not give one ("oauth"), or did not answer.
        RefusedError: it may not be reached.
    """
    known, until = _held.get((hook.id, hook.revision), ("", 0))
    if clock.micros() < until:
        return known
    answer = _ask(hook.auth, secret, seconds * SHARE)
    given, lasts = _read(answer)
    if lasts > _MARGIN:
        until = clock.micros() + (lasts - _MARGIN) * 1_000_000
        _held[hook.id, hook.revision] = given, until
    return given


def forget(hook: Hook) -> None:
    """Forget the token of a hook: its receiver took it no more."""
    _held.pop((hook.id, hook.revision), None)


def _ask(auth: dict[str, Any], secret: str, seconds: float) -> Answer:
    form = {"grant_type": "client_credentials"}
    form |= {name: auth[name] for name in ("scope", "audience") if auth[name] is not None}
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "accept": "application/json",
    }
    if auth["method"] == METHODS[0]:
        # Each part form-encoded first (RFC 6749, 2.3.1).
        pair = f"{quote_plus(auth['clientId'])}:{quote_plus(secret)}".encode()
        headers["authorization"] = f"Basic {b64encode(pair).decode()}"
    else:
        form |= {"client_id": auth["clientId"], "client_secret": secret}
    return connect.post(auth["tokenUrl"], headers, urlencode(form).encode(), seconds=seconds)


def _read(answer: Answer) -> tuple[str, int]:
    """Read a token and the seconds that it lasts."""
    if answer.status != 200:
        raise UnreachableError("oauth", f"The token's server answered {answer.status}.")
    try:
        told = json.loads(answer.body)
        given, lasts = told["access_token"], int(told.get("expires_in", _UNSAID))
        usable = given.isascii() and given.isprintable() and 0 < len(given) <= _LONGEST
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        usable = False
    if not usable:
        raise UnreachableError("oauth", "The token's server did not give a token.")
    return given, lasts
