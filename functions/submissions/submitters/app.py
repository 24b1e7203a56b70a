"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/submitters: list the actors that have submitted."""

from __future__ import annotations

from sheaf.access.actors import Actor
from sheaf.data import testers
from sheaf.forms import forms
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.submissions import submitters


@endpoint
def handler(request: Request) -> list[Actor]:
    form = request.find(forms.lookup(request.path, draft=request.draft))
    request.auth.require("submission.read", on=form)
    # Who has a test link and nothing else is to see nobody but those who have tried the draft.
    return testers.of(form) if request.auth.tests else submitters.of(form)
