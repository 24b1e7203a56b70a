"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}: tell of a submission, or give its XML."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import found
from sheaf.submissions import listing, location


@endpoint
def handler(request: Request) -> dict[str, Any] | Response:
    path, suffix = request.suffixed("instanceId", ".xml")
    form, submission = request.find(location.lookup(path, draft=request.draft))
    request.auth.require("submission.read", on=form)
    if suffix:
        return Response.xml(found(submission).xml)
    return listing.describe([found(submission)], extended=request.extended)[0]
