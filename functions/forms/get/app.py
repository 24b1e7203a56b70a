"""GET /v1/projects/{projectId}/forms/{xmlFormId}: tell of a form, or give its XML, spreadsheet or OData service document."""

from __future__ import annotations

from sheaf.forms import forms
from sheaf.forms.forms import Form
from sheaf.http import files
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response


@endpoint
def handler(request: Request) -> Form | Response:
    path, suffix = request.suffixed("xmlFormId", ".xml", ".xlsx", ".xls", ".svc")
    if suffix == ".svc":
        from sheaf.http import feeds  # which only feeds need

        return feeds.service(request, path)
    form = request.find(forms.lookup(path))
    request.auth.require(*form.reading_verbs, on=form)
    if suffix == ".xml":
        return Response.xml(forms.xml(form))
    if suffix:
        return files.download(request, *forms.spreadsheet(form, suffix))
    return form
