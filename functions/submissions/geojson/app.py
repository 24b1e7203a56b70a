"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions.geojson: show a form's submissions on a map."""

from __future__ import annotations

from sheaf import fields
from sheaf.http import maps, streamed
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.odata import geojson


@endpoint
def handler(request: Request) -> Response:
    form, known = request.find(geojson.lookup(request.path))
    request.auth.require("submission.list", on=form)
    limit, only = fields.count(request.query, "limit"), request.query.get("$filter")
    shown = geojson.Map(form, maps.chosen(request))
    return streamed.give(
        request, form, lambda heed: geojson.Features(shown, known, only, limit, heed)
    )
