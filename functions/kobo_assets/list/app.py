"""GET /api/v2/{proxy+}: list the forms whose submissions one may see, or tell of one."""

from __future__ import annotations

from typing import Any

from sheaf.http import unrouted
from sheaf.http.kobo import kobo, rest
from sheaf.http.request import Request
from sheaf.kobo import assets
from sheaf.problems import NotFound


@kobo
def listed(request: Request) -> dict[str, Any]:
    """Answer what is spelt as it should be."""
    request.authenticate()
    match rest(request):
        case ["assets"]:
            return assets.page(request.auth, request.query, request.origin)
        case ["assets", uid]:
            form = request.find(assets.lookup(uid))
            request.auth.require("submission.list", on=form, otherwise=NotFound)
            return assets.shown(form, request.origin)
    raise NotFound


handler = unrouted.behind(listed, lambda request: not unrouted.is_doubled(request))
