"""POST /v1/projects/{projectId}/forms/{xmlFormId}/draft/publish: make the draft the version."""

from __future__ import annotations

from sheaf.forms import drafts, forms
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> None:
    form = request.find(forms.lookup(request.path, draft=True))
    request.auth.require("form.update", on=form)
    drafts.publish(form, request.query.get("version") or None, by=request.auth)
