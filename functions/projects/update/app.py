"""PATCH /v1/projects/{projectId}: change a project."""

from __future__ import annotations

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects
from sheaf.projects.projects import Project


@endpoint
def handler(request: Request) -> Project:
    project = request.find(projects.lookup(request.path))
    request.auth.require("project.update", on=project)
    return projects.update(project, projects.Draft.from_api(request.json), by=request.auth)
