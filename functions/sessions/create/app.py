"""POST /v1/sessions: log in with an e-mail address and a password."""

from __future__ import annotations

from sheaf.access import sessions, users
from sheaf.access.auth import Auth
from sheaf.http import cookies
from sheaf.http.endpoint import anonymous
from sheaf.http.request import Request
from sheaf.http.response import Response


@anonymous
def handler(request: Request) -> Response:
    user = users.login(request.json)
    by = Auth(user, notes=request.notes)
    opened = sessions.create(user, request.headers.get("user-agent"), by=by)
    return Response.json(opened, cookies=cookies.opening(opened))
