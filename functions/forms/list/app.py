"""GET /v1/projects/{projectId}/forms: list the forms of a project, or those in the trash."""

from __future__ import annotations

from typing import Any

from sheaf import fields
from sheaf.forms import forms
from sheaf.forms.forms import Form
from sheaf.forms.views import View
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects


@endpoint
def handler(request: Request) -> list[Form] | list[dict[str, Any]]:
    project = request.find(projects.lookup(request.path))
    request.auth.require("form.list", "open_form.list", on=project)
    deleted = fields.flag(request.query, "deleted")
    listed = forms.list_for(project, request.auth, deleted=deleted)
    if not request.extended:
        return listed
    from sheaf.data import overview  # which counts, and few clients ask for it

    return overview.extended([View(form, form.shown) for form in listed])
