"""DELETE /v1/sessions/current: log out."""

from __future__ import annotations

from sheaf.access import sessions
from sheaf.http import cookies
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response


@endpoint
def handler(request: Request) -> Response:
    sessions.delete_current(request.auth)
    return Response.json({"success": True}, cookies=cookies.CLEARING)
