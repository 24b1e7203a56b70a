"""DELETE /v1/sessions/{token}: end a session: one's own, or one that one may end."""

from __future__ import annotations

from sheaf.access import sessions
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> None:
    session, actor = request.find(sessions.lookup_to_end(request.path))
    request.auth.require("session.end", on=actor)
    sessions.delete(session, actor, by=request.auth)
