"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/comments: list the comments on a submission, newest first."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import comments, location


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    form, submission = request.find(location.lookup(request.path))
    request.auth.require("submission.read", on=form)
    return comments.page(found(submission), extended=request.extended)
