"""What no route takes: Central's three kinds of 404, and trailing slashes."""

from __future__ import annotations

import re
from urllib.parse import quote

from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.problems import MissingApiVersion, NotFound, UnexpectedApiVersion

_VERSION = re.compile(r"/v([0-9]+)/")


def answer(request: Request) -> Response:
    """Send a path with a trailing slash to the one without: HTTP APIs have no routes that end so.

    308 keeps method and body, and clients keep their credentials on the same host.

    Raises:
        MissingApiVersion, UnexpectedApiVersion, NotFound: there is nothing else to say.
    """
    version = _VERSION.match(request.raw_path)
    if version is None:
        raise MissingApiVersion
    if version[1] != "1":
        raise UnexpectedApiVersion(got=version[1])
    bare = request.raw_path.rstrip("/")
    if bare in (request.raw_path, "/v1"):
        raise NotFound
    query = f"?{request.raw_query}" if request.raw_query else ""
    return Response.redirect(quote(bare, safe="/:@!$&'()*+,;=~") + query, status=308)
