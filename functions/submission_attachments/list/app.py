"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/attachments: list the files that a submission names."""

from __future__ import annotations

from typing import Any

from sheaf.http import moved
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.submissions import attachments, location


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    form, submission = request.find(location.lookup(request.path, draft=request.draft, later=True))
    request.auth.require("submission.read", on=form)
    submission = moved.rooted(request, submission, request.path["instanceId"])
    return attachments.names(submission)
