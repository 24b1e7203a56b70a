"""POST /v1/projects/{projectId}/forms/{xmlFormId}/draft: begin a draft, or replace it."""

from __future__ import annotations

from sheaf import fields
from sheaf.forms import drafts
from sheaf.http import form_upload
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> None:
    project, form = request.find(drafts.lookup(request.path))
    request.auth.require("form.update", on=form)
    ignore_warnings = fields.flag(request.query, "ignoreWarnings")
    # Without a body a draft begins as a copy of the current version.
    sent = form_upload.read(request) if form_upload.sent(request) else drafts.copied(form)
    drafts.set(project, form, sent, ignore_warnings=ignore_warnings, by=request.auth)
