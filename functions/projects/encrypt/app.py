"""POST /v1/projects/{projectId}/key: encrypt a project."""

from __future__ import annotations

from sheaf.forms import activation
from sheaf.forms.activation import Activation
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects


@endpoint
def handler(request: Request) -> None:
    project = request.find(projects.lookup(request.path))
    request.auth.require("project.update", on=project)
    activation.activate(project, Activation.from_api(request.json), by=request.auth)
