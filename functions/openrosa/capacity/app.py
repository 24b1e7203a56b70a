"""GET /v1/projects/{projectId}/submission: tell a device what may be sent here."""

from __future__ import annotations

from sheaf.http.endpoint import openrosa
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.projects import projects


@openrosa
def handler(request: Request) -> Response:
    request.find(projects.lookup(request.path))
    return Response(status=204)
