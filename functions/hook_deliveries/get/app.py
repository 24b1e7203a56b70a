"""GET /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/deliveries/{deliveryId}: tell of a delivery."""

from __future__ import annotations

from sheaf.hooks import history, hooks
from sheaf.hooks.deliveries import Delivery
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found


@endpoint
def handler(request: Request) -> Delivery:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.read", on=scope)
    return request.find(history.lookup(found(hook).id, request.path["deliveryId"]))
