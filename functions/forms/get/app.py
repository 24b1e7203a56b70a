"""GET /v1/projects/{projectId}/forms/{xmlFormId}: tell of a form, or give its XML, spreadsheet or OData service document."""

from __future__ import annotations

from typing import Any

from sheaf.forms import views
from sheaf.http import form_views
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response


@endpoint
def handler(request: Request) -> dict[str, Any] | Response:
    path, suffix = request.suffixed("xmlFormId", *form_views.SUFFIXES, ".svc")
    if suffix == ".svc":
        from sheaf.http import feeds  # which only feeds need

        return feeds.service(request, path)
    view = request.find(views.lookup(path))
    request.auth.require(*view.verbs, on=view.form)
    return form_views.answer(request, view, suffix)
