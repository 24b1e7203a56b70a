"""GET /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/stats: count what a hook was sent, and how long that took."""

from __future__ import annotations

from sheaf.hooks import hooks, reckoning
from sheaf.hooks.feeds import Span
from sheaf.hooks.reckoning import Statistics
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found


@endpoint
def handler(request: Request) -> Statistics:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.read", on=scope)
    return reckoning.statistics(found(hook).id, Span.of(request.query))
