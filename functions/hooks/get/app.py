"""GET /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}: tell of a hook."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import hooks
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found


@endpoint
def handler(request: Request) -> dict[str, Any]:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.read", on=scope)
    return hooks.describe([found(hook)])[0]
