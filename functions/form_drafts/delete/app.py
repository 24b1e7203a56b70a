"""DELETE /v1/projects/{projectId}/forms/{xmlFormId}/draft: delete a draft."""

from __future__ import annotations

from sheaf.forms import drafts, forms
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> None:
    form = request.find(forms.lookup(request.path))
    request.auth.require("form.update", on=form)
    drafts.discard(form, by=request.auth)
