"""$default: answer what no route takes; forgive a trailing slash, and take a token in any path."""

from __future__ import annotations

from sheaf.http.endpoint import anonymous
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.http.unrouted import answer


@anonymous
def handler(request: Request) -> Response:
    return answer(request)
