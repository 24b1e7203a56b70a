"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/diffs: tell what each version of a submission changed."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import history


@endpoint
def handler(request: Request) -> dict[str, list[dict[str, Any]]]:
    form, submission, fields = request.find(history.lookup(request.path, draft=request.draft))
    request.auth.require("submission.read", on=form)
    return history.diffs(found(submission), fields)
