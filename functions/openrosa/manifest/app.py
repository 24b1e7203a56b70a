"""GET /v1/projects/{projectId}/forms/{xmlFormId}/manifest: tell a device which media a form needs."""

from __future__ import annotations

from sheaf.forms import views
from sheaf.http import form_lists
from sheaf.http.endpoint import openrosa
from sheaf.http.request import Request
from sheaf.http.response import Response


@openrosa
def handler(request: Request) -> Response:
    view = request.find(views.lookup(request.path, draft=request.draft))
    request.auth.require(*view.verbs, on=view.form)
    return form_lists.manifest()
