"""DELETE /v1/assignments/{roleId}/{actorId}: take a role from an actor."""

from __future__ import annotations

from sheaf.access import assignments, roles
from sheaf.forms import scope
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> None:
    actee = request.find(scope.lookup(request.path))
    request.auth.require("assignment.delete", on=actee)
    actor = request.find(assignments.actor_lookup(request.path))
    assignments.delete(actor, roles.get(request.path["roleId"]), actee, by=request.auth)
