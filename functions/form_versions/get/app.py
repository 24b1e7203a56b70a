"""GET /v1/projects/{projectId}/forms/{xmlFormId}/versions/{version}: tell of a version, or give it."""

from __future__ import annotations

from typing import Any

from sheaf.forms import views
from sheaf.http import form_views
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response


@endpoint
def handler(request: Request) -> dict[str, Any] | Response:
    path, suffix = request.suffixed("version", *form_views.SUFFIXES)
    view = request.find(views.lookup(path))
    request.auth.require(*view.verbs, on=view.form)
    return form_views.answer(request, view, suffix)
