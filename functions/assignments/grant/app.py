"""POST /v1/assignments/{roleId}/{actorId}: give a role to an actor."""

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
    request.auth.require("assignment.create", on=actee)
    assignments.create(actor, role, actee, by=request.auth)
