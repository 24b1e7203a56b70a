"""GET /v1/projects/{projectId}/forms/{xmlFormId}/hooks: list the hooks of a form, or of a project."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import hooks
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    scope = request.find(hooks.scope_lookup(request.path))
    request.auth.require("hook.list", on=scope)
    return hooks.list_for(scope)
