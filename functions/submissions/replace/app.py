"""PUT /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}: send a new version of a submission."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import reception, submissions
from sheaf.submissions.submissions import Client


@endpoint
def handler(request: Request) -> dict[str, Any]:
    lookup = reception.edit_lookup(request.path, request.raw_body, request.charset)
    form, submission, received = request.find(lookup)
    request.auth.require("submission.create", "submission.update", on=form)
    client = Client(request.device_id, request.user_agent)
    changed = submissions.replace(form, found(submission), received, client, by=request.auth)
    return changed.to_api()
