"""POST /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/attachments/{filename}/uploads: give a link to send a large file to."""

from __future__ import annotations

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import location, uploads
from sheaf.submissions.uploads import Link


@endpoint
def handler(request: Request) -> Link:
    form, submission = request.find(location.lookup(request.path, draft=request.draft))
    request.auth.require("submission.update", "submission.create", on=form)
    name = request.path["filename"]
    return uploads.offer(form, found(submission), name, request.json, by=request.auth)
