"""POST /v1/projects/{projectId}/forms/{xmlFormId}/submissions: create a submission from its XML."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.submissions import reception, submissions
from sheaf.submissions.submissions import Client


@endpoint
def handler(request: Request) -> dict[str, Any]:
    lookup = reception.lookup(request.path, request.raw_body, request.charset)
    form, received = request.find(lookup)
    request.auth.require("submission.create", on=form)
    reception.check_form(request.path, received.instance)
    client = Client(request.device_id, request.user_agent)
    return submissions.create(form, received, client, by=request.auth)
