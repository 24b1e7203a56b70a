"""GET /v1/projects/{projectId}/forms/{xmlFormId}/public-links: list the public links of a form."""

from __future__ import annotations

from typing import Any

from sheaf.forms import forms, public_links
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    form = request.find(forms.lookup(request.path))
    request.auth.require("public_link.list", on=form)
    return public_links.list_for(form, extended=request.extended)
