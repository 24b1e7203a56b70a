"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/attachments/{filename}: give a file."""

from __future__ import annotations

from sheaf.http import files, moved
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.submissions import attachments, location


@endpoint
def handler(request: Request) -> Response:
    form, submission = request.find(location.lookup(request.path, draft=request.draft, later=True))
    request.auth.require("submission.read", on=form)
    submission = moved.rooted(request, submission, request.path["instanceId"])
    return files.download(request, *attachments.get(submission, request.path["filename"]))
