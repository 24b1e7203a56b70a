"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/versions/{versionId}/attachments/{filename}: give a file of a version."""

from __future__ import annotations

from sheaf.http import files
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import found
from sheaf.submissions import attachments, versions


@endpoint
def handler(request: Request) -> Response:
    form, _, version = request.find(versions.lookup(request.path, draft=request.draft))
    request.auth.require("submission.read", on=form)
    return files.download(request, *attachments.get(found(version), request.path["filename"]))
