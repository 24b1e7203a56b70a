"""GET /v1/projects/{projectId}/forms: list the forms of a project."""

from __future__ import annotations

from sheaf.forms import forms
from sheaf.forms.forms import Form
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects


@endpoint
def handler(request: Request) -> list[Form]:
    project = request.find(projects.lookup(request.path))
    request.auth.require("form.list", "open_form.list", on=project)
    return forms.list_for(project, request.auth)
