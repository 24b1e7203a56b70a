"""GET /v1/projects/{projectId}/forms: list the forms of a project, or those in the trash."""

from __future__ import annotations

from sheaf import fields
from sheaf.forms import forms
from sheaf.forms.forms import Form
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects


@endpoint
def handler(request: Request) -> list[Form]:
    project = request.find(projects.lookup(request.path))
    request.auth.require("form.list", "open_form.list", on=project)
    deleted = fields.flag(request.query, "deleted")
    return forms.list_for(project, request.auth, deleted=deleted)
