"""GET /v1/projects/{projectId}/forms/{xmlFormId}/exports/{exportId}: wait for a large export, or tell how far it has come."""

from __future__ import annotations

from sheaf.exports import jobs
from sheaf.exports.jobs import Job
from sheaf.http import exports
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import found


@endpoint
def handler(request: Request) -> Response | Job:
    form, job = request.find(jobs.lookup(request.path, draft=request.draft))
    request.auth.require("submission.read", on=form)
    return exports.wait(request, found(job))
