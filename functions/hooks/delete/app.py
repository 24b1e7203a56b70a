"""DELETE /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}: delete a hook."""

from __future__ import annotations

from sheaf.hooks import hooks
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found


@endpoint
def handler(request: Request) -> None:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.delete", on=scope)
    hooks.delete(found(hook), by=request.auth)
