"""POST /v1/projects/{projectId}/forms: create a form from XML or a spreadsheet."""

from __future__ import annotations

from typing import Any

from sheaf import fields
from sheaf.forms import publication
from sheaf.http import form_upload
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects


@endpoint
def handler(request: Request) -> dict[str, Any]:
    project = request.find(projects.lookup(request.path))
    request.auth.require("form.create", on=project)
    return publication.create(
        project,
        form_upload.read(request),
        publish=fields.flag(request.query, "publish"),
        ignore_warnings=fields.flag(request.query, "ignoreWarnings"),
        by=request.auth,
    )
