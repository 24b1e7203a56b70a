"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions: list submissions, newest first."""

from __future__ import annotations

from typing import Any

from sheaf import fields
from sheaf.forms import forms
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.submissions import listing


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    form = request.find(forms.lookup(request.path, draft=request.draft))
    request.auth.require("submission.list", on=form)
    return listing.page(
        form,
        draft=request.draft,
        deleted=fields.flag(request.query, "deleted"),
        offset=fields.count(request.query, "offset") or 0,
        limit=fields.count(request.query, "limit"),
        extended=request.extended,
    )
