"""The session's cookies: what a browser is given at login and loses at logout."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from sheaf.access.sessions import Opened
from sheaf.http.authenticate import CSRF_COOKIE, SESSION_COOKIE

_ALWAYS = "Path=/; Secure; SameSite=Strict"
_LONG_AGO = "Expires=Thu, 01 Jan 1970 00:00:00 GMT"

CLEARING = (
    f"{SESSION_COOKIE}=null; {_LONG_AGO}; HttpOnly; {_ALWAYS}",
    f"{CSRF_COOKIE}=null; {_LONG_AGO}; {_ALWAYS}",
)


def opening(opened: Opened) -> tuple[str, str]:
    """Give the cookies of a new session; scripts may read the CSRF token and not the session."""
    moment = datetime.fromtimestamp(opened.session.expires_at / 1_000_000, UTC)
    until = f"Expires={moment:%a, %d %b %Y %H:%M:%S} GMT"
    session, csrf = quote(opened.token, safe=""), quote(opened.session.csrf, safe="")
    return (
        f"{SESSION_COOKIE}={session}; {until}; HttpOnly; {_ALWAYS}",
        f"{CSRF_COOKIE}={csrf}; {until}; {_ALWAYS}",
    )
