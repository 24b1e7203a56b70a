"""GET /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/deliveries/{deliveryId}/attempts/{attempt}/body: give the body that was sent."""

from __future__ import annotations

from sheaf.hooks import history, hooks
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import found


@endpoint
def handler(request: Request) -> Response:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.read", on=scope)
    delivery = request.find(history.lookup(found(hook).id, request.path["deliveryId"]))
    sent = history.body(delivery, request.path["attempt"])
    return Response(sent.data, sent.content_type)
