"""POST /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/restore: take a submission out of the trash."""

from __future__ import annotations

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import location, submissions


@endpoint
def handler(request: Request) -> None:
    form, submission = request.find(location.lookup(request.path, deleted=True))
    request.auth.require("submission.restore", on=form)
    submissions.restore(form, found(submission), by=request.auth)
