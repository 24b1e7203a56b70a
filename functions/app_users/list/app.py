"""GET /v1/projects/{projectId}/app-users: list the app users of a project."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import app_users, projects


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    project = request.find(projects.lookup(request.path))
    request.auth.require("field_key.list", on=project)
    return app_users.list_for(project, extended=request.extended)
