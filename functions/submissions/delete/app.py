"""DELETE /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}: put a submission into the trash."""

from __future__ import annotations

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import location, submissions


@endpoint
def handler(request: Request) -> None:
    form, submission = request.find(location.lookup(request.path))
    request.auth.require("submission.delete", on=form)
    submissions.delete(form, found(submission), by=request.auth)
