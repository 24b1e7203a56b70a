"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/versions: list the versions of a submission, newest first."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import location, versions


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    form, submission = request.find(location.lookup(request.path, draft=request.draft))
    request.auth.require("submission.read", on=form)
    listed = versions.newest(found(submission))
    return versions.describe(listed, extended=request.extended)
