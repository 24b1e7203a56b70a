"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/audits: tell what was done with a submission, newest first."""

from __future__ import annotations

from typing import Any

from sheaf import audits, fields
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import location


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    form, submission = request.find(location.lookup(request.path, draft=request.draft))
    request.auth.require("submission.read", on=form)
    return audits.own(
        found(submission).audits,
        offset=fields.count(request.query, "offset") or 0,
        limit=fields.count(request.query, "limit"),
        extended=request.extended,
    )
