"""DELETE /v1/projects/{projectId}/forms/{xmlFormId}/public-links/{linkId}: delete a public link."""

from __future__ import annotations

from sheaf.access import bearers
from sheaf.forms import forms, public_links
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> None:
    form = request.find(forms.lookup(request.path))
    request.auth.require("public_link.delete", on=form)
    link = request.find(public_links.lookup(form, request.path))
    bearers.delete(link, form, by=request.auth)
