"""GET /v1/assignments: list who holds which role on the site, a project or a form."""

from __future__ import annotations

from typing import Any

from sheaf.access import assignments
from sheaf.forms import scope
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    actee = request.find(scope.lookup(request.path))
    request.auth.require("assignment.list", on=actee)
    return assignments.on(actee, extended=request.extended)
