"""DELETE /v1/sessions/{token}: end a session: one's own, or one that one may end."""

from __future__ import annotations

from sheaf.access import sessions
from sheaf.http import cookies
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import Forbidden


@endpoint
def handler(request: Request) -> Response:
    session, actor = request.find(sessions.lookup_to_end(request.path))
    request.auth.require("session.end", on=actor)
    sessions.delete(session, actor, by=request.auth, otherwise=Forbidden())
    own = request.auth.session is not None and request.auth.session.pk == session.pk
    return Response.json({"success": True}, cookies=cookies.CLEARING if own else ())
