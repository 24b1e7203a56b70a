"""POST /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/enable: let a hook go on, and what it was not sent meanwhile go."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import holding, hooks
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found


@endpoint
def handler(request: Request) -> dict[str, Any]:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.update", on=scope)
    return holding.enable(found(hook), by=request.auth)
