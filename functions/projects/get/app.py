"""GET /v1/projects/{projectId}: tell of a project."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects
from sheaf.projects.projects import Project


@endpoint
def handler(request: Request) -> Project | dict[str, Any]:
    project = request.find(projects.lookup(request.path))
    request.auth.require("project.read", on=project)
    if not request.extended:
        return project
    from sheaf.data import overview  # which counts, and few clients ask for it

    return overview.project(project, request.auth)
