"""DELETE /v1/projects/{projectId}: delete a project."""

from __future__ import annotations

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects


@endpoint
def handler(request: Request) -> None:
    project = request.find(projects.lookup(request.path))
    request.auth.require("project.delete", on=project)
    projects.delete(project, by=request.auth)
