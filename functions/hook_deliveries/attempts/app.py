"""GET /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/deliveries/{deliveryId}/attempts: tell what was sent and answered, attempt by attempt."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import attempts, history, hooks
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.read", on=scope)
    delivery = request.find(history.lookup(found(hook).id, request.path["deliveryId"]))
    return attempts.in_full(delivery)
