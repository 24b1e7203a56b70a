"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}: tell of a submission, or give its XML or GeoJSON."""

from __future__ import annotations

from typing import Any

from sheaf.http import moved
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.submissions import location, submissions


@endpoint
def handler(request: Request) -> dict[str, Any] | Response:
    path, suffix = request.suffixed("instanceId", ".xml", ".geojson")
    form, submission = request.find(location.lookup(path, draft=request.draft, later=True))
    request.auth.require("submission.read", on=form)
    submission = moved.rooted(request, submission, path["instanceId"])
    if suffix == ".xml":
        return Response.xml(submission.xml)
    if suffix:
        from sheaf.http import maps  # which few requests need

        return maps.one(request, form, submission)
    return submissions.describe(submission, extended=request.extended)
