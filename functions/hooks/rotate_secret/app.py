"""POST /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/secret/rotate: give a hook a new secret."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import hooks
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found


@endpoint
def handler(request: Request) -> dict[str, Any]:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.update", on=scope)
    return hooks.rotate(found(hook), request.json, by=request.auth)
