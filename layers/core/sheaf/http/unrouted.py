"""What no route takes: Central's three kinds of 404, trailing slashes, and tokens in the path."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from sheaf.http.endpoint import LambdaHandler, anonymous
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import MissingApiVersion, NotFound, UnexpectedApiVersion

_VERSION = re.compile(r"/v([0-9]+)/")
_DOUBLED = re.compile("/{2,}")
_KOBO = re.compile("/+api/+v2/")
_KEY = re.compile(r"/v1/key/([^/]+)(/.*)", re.DOTALL)


def answer(request: Request) -> Response:
    """Send a path that a route nearly takes to the one that it does.

    HTTP APIs have no routes that end in a slash. And a twin of each route for a token in the path
    would be more routes than there can be: those that app users and links live on have one, and the
    others take the token as `?st=`. 308 keeps method and body, and clients keep their credentials
    on the same host.

    Raises:
        MissingApiVersion, UnexpectedApiVersion, NotFound: there is nothing else to say.
    """
    if is_doubled(request):
        return _moved(_DOUBLED.sub("/", request.raw_path), request.raw_query)
    version = _VERSION.match(request.raw_path)
    if version is None:
        raise MissingApiVersion
    if version[1] != "1":
        raise UnexpectedApiVersion(got=version[1])
    path, query = request.raw_path.rstrip("/"), request.raw_query
    if key := _KEY.fullmatch(path):
        path = f"/v1{key[2]}"
        query = f"{query}&" * bool(query) + f"st={quote(key[1], safe='$!')}"
    if path in (request.raw_path, "/v1"):
        raise NotFound
    return _moved(path, query)


def is_doubled(request: Request) -> bool:
    """Whether a path below `/api/v2/` has more slashes than it should.

    KoBoToolbox's server takes them for one, and its clients count on that: whose address ends in a
    slash (n8n proposes one that does), or whose path begins with one (OpenFn).
    """
    return _KOBO.match(request.raw_path) is not None and "//" in request.raw_path


def _moved(path: str, query: str) -> Response:
    location = quote(path, safe="/:@!$&'()*+,;=~") + f"?{query}" * bool(query)
    return Response.redirect(location, status=308)


def behind(handler: LambdaHandler, takes: Callable[[Request], bool]) -> LambdaHandler:
    """Put a handler before this: much of what a greedy route catches is meant for none.

    Args:
        handler: what answers requests that are meant for the route.
        takes: tells whether one is.
    """
    otherwise = anonymous(answer)

    def either(event: dict[str, Any], context: Any) -> dict[str, Any]:
        chosen = handler if takes(Request.from_event(event)) else otherwise
        return chosen(event, context)

    return either
