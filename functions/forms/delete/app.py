"""DELETE /v1/projects/{projectId}/forms/{xmlFormId}: delete a form."""

from __future__ import annotations

from sheaf.forms import forms, lifecycle
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> None:
    form = request.find(forms.lookup(request.path))
    request.auth.require("form.delete", on=form)
    lifecycle.delete(form, by=request.auth)
