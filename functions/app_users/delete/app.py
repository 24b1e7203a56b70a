"""DELETE /v1/projects/{projectId}/app-users/{appUserId}: delete an app user."""

from __future__ import annotations

from sheaf.access import bearers
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import app_users, projects


@endpoint
def handler(request: Request) -> None:
    project = request.find(projects.lookup(request.path))
    request.auth.require("field_key.delete", on=project)
    app_user = request.find(app_users.lookup(project, request.path))
    bearers.delete(app_user, project, by=request.auth)
