"""POST /v1/projects/{projectId}/forms: create a form from XML or a spreadsheet."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from sheaf import fields
from sheaf.forms import publication, upload
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects


@endpoint
def handler(request: Request) -> dict[str, Any]:
    project = request.find(projects.lookup(request.path))
    request.auth.require("form.create", on=project)
    fallback_id = unquote(request.headers.get("x-xlsform-formid-fallback", "")) or "form"
    kind = request.headers.get("content-type", "")
    sent = upload.read(request.content, kind, fallback_id=fallback_id)
    return publication.create(
        project,
        sent,
        publish=fields.flag(request.query, "publish"),
        ignore_warnings=fields.flag(request.query, "ignoreWarnings"),
        by=request.auth,
    )
