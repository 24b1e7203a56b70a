"""POST /v1/projects/{projectId}/forms/{xmlFormId}/restore: take a form out of the trash."""

from __future__ import annotations

from sheaf.forms import restoration
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> None:
    # What stands in the path is the form's number: its id may be another form's by now.
    project, form = request.find(restoration.lookup(request.path))
    request.auth.require("form.restore", on=form)
    restoration.restore(project, form, by=request.auth)
