"""POST /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/preview: show the request that a hook would be sent."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import hooks, trial
from sheaf.hooks.trial import Wish
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found


@endpoint
def handler(request: Request) -> dict[str, Any]:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.update", on=scope)
    hook, wish = found(hook), Wish.from_api(request.json, request.path)
    about = request.find(wish.lookup())
    return trial.preview(hook, wish, *about, origin=request.origin, by=request.auth)
