"""POST /api/v2/assets/{uid}/{proxy+}: create a hook."""

from __future__ import annotations

from sheaf.http.kobo import kobo, rest
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.kobo import assets, services
from sheaf.problems import NotFound


@kobo
def handler(request: Request) -> Response:
    form = request.find(assets.lookup(request.path["uid"]))
    if rest(request) != ["hooks"]:
        raise NotFound
    request.auth.require("hook.create", on=form, otherwise=NotFound)
    made = services.create(form, request.members, request.origin, by=request.auth)
    return Response.json(made, status=201)
