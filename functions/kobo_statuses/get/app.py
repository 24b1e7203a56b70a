"""GET /api/v2/assets/{uid}/data/{proxy+}: give the validation status of a submission."""

from __future__ import annotations

from typing import Any

from sheaf.http.kobo import kobo, rest
from sheaf.http.request import Request
from sheaf.kobo import assets, statuses
from sheaf.problems import NotFound


@kobo
def handler(request: Request) -> dict[str, Any]:
    form = request.find(assets.lookup(request.path["uid"]))
    request.auth.require("submission.read", on=form, otherwise=NotFound)
    match rest(request):
        case [data_id, statuses.OF_ONE]:
            return statuses.get(statuses.find(form, data_id))
    raise NotFound
