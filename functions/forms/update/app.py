"""PATCH /v1/projects/{projectId}/forms/{xmlFormId}: change a form's state."""

from __future__ import annotations

from sheaf.forms import forms, lifecycle
from sheaf.forms.forms import Form
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> Form:
    form = request.find(forms.lookup(request.path))
    request.auth.require("form.update", on=form)
    return lifecycle.update(form, lifecycle.Change.from_api(request.json), by=request.auth)
