"""PATCH /api/v2/assets/{uid}/data/{proxy+}: set the validation status of submissions."""

from __future__ import annotations

from typing import Any

from sheaf.http.kobo import kobo, rest
from sheaf.http.request import Request
from sheaf.kobo import assets, statuses
from sheaf.problems import NotFound


@kobo
def handler(request: Request) -> dict[str, Any]:
    form = request.find(assets.lookup(request.path["uid"]))
    request.auth.require("submission.update", on=form, otherwise=NotFound)
    match rest(request):
        case [statuses.OF_MANY]:
            many = statuses.payload(request.json)
            review = statuses.read({**many, **request.json})
            return statuses.put_all(form, many, review, by=request.auth)
        case [data_id, statuses.OF_ONE]:
            submission = statuses.find(form, data_id)
            review = statuses.read(request.members)
            return statuses.put(form, submission, review, by=request.auth)
    raise NotFound
