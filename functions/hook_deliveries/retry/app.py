"""POST /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/deliveries/{deliveryId}/retry: send a delivery again."""

from __future__ import annotations

from sheaf import fields
from sheaf.hooks import history, hooks, retry
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import found


@endpoint
def handler(request: Request) -> Response | None:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.update", on=scope)
    delivery = request.find(history.lookup(found(hook).id, request.path["deliveryId"]))
    force = bool(fields.optional_flag(request.json, "force"))
    renewed = retry.one(found(hook), delivery, force=force, by=request.auth)
    return None if renewed is None else Response.json(renewed, status=202)
