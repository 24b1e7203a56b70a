"""POST /v1/projects/{projectId}/app-users: create an app user."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import app_users, projects


@endpoint
def handler(request: Request) -> dict[str, Any]:
    project = request.find(projects.lookup(request.path))
    request.auth.require("field_key.create", on=project)
    return app_users.create(project, app_users.Draft.from_api(request.json), by=request.auth)
