"""POST /v1/projects: create a project."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects


@endpoint
def handler(request: Request) -> dict[str, Any]:
    request.auth.require("project.create")
    return projects.create(projects.Draft.from_api(request.json), by=request.auth)
