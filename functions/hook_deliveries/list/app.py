"""GET /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/deliveries: list what a hook was sent."""

from __future__ import annotations

from urllib.parse import urlencode

from sheaf.hooks import history, hooks
from sheaf.hooks.history import Wanted
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import found


@endpoint
def handler(request: Request) -> Response:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.read", on=scope)
    page = history.page(found(hook).id, Wanted.of(request.query))
    link = urlencode({**request.query, "cursor": page.next or ""})
    headers = {"Link": f'<?{link}>; rel="next"'} if page.next else {}
    return Response.json(page.to_api(), headers=headers)
