"""GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/keys: list the keys that submissions are encrypted for."""

from __future__ import annotations

from sheaf.encryption.keyring import Key
from sheaf.forms import forms
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.submissions import key_uses, location


@endpoint
def handler(request: Request) -> list[Key]:
    form = request.find(forms.lookup(request.path, draft=request.draft))
    request.auth.require("submission.read", on=form)
    return key_uses.keys_of(form, location.partition_of(form, draft=request.draft))
