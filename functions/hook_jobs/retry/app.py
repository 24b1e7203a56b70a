"""POST /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/retry: send many deliveries again."""

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
    job = replay.start(found(hook), Asked.retry(request.json), by=request.auth)
    return Response.json(job, status=202)
