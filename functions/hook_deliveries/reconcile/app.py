"""GET /v1/projects/{projectId}/forms/{xmlFormId}/hooks/{hookId}/reconcile: compare what has happened with what a hook was sent."""

from __future__ import annotations

from sheaf.hooks import hooks, reckoning
from sheaf.hooks.feeds import Span
from sheaf.hooks.reckoning import Account
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.problems import found


@endpoint
def handler(request: Request) -> Account:
    scope, hook = request.find(hooks.lookup(request.path))
    request.auth.require("hook.read", on=scope)
    return reckoning.reconcile(found(hook), Span.of(request.query))
