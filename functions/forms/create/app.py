"""POST /v1/projects/{projectId}/forms: create a form from XML or a spreadsheet."""

from __future__ import annotations

from urllib.parse import unquote

from sheaf import fields
from sheaf.forms import forms, upload
from sheaf.forms.forms import Form
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects


@endpoint
def handler(request: Request) -> Form:
    project = request.find(projects.lookup(request.path))
    request.auth.require("form.create", on=project)
    sent = upload.read(
        request.raw_body,
        request.headers.get("content-type", ""),
        fallback_id=unquote(request.headers.get("x-xlsform-formid-fallback", "")) or "form",
        ignore_warnings=fields.flag(request.query, "ignoreWarnings"),
    )
    return forms.create(project, sent, by=request.auth)
