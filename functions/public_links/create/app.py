"""POST /v1/projects/{projectId}/forms/{xmlFormId}/public-links: create a public link."""

from __future__ import annotations

from typing import Any

from sheaf.forms import forms, public_links
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> dict[str, Any]:
    form = request.find(forms.lookup(request.path))
    request.auth.require("public_link.create", on=form)
    return public_links.create(form, public_links.Draft.from_api(request.json), by=request.auth)
