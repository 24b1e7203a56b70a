"""GET /v1/projects/{projectId}/forms/{xmlFormId}/{proxy+}: give a form's OData feed: documents, tables, rows."""

from __future__ import annotations

from sheaf.http import feeds, unrouted
from sheaf.http.endpoint import odata
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.odata import feed


@odata
def feed_of(request: Request) -> Response:
    path = request.path if request.draft else request.suffixed("xmlFormId", ".svc")[0]
    asked = request.find(feed.lookup(path, draft=request.draft))
    request.auth.require("submission.read", on=asked.feed.form)
    return feeds.give(request, asked)


handler = unrouted.behind(
    feed_of, lambda request: request.draft or request.path["xmlFormId"].endswith(".svc")
)
