"""GET /api/v2/assets/{uid}/data/{proxy+}: list submissions, or tell of one, its file or status."""

from __future__ import annotations

from typing import Any

from sheaf.http import files
from sheaf.http.kobo import kobo, rest
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.kobo import assets, listing, statuses
from sheaf.problems import NotFound


@kobo
def handler(request: Request) -> dict[str, Any] | Response:
    form = request.find(assets.lookup(request.path["uid"]))
    request.auth.require("submission.list", on=form, otherwise=NotFound)
    parts = rest(request)
    if not parts:
        return listing.page(form, request.query, request.origin)
    request.auth.require("submission.read", on=form, otherwise=NotFound)
    submission = statuses.find(form, parts[0])
    match parts[1:]:
        case []:
            return listing.get(form, submission, request.query, request.origin)
        case [statuses.OF_ONE]:
            return statuses.get(submission)
        case ["attachments", number]:
            return files.download(request, *listing.file(submission, number))
    raise NotFound
