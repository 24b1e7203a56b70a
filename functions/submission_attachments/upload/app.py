"""POST /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/attachments/{filename}: send a file that a submission names."""

from __future__ import annotations

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import attachments, location


@endpoint
def handler(request: Request) -> None:
    form, submission = request.find(location.lookup(request.path, draft=request.draft))
    request.auth.require("submission.update", "submission.create", on=form)
    attachments.upload(
        form,
        found(submission),
        request.path["filename"],
        request.content,
        request.headers.get("content-type"),
        by=request.auth,
    )
