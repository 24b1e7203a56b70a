"""GET /v1/projects: list the projects that one may see, with their forms if wanted."""

from __future__ import annotations

from typing import Any

from sheaf import fields
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    listed = projects.list_for(request.auth)
    shown = [projects.describe(each, request.auth) for each in listed]
    if fields.flag(request.query, "forms"):
        from sheaf.forms import forms

        for project, described in zip(listed, shown, strict=True):
            described["formList"] = forms.list_for(project, request.auth)
    return shown
