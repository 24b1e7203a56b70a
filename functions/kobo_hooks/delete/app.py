"""DELETE /api/v2/assets/{uid}/hooks/{proxy+}: delete a hook."""

from __future__ import annotations

from sheaf.hooks import hooks
from sheaf.http.kobo import kobo, rest
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.kobo import assets, services
from sheaf.problems import NotFound


@kobo
def handler(request: Request) -> Response:
    form = request.find(assets.lookup(request.path["uid"]))
    request.auth.require("hook.delete", on=form, otherwise=NotFound)
    hook_id, *more = rest(request) or [""]
    if more:
        raise NotFound
    hooks.delete(request.find(services.lookup(form, hook_id)), by=request.auth)
    return Response(status=204)
