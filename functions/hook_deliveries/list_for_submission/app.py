"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/deliveries: list what hooks were sent of a submission."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import history
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import location


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    form, submission = request.find(location.lookup(request.path))
    request.auth.require("hook.read", on=form)
    return history.of_submission(found(submission).id)
