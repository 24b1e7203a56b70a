"""DELETE /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/attachments/{filename}: empty a file's slot."""

from __future__ import annotations

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import attachments, location


@endpoint
def handler(request: Request) -> None:
    form, submission = request.find(location.lookup(request.path, draft=request.draft))
    request.auth.require("submission.update", on=form)
    attachments.clear(form, found(submission), request.path["filename"], by=request.auth)
