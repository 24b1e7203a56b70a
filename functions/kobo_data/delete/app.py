"""DELETE /api/v2/assets/{uid}/data/{proxy+}: delete a submission, or take their status from submissions."""

from __future__ import annotations

from typing import Any

from sheaf.http.kobo import kobo, rest
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.kobo import assets, statuses
from sheaf.problems import NotFound
from sheaf.submissions import submissions


@kobo
def handler(request: Request) -> dict[str, Any] | Response:
    form = request.find(assets.lookup(request.path["uid"]))
    parts = rest(request)
    verb = "submission.delete" if len(parts) == 1 else "submission.update"
    request.auth.require(verb, on=form, otherwise=NotFound)
    match parts:
        case [statuses.OF_MANY]:
            many = statuses.payload(request.json)
            return statuses.put_all(form, many, statuses.CLEARED, by=request.auth)
        case [data_id, statuses.OF_ONE]:
            submission = statuses.find(form, data_id)
            statuses.put(form, submission, statuses.CLEARED, by=request.auth)
            return Response(status=204)
        case [data_id]:
            submissions.delete(form, statuses.find(form, data_id), by=request.auth)
            return Response(status=204)
    raise NotFound
