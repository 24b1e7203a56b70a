"""GET /v1/projects/{projectId}: tell of a project."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects


@endpoint
def handler(request: Request) -> dict[str, Any]:
    project = request.find(projects.lookup(request.path))
    request.auth.require("project.read", on=project)
    return projects.describe(project, request.auth, extended=request.extended)
