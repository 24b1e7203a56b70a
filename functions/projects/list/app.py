"""GET /v1/projects: list the projects that one may see, with their forms if wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sheaf import fields
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects
from sheaf.projects.projects import Project

if TYPE_CHECKING:
    from sheaf.forms.forms import Form


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    listed = projects.list_for(request.auth)
    shown = [_shown(each, request) for each in listed]
    if fields.flag(request.query, "forms"):
        for project, described in zip(listed, shown, strict=True):
            described["formList"] = _forms(project, request)
    return shown


def _shown(project: Project, request: Request) -> dict[str, Any]:
    if not request.extended:
        return projects.describe(project, request.auth)
    from sheaf.data import overview  # which counts, and few clients ask for it

    return overview.project(project, request.auth)


def _forms(project: Project, request: Request) -> list[Form] | list[dict[str, Any]]:
    from sheaf.forms import forms
    from sheaf.forms.views import View

    listed = forms.list_for(project, request.auth)
    if not request.extended:
        return listed
    from sheaf.data import overview

    return overview.extended([View(form, form.shown) for form in listed])
