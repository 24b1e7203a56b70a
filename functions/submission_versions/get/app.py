"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/versions/{versionId}: tell of a version of a submission, or give its XML or GeoJSON."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import found
from sheaf.submissions import versions


@endpoint
def handler(request: Request) -> dict[str, Any] | Response:
    path, suffix = request.suffixed("versionId", ".xml", ".geojson")
    form, _, version = request.find(versions.lookup(path, draft=request.draft))
    request.auth.require("submission.read", on=form)
    if suffix == ".xml":
        return Response.xml(found(version).xml)
    if suffix:
        from sheaf.http import maps  # which few requests need

        return maps.one(request, form, found(version))
    return versions.describe([found(version)], extended=request.extended)[0]
