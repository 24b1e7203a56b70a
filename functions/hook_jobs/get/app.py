"""GET /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/jobs/{jobId}: tell how far a job is."""

from __future__ import annotations

from sheaf.hooks import hooks, jobs
from sheaf.hooks.jobs import HookJob
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found


@endpoint
def handler(request: Request) -> HookJob:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.read", on=scope)
    return request.find(jobs.lookup(found(hook).id, request.path["jobId"]))
