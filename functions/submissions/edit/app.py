"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/edit: send to the page where a submission is edited."""

from __future__ import annotations

from sheaf.http.endpoint import endpoint
from sheaf.http.moved import path_of
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import found
from sheaf.submissions import location


@endpoint
def handler(request: Request) -> Response:
    form, submission = request.find(location.lookup(request.path))
    request.auth.require("submission.update", on=form)
    form.require_editing()
    found(submission)
    page = path_of(request).removeprefix("/v1")
    return Response.redirect(f"{request.origin}{page}", status=302)
