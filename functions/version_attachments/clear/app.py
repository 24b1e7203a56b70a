"""DELETE /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}/versions/{versionId}/attachments/{filename}: empty the slot of a file of a version."""

from __future__ import annotations

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found
from sheaf.submissions import version_attachments, versions


@endpoint
def handler(request: Request) -> None:
    form, submission, version = request.find(versions.lookup(request.path, draft=request.draft))
    request.auth.require("submission.update", on=form)
    name = request.path["filename"]
    version_attachments.clear(form, submission, found(version), name, by=request.auth)
