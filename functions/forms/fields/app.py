"""GET /v1/projects/{projectId}/forms/{xmlFormId}/fields: list the fields of a form."""

from __future__ import annotations

from sheaf import fields
from sheaf.forms import forms, schema
from sheaf.forms.schema import Field
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> tuple[Field, ...]:
    form = request.find(forms.lookup(request.path))
    request.auth.require(*form.reading_verbs, on=form)
    listed = forms.fields_of(form)
    return schema.odata(listed) if fields.flag(request.query, "odata") else listed
