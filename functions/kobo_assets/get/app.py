"""GET /api/v2/assets/{uid}/{proxy+}: tell of a form, its deployment, hooks or submissions."""

from __future__ import annotations

from typing import Any

from sheaf.http.kobo import kobo, rest
from sheaf.http.request import Request
from sheaf.kobo import assets, listing, services
from sheaf.problems import NotFound


@kobo
def handler(request: Request) -> dict[str, Any]:
    form = request.find(assets.lookup(request.path["uid"]))
    request.auth.require("submission.list", on=form, otherwise=NotFound)
    match rest(request):
        case []:
            return assets.shown(form, request.origin)
        case ["deployment"]:
            return assets.deployment(form, request.origin)
        case ["data"]:
            return listing.page(form, request.query, request.origin)
        case ["hooks"]:
            request.auth.require("hook.list", on=form, otherwise=NotFound)
            return services.page(form, request.query, request.origin)
    raise NotFound
