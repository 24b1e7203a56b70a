"""The session's cookies: what a browser is given at login and loses at logout."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from sheaf.access.sessions import Opened
from sheaf.http.authenticate import CSRF_COOKIE, SESSION_COOKIE

_LONG_AGO = "Thu, 01 Jan 1970 00:00:00 GMT"


def opening(opened: Opened) -> tuple[str, str]:
    """Give the cookies of a new session; scripts may read the CSRF token and not the session."""
    moment = datetime.fromtimestamp(opened.session.expires_at / 1_000_000, UTC)
    # Not %a and %b: they follow the locale.
    until = format_datetime(moment, usegmt=True)
    return _pair(quote(opened.token, safe=""), quote(opened.session.csrf, safe=""), until)


def _pair(session: str, csrf: str, until: str) -> tuple[str, str]:
    """Write both cookies, with their attributes in Express's order."""
    scope = f"Path=/; Expires={until}"
    return (
        f"{SESSION_COOKIE}={session}; {scope}; HttpOnly; Secure; SameSite=Strict",
        f"{CSRF_COOKIE}={csrf}; {scope}; Secure; SameSite=Strict",
    )


CLEARING = _pair("null", "null", _LONG_AGO)
