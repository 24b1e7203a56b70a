"""POST /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/ping: send a hook's receiver a test event."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import hooks, trial
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found


@endpoint
def handler(request: Request) -> dict[str, Any]:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.update", on=scope)
    return trial.ping(scope, found(hook), by=request.auth)
