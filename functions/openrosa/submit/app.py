"""POST /v1/projects/{projectId}/submission: take in a submission from a device, or a batch of its files."""

from __future__ import annotations

from sheaf.http import multipart
from sheaf.http.endpoint import openrosa, openrosa_message
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import AuthenticationFailed
from sheaf.submissions import openrosa as devices
from sheaf.submissions import reception
from sheaf.submissions.submissions import Client


@openrosa
def handler(request: Request) -> Response:
    lookup = devices.lookup(request.path, lambda: multipart.xml(request.parts), draft=request.draft)
    form, received, standing = request.find(lookup)
    # Not 403: only on 401 does a device ask for other credentials.
    request.auth.require("submission.create", on=form, otherwise=AuthenticationFailed)
    reception.check(received)
    client, files = Client(request.device_id, request.user_agent), multipart.files(request.parts)
    devices.submit(form, received, standing, files, client, by=request.auth)
    return openrosa_message("", "full submission upload was successful!", status=201)
