"""GET /api/v2/assets/{uid}/{proxy+}: list the hooks of a form."""

from __future__ import annotations

from typing import Any

from sheaf.http.kobo import kobo, rest
from sheaf.http.request import Request
from sheaf.kobo import assets, services
from sheaf.problems import NotFound


@kobo
def handler(request: Request) -> dict[str, Any]:
    form = request.find(assets.lookup(request.path["uid"]))
    request.auth.require("hook.list", on=form, otherwise=NotFound)
    match rest(request):
        case ["hooks"]:
            return services.page(form, request.query, request.origin)
        case []:
            return assets.shown(form, request.origin)
    raise NotFound
