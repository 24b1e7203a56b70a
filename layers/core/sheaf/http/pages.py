"""Lists that clients can page through: an ETag, and a link to what comes next (RFC 8288)."""

from __future__ import annotations

from urllib.parse import urlencode

from sheaf.data.listing import Page
from sheaf.http.moved import path_of
from sheaf.http.request import Request
from sheaf.http.response import JSON, Response


def answer(request: Request, page: Page) -> Response:
    """Give a page of a list; the link to the next keeps all that was asked for but the offset."""
    headers = {"ETag": page.etag}
    if page.last is not None:
        asked = {name: value for name, value in request.query.items() if name != "offset"}
        query = urlencode(asked | {"cursor": page.last})
        headers["Link"] = f'<{path_of(request)}?{query}>; rel="next"'
    return Response(page.body, JSON, headers=headers)
