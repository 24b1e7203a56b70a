"""POST /v1/projects/{projectId}/forms/{xmlFormId}/submissions.csv: export the root table of a form, with passphrases in the body."""

from __future__ import annotations

from sheaf.exports import options
from sheaf.exports.options import Options
from sheaf.exports.plan import Plan
from sheaf.forms import forms
from sheaf.http import exports
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response


@endpoint
def handler(request: Request) -> Response:
    form = request.find(forms.lookup(request.path, draft=request.draft))
    request.auth.require("submission.read", on=form)
    chosen = Options.from_query(request.query, root_only=True)
    given = options.passphrases(request.members)
    plan = Plan.of(form, chosen, given, draft=request.draft)
    return exports.answer(request, plan, given)
