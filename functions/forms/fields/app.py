"""GET /v1/projects/{projectId}/forms/{xmlFormId}/fields: list the fields of a form."""

from __future__ import annotations

from sheaf import fields
from sheaf.forms import schema, views
from sheaf.forms.schema import Field
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> tuple[Field, ...]:
    view = request.find(views.lookup(request.path, draft=request.draft))
    request.auth.require(*view.verbs, on=view.form)
    listed = view.definition().fields
    return schema.odata(listed) if fields.flag(request.query, "odata") else listed
