"""GET /v1/projects/{projectId}/forms/{xmlFormId}/versions: list published versions, newest first."""

from __future__ import annotations

from typing import Any

from sheaf.forms import views
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    view = request.find(views.lookup(request.path))
    request.auth.require(*view.verbs, on=view.form)
    if not request.extended:
        return [each.to_api() for each in views.versions(view.form)]
    from sheaf.data import overview  # which few clients ask for

    return overview.versions(view.form)
