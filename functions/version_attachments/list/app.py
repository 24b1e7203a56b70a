"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/versions/{versionId}/attachments: list the files that a version names."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import attachments, versions


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    form, _, version = request.find(versions.lookup(request.path, draft=request.draft))
    request.auth.require("submission.read", on=form)
    return attachments.names(found(version))
