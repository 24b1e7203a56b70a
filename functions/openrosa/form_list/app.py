"""GET /v1/projects/{projectId}/formList: tell a device which forms it may fill."""

from __future__ import annotations

from sheaf.forms import views
from sheaf.http import form_lists
from sheaf.http.endpoint import openrosa
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.projects import projects


@openrosa
def handler(request: Request) -> Response:
    if request.draft:
        view = request.find(views.lookup(request.path, draft=True))
        request.auth.require(*view.verbs, on=view.form)
        return form_lists.form_list(request, [view])
    # Whoever may fill none gets a list of none: a device would ask again for credentials.
    project = request.find(projects.lookup(request.path))
    listed = views.to_fill(project, request.auth, request.query.get("formID"))
    return form_lists.form_list(request, listed)
