"""POST /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/replay: tell a hook of what has happened, whether it was there or not."""

from __future__ import annotations

from sheaf.hooks import hooks, replay
from sheaf.hooks.replay import Asked
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import found


@endpoint
def handler(request: Request) -> Response:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.update", on=scope)
    asked = Asked.replay(request.json, found(hook))
    job = replay.start(found(hook), asked, by=request.auth)
    return Response.json(job, status=202)
