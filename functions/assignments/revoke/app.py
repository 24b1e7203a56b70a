"""DELETE /v1/assignments/{roleId}/{actorId}: take a role from an actor."""

from __future__ import annotations

from sheaf.access import assignments, roles
from sheaf.forms import scope
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> None:
    actee = request.find(scope.lookup(request.path))
    role = roles.get(request.path["roleId"])
    actor = request.find(assignments.actor_lookup(request.path))
    request.auth.require("assignment.delete", on=actee)
    assignments.delete(actor, role, actee, by=request.auth)
