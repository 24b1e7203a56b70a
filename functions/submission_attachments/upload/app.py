"""POST /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/attachments/{filename}: send a file that a submission names."""

from __future__ import annotations

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import attachments, location
from sheaf.submissions.files import File


@endpoint
def handler(request: Request) -> None:
    form, submission = request.find(location.lookup(request.path, draft=request.draft))
    request.auth.require("submission.update", "submission.create", on=form)
    said = request.headers.get("content-type")
    file = File(request.path["filename"], request.content, said)
    attachments.upload(form, found(submission), file, by=request.auth)
