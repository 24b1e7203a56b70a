"""$default: answer what no route takes, and forgive a trailing slash."""

from __future__ import annotations

from sheaf.http.endpoint import anonymous
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.http.unrouted import answer


@anonymous
def handler(request: Request) -> Response:
    return answer(request)
