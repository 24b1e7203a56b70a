"""POST /v1/projects/{projectId}/forms/{xmlFormId}/hooks: create a hook."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import hooks
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> dict[str, Any]:
    scope = request.find(hooks.scope_lookup(request.path))
    request.auth.require("hook.create", on=scope)
    return hooks.create(scope, request.json, by=request.auth)
