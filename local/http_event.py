"""An API event as AWS gives it to the function, where the emulator gives it differently."""

from __future__ import annotations

import urllib.parse
from typing import Any

Json = dict[str, Any]

# What API Gateway answers when Lambda refuses an event for its size.
TOO_LARGE: Json = {
    "statusCode": 413,
    "headers": {"content-type": "application/json"},
    "body": '{"message":"Request Entity Too Large"}',
}


def is_http(event: Any) -> bool:
    """Tell whether the event is a request of an HTTP API, payload format 2.0."""
    return (
        isinstance(event, dict)
        and event.get("version") == "2.0"
        and "http" in event.get("requestContext", {})
    )


def encode_path(path: str) -> str:
    """Encode a raw path once more, so that it is routed as the client has written it.

    The emulator decodes before it looks for a route: an encoded slash would split a segment.
    """
    return path.replace("%", "%25")


def restore(event: Json) -> None:
    """Turn the emulator's event into that of AWS: `cookies`, decoded paths, nothing empty."""
    headers = event.get("headers", {})
    if cookie := headers.pop("cookie", None):
        event["cookies"] = [part.strip() for part in cookie.split(";") if part.strip()]
    event["rawPath"] = _decode(event["rawPath"])
    event["requestContext"]["http"]["path"] = event["rawPath"]
    parameters = event.pop("pathParameters", None)
    if parameters:
        event["pathParameters"] = {name: _decode(value) for name, value in parameters.items()}


def check(result: Any) -> None:
    """Refuse a result of which API Gateway could not make a response.

    Raises:
        ValueError: The status is not a number.
    """
    if isinstance(result, dict) and "statusCode" in result:
        int(result["statusCode"])


def _decode(path: str) -> str:
    return urllib.parse.unquote(path.replace("%25", "%"), errors="replace")
