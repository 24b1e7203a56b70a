"""A response, and how it becomes what API Gateway sends."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

from sheaf import blobs
from sheaf.http.request import Request

JSON = "application/json; charset=utf-8"
# Below this, gzip costs more than it saves.
GZIP_FROM = 1024
_TEXT_LIMIT = 1_000_000
_COMPRESSIBLE = ("application/json", "application/xml", "text/")
_GZIP = re.compile(r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=([0-9.]+))?\s*(?:,|$)", re.IGNORECASE)
_REDIRECTS = {
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
}


@dataclass(frozen=True, slots=True)
class Response:
    """A status, headers and a body of bytes. A handler returns one where JSON is not the answer."""

    body: bytes = b""
    content_type: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()

    @classmethod
    def json(cls, value: Any, *, status: int = 200, **rest: Any) -> Response:
        """Answer with a value as JSON, written as Central (JSON.stringify) writes it."""
        body = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_to_api)
        return cls(body.encode(), JSON, status, **rest)

    @classmethod
    def xml(cls, body: bytes) -> Response:
        """Answer with XML, byte for byte."""
        return cls(body, "application/xml; charset=utf-8")

    @classmethod
    def redirect(cls, location: str, *, status: int) -> Response:
        """Send the client elsewhere; `finish` writes the body, in the form that it prefers."""
        return cls(status=status, headers={"Location": location})


class MovedError(Exception):
    """What was asked for has another address for ever: the kernel sends the client there.

    By 301, or where the method and the body are to stay what they are, by 308.
    """

    def __init__(self, location: str, status: int = 301) -> None:
        super().__init__(location)
        self.location, self.status = location, status


def render(result: Any) -> Response:
    """Make a response of what a handler returned: an item, a list, None for success, a Response."""
    if isinstance(result, Response):
        return result
    if result is None:
        return Response.json({"success": True})
    return Response.json(result)


def finish(request: Request, response: Response) -> dict[str, Any]:
    """Add what every response carries and give it as API Gateway takes it.

    Caching headers and weak ETags are those of Central (Express); a GET whose ETag the client
    already has is answered 304. What is too large for Lambda's answer (6 MB, of which base64 takes
    a quarter) is left in the bucket, and the client sent there (303).
    """
    reading = request.method in ("GET", "HEAD")
    headers = _caching(request, reading=reading) | dict(response.headers)
    if response.status in _REDIRECTS:
        response = _pointing(request, response)
        headers["Vary"] += ", Accept" if reading else ""
    elif response.body and "ETag" not in headers:
        headers["ETag"] = weak_etag(response.body)
    if reading and response.status == 200 and request.has(headers.get("ETag")):
        response = replace(response, status=304, body=b"", content_type=None)
    if response.content_type:
        headers["Content-Type"] = response.content_type
    body = response.body
    if _worth_gzip(request, response):
        body = gzip.compress(body, 5, mtime=0)
        headers["Content-Encoding"] = "gzip"
    if request.method == "HEAD" and body:
        headers["Content-Length"] = str(len(body))
        body = b""
    if len(body) > blobs.INLINE_LIMIT:
        link = blobs.hand_out(body, headers)
        return finish(request, Response.redirect(link, status=303))
    return _payload(response.status, headers, body, response.cookies)


def weak_etag(body: bytes) -> str:
    """Give Express's weak ETag: length in hexadecimal and a hash."""
    digest = b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()[:27]
    return f'W/"{len(body):x}-{digest}"'


def _caching(request: Request, *, reading: bool) -> dict[str, str]:
    if not reading:
        return {"Cache-Control": "no-store", "Vary": "*"}
    secret = request.raw_path.startswith("/v1/sessions/")
    control = "no-store" if secret else "private, no-cache"
    return {"Cache-Control": control, "Vary": "Accept-Encoding, Origin"}


def _pointing(request: Request, response: Response) -> Response:
    """Write Express's body of a redirect: text, unless the client is a browser."""
    text = f"{_REDIRECTS[response.status]}. Redirecting to {response.headers['Location']}"
    accept = request.headers.get("accept", "")
    if "text/html" in accept and "text/plain" not in accept:
        body = f"<p>{escape(text)}</p>".encode()
        return replace(response, body=body, content_type="text/html; charset=utf-8")
    return replace(response, body=text.encode(), content_type="text/plain; charset=utf-8")


def _worth_gzip(request: Request, response: Response) -> bool:
    return (
        len(response.body) >= GZIP_FROM
        and (response.content_type or "").startswith(_COMPRESSIBLE)
        and "Content-Encoding" not in response.headers
        # Ranges are of the bytes as they are stored.
        and "Accept-Ranges" not in response.headers
        and takes_gzip(request)
    )


def takes_gzip(request: Request) -> bool:
    """Whether Accept-Encoding names gzip, with a weight above 0."""
    named = _GZIP.search(request.headers.get("accept-encoding", ""))
    return named is not None and (named[1] or "1").strip("0.") != ""


def _payload(
    status: int, headers: dict[str, str], body: bytes, cookies: tuple[str, ...]
) -> dict[str, Any]:
    payload: dict[str, Any] = {"statusCode": status, "headers": headers}
    if cookies:
        payload["cookies"] = list(cookies)
    # Beyond a megabyte as base64: escaped as text inside JSON, a body could double.
    plain = "Content-Encoding" not in headers and len(body) <= _TEXT_LIMIT
    text = _text(body) if plain else None
    payload["isBase64Encoded"] = text is None
    payload["body"] = b64encode(body).decode() if text is None else text
    return payload


def _text(body: bytes) -> str | None:
    """Give the body as text, if it is: API Gateway takes either text or base64."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _to_api(value: Any) -> Any:
    return value.to_api()
