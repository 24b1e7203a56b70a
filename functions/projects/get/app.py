"""GET /v1/projects/{projectId}: tell of a project."""

from __future__ import annotations

from typing import Any

from sheaf import clock
from sheaf.access.auth import Auth
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects
from sheaf.projects.projects import Project


@endpoint
def handler(request: Request) -> Project | dict[str, Any]:
    project = request.find(projects.lookup(request.path))
    request.auth.require("project.read", on=project)
    return _extended(project, request.auth) if request.extended else project


def _extended(project: Project, auth: Auth) -> dict[str, Any]:
    """Add what is counted in the project's forms; few clients ask for it."""
    from sheaf.access import bearers
    from sheaf.data import overview
    from sheaf.forms import forms

    listed = forms.list_for(project, auth)
    came = [moment for form in listed if (moment := overview.newest(form)) is not None]
    return projects.describe(project, auth) | {
        "forms": len(listed),
        "lastSubmission": clock.iso(max(came, default=None)),
        "appUsers": bearers.count(project),
        "datasets": 0,
        "lastEntity": None,
    }
