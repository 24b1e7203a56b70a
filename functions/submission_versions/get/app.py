"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/versions/{versionId}: tell of a version of a submission, or give its XML."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import found
from sheaf.submissions import versions


@endpoint
def handler(request: Request) -> dict[str, Any] | Response:
    path, suffix = request.suffixed("versionId", ".xml")
    form, _, version = request.find(versions.lookup(path, draft=request.draft))
    request.auth.require("submission.read", on=form)
    if suffix:
        return Response.xml(found(version).xml)
    return versions.describe([found(version)], extended=request.extended)[0]
