"""PUT /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}: send a new version of a submission."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import reception, submissions
from sheaf.submissions.reception import Sent
from sheaf.submissions.submissions import Client


@endpoint
def handler(request: Request) -> dict[str, Any]:
    sent = Sent(request.content, request.charset, request.headers.get("content-type", ""))
    found_for = reception.edit_lookup(request.path, sent, draft=request.draft)
    form, submission, received = request.find(found_for)
    request.auth.require("submission.create", on=form)
    submission = found(submission)
    reception.check(received)
    client = Client(request.device_id, request.user_agent)
    return submissions.replace(form, submission, received, client, by=request.auth).to_api()
