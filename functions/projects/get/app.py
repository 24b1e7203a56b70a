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
    from sheaf.data import stored
    from sheaf.data.stored import REVISIONS, Range
    from sheaf.forms import forms
    from sheaf.submissions.records import LIVE

    listed = forms.list_for(project, auth)
    newest = (next(stored.newest(Range(form, [LIVE]), REVISIONS, size=1), []) for form in listed)
    last = max((each.number for batch in newest for each in batch), default=None)
    return projects.describe(project, auth) | {
        "forms": len(listed),
        "lastSubmission": clock.iso(last),
        "appUsers": 0,
        "datasets": 0,
        "lastEntity": None,
    }
