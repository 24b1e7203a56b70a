"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions: list submissions, newest first."""

from __future__ import annotations

from sheaf import fields
from sheaf.data import listing
from sheaf.data.listing import Wanted
from sheaf.forms import forms
from sheaf.http import pages
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response


@endpoint
def handler(request: Request) -> Response:
    form = request.find(forms.lookup(request.path, draft=request.draft))
    request.auth.require("submission.list", on=form)
    wanted = Wanted(
        draft=request.draft,
        deleted=fields.flag(request.query, "deleted"),
        after=fields.cursor(request.query, "cursor"),
        offset=fields.count(request.query, "offset") or 0,
        limit=fields.count(request.query, "limit"),
        extended=request.extended,
    )
    return pages.answer(request, listing.page(form, wanted))
