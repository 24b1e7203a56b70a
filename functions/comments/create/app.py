"""POST /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/comments: comment on a submission."""

from __future__ import annotations

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import comments, location
from sheaf.submissions.comments import Comment


@endpoint
def handler(request: Request) -> Comment:
    form, submission = request.find(location.lookup(request.path))
    request.auth.require("submission.read", on=form)
    submission, said = found(submission), comments.read(request.json)
    return comments.create(form, submission, said, by=request.auth)
