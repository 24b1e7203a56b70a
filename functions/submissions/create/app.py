"""POST /v1/projects/{projectId}/forms/{xmlFormId}/submissions: create a submission from its XML."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.submissions import reception, submissions
from sheaf.submissions.reception import Sent
from sheaf.submissions.submissions import Client


@endpoint
def handler(request: Request) -> dict[str, Any]:
    sent = Sent(request.content, request.charset, request.headers.get("content-type", ""))
    form, received = request.find(reception.lookup(request.path, sent, draft=request.draft))
    request.auth.require("submission.create", on=form)
    reception.check_form(request.path, received.instance)
    reception.check(received)
    client = Client(request.device_id, request.user_agent)
    return submissions.create(form, received, client, by=request.auth).created_to_api()
