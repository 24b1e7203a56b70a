"""Who asks: the credentials of a request, in Central's order.

A draft's token in the path (`/v1/test/{token}/…`) stands alone. Else one in the path
(`/v1/key/{token}/…`) or in `?st=` comes first, then a Bearer token (on KoBoToolbox's routes also
called `Token`), then Basic, then the session cookie. Whatever is wrong with the first that is
present is an answer; the next is not tried.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from sheaf.access import passwords, sessions, users
from sheaf.access.actors import APP_USER, PUBLIC_LINK, Actor
from sheaf.access.sessions import Session
from sheaf.db.reads import Lookup
from sheaf.problems import (
    AuthenticationFailed,
    DraftTestLinkGone,
    Forbidden,
    HttpsOnly,
    MultipartUnparsable,
    NotFound,
    Problem,
    found,
)

if TYPE_CHECKING:
    from sheaf.http.request import Request


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks; `tests` is the acteeId of the form whose draft one may test, being nobody else."""

    session: Session | None = None
    actor: Actor | None = None
    tests: str | None = None


SESSION_COOKIE = "__Host-session"
CSRF_COOKIE = "__csrf"

_TOKEN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!$")
_TOKEN_LENGTH = 64
# Actors whose tokens may stand in a path: a web user's session must not end up in links and logs.
_KEY_TYPES = frozenset({APP_USER, PUBLIC_LINK})

# Basic sends the password with every request, and verifying one costs 100 ms on purpose. That a
# password fits a hash is remembered for a while, under a key that only this process has. A changed
# password has another hash, which is read anew each time, so what is remembered never outlives it.
_KNOWN_FOR = 300.0
_KNOWN_AT_MOST = 1000
_known: dict[bytes, float] = {}
_pepper = secrets.token_bytes(32)


def lookup(request: Request) -> Lookup[Identity]:
    """Find who asks.

    Raises:
        AuthenticationFailed: no credentials, or wrong ones.
        Forbidden: a well-formed token in the path that is unknown or a web user's.
        HttpsOnly: Basic or a cookie over plain HTTP.
    """
    if request.route.partition(" ")[2].startswith("/v1/test/{token}/"):
        return (yield from _by_draft_token(request))
    by_path = "/key/{token}/" in request.route
    key = request.path["token"] if by_path else request.query.get("st")
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if key is not None:
        return (yield from _by_key(key))
    if scheme.lower() == "bearer" or (scheme.lower() == "token" and "/api/v2/" in request.route):
        return Identity(*(yield from sessions.lookup(credentials)))
    if scheme.lower() == "basic":
        return (yield from _by_basic(request, credentials))
    if not scheme and (token := request.cookies.get(SESSION_COOKIE)):
        return (yield from _by_cookie(request, unquote(token)))
    raise AuthenticationFailed


def _by_key(token: str) -> Lookup[Identity]:
    if len(token) != _TOKEN_LENGTH or not _TOKEN.issuperset(token):
        raise AuthenticationFailed
    try:
        session, actor = yield from sessions.lookup(token)
    except AuthenticationFailed:
        # Collect asks for a password on 401 and has none to give: Central says 403 here.
        raise Forbidden from None
    if actor.type not in _KEY_TYPES:
        raise Forbidden
    return Identity(session, actor)


def _by_draft_token(request: Request) -> Lookup[Identity]:
    """Compare the token with that of the draft that the path names; other credentials count not."""
    from sheaf.forms import forms  # which few requests need here

    project, form = yield forms.refs(request.path)
    try:
        form = forms.live(project, form, draft=True)
    except NotFound:
        raise _no_draft(request) from None
    if not hmac.compare_digest(found(form.draft).token.encode(), request.path["token"].encode()):
        raise _no_draft(request)
    return Identity(tests=form.actee_id)


def _no_draft(request: Request) -> Problem:
    """Devices that ask for their forms are told what may have happened."""
    return DraftTestLinkGone() if request.route.endswith("/formList") else NotFound()


def _by_basic(request: Request, credentials: str) -> Lookup[Identity]:
    _require_https(request)
    padding = "=" * (-len(credentials) % 4)
    try:
        email, _, password = b64decode(credentials + padding).decode().partition(":")
    except ValueError:
        raise AuthenticationFailed from None
    if not (email and password):
        raise AuthenticationFailed
    actor = yield from users.by_email(email)
    if not _verified(actor.password if actor else None, password):
        raise AuthenticationFailed
    return Identity(actor=actor)


def _verified(sealed: str | None, password: str) -> bool:
    proof = hmac.digest(_pepper, f"{sealed}\0{password}".encode(), hashlib.sha256)
    now = time.monotonic()
    if _known.get(proof, 0.0) > now:
        return True
    if not passwords.matches(password, sealed):
        return False
    if len(_known) >= _KNOWN_AT_MOST:
        _known.clear()
    _known[proof] = now + _KNOWN_FOR
    return True


def _by_cookie(request: Request, token: str) -> Lookup[Identity]:
    _require_https(request)
    session, actor = yield from sessions.lookup(token)
    # Central checks POST alone: browsers send other methods cross-site only after asking.
    if request.method == "POST" and not _csrf_proven(request, session):
        raise AuthenticationFailed
    return Identity(session, actor)


def _csrf_proven(request: Request, session: Session) -> bool:
    """A header that only scripts of our own origin can send, or the token in the body."""
    if request.headers.get("x-requested-with") == "XMLHttpRequest":
        return True
    given = _csrf_given(request)
    return isinstance(given, str) and hmac.compare_digest(
        unquote(given).encode(), session.csrf.encode()
    )


def _csrf_given(request: Request) -> Any:
    kind = request.content_type
    if kind == "application/x-www-form-urlencoded":
        return dict(parse_qsl(request.raw_body.decode(errors="replace"))).get(CSRF_COOKIE)
    if kind == "multipart/form-data":
        return _text_field(request)
    return request.json.get(CSRF_COOKIE) if "json" in kind else None


def _text_field(request: Request) -> str | None:
    try:
        parts = request.parts
    except MultipartUnparsable:
        return None
    fields = (part.data for part in parts if part.name == CSRF_COOKIE and not part.file)
    return next((data.decode(errors="replace") for data in fields), None)


def _require_https(request: Request) -> None:
    if request.headers.get("x-forwarded-proto") != "https":
        raise HttpsOnly
