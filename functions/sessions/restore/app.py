"""GET /v1/sessions/restore: tell of the session in use."""

from __future__ import annotations

from sheaf.access.sessions import Session
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found


@endpoint
def handler(request: Request) -> Session:
    return found(request.auth.session)
