"""GET /v1/assignments/{roleId}: list the actors that hold a role."""

from __future__ import annotations

from sheaf.access import assignments, roles
from sheaf.access.actors import Actor
from sheaf.forms import scope
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> list[Actor]:
    actee = request.find(scope.lookup(request.path))
    role = roles.get(request.path["roleId"])
    request.auth.require("assignment.list", on=actee)
    return assignments.holders(role, actee)
