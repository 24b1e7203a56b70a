"""GET /v1/projects/{projectId}/forms/{xmlFormId}/draft: tell of a draft, or give it."""

from __future__ import annotations

from typing import Any

from sheaf.forms import views
from sheaf.http import form_views
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response


@endpoint
def handler(request: Request) -> dict[str, Any] | Response:
    # A literal in the route: `draft`, `draft.xml`, `draft.xlsx` or `draft.xls`.
    _, _, suffix = request.route.rpartition("/draft")
    view = request.find(views.lookup(request.path, draft=True))
    request.auth.require(*view.verbs, on=view.form)
    return form_views.answer(request, view, suffix)
