"""The kernel: makes a Lambda handler of a function from a Request to what it answers.

`endpoint`, `openrosa` and `odata` differ in what they check first and how they word a Problem; all
else about the wire is here once. A handler returns a value or raises a Problem and knows nothing
of events, statuses or logs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

from sheaf.db.items import throttled
from sheaf.http.request import Request
from sheaf.http.response import MovedError, Response, finish, render
from sheaf.problems import BadHeader, Busy, MultipartUnparsable, NotFound, Problem
from sheaf.telemetry import logger

Handle = Callable[[Request], Any]
LambdaHandler = Callable[[dict[str, Any], Any], dict[str, Any]]


OPENROSA_HEADERS = {
    "Content-Language": "en",
    "X-OpenRosa-Version": "1.0",
    # API Gateway and Lambda carry 6 MB, which is 4.5 MB of base64: clients split what is larger.
    "X-OpenRosa-Accept-Content-Length": "4400000",
}
ODATA_HEADERS = {"OData-Version": "4.0"}


def endpoint(handle: Handle) -> LambdaHandler:
    """Serve JSON to whoever can say who they are."""
    return kernel(handle, _check_method, _json_problem)


def anonymous(handle: Handle) -> LambdaHandler:
    """Serve JSON to anybody."""
    return kernel(handle, _check_method, _json_problem, anonymous=True)


def openrosa(handle: Handle) -> LambdaHandler:
    """Serve OpenRosa's XML. The version header is asked for before anything else."""
    return kernel(handle, _check_openrosa, _openrosa_problem, OPENROSA_HEADERS)


def odata(handle: Handle) -> LambdaHandler:
    """Serve OData; Problems of an XML document are XML."""
    return kernel(handle, _check_odata, _odata_problem, ODATA_HEADERS)


def kernel(
    handle: Handle,
    check: Callable[[Request], None],
    write_problem: Callable[[Request, Problem], Response],
    headers: Mapping[str, str] | None = None,
    *,
    anonymous: bool = False,
) -> LambdaHandler:
    """Make the handler; `headers` go with all answers to those who have said who they are."""

    @wraps(handle)
    def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        began = time.perf_counter()
        request = Request.from_event(event)
        code: float | None = None
        try:
            check(request)
            response = render(handle(request))
            if not (anonymous or request.authenticated):
                raise AssertionError("a handler answered without asking who asks")  # noqa: TRY301
        except MovedError as moved:
            response = Response.redirect(moved.location, status=moved.status)
        except Exception as error:
            problem = _problem(error)
            code = problem.code if problem else None
            response = write_problem(request, problem) if problem else _failed(request)
        if headers and request.authenticated:
            response = replace(response, headers={**headers, **response.headers})
        payload = finish(request, response)
        _log(request, payload["statusCode"], code, began)
        return payload

    return handler


def _problem(error: Exception) -> Problem | None:
    """Give the Problem that an exception is or stands for, None for a fault of ours."""
    if isinstance(error, Problem):
        return error
    # The tables' own modules try again; what still fails after that may succeed in a moment.
    return Busy() if throttled(error) else None


def _failed(request: Request) -> Response:
    """Answer an exception that nobody foresaw, which the log tells in full."""
    logger.exception("failed", extra={"route": request.route, "request_id": request.id})
    return Response.json({"message": "Internal Server Error"}, status=500)


def _log(request: Request, status: int, code: float | None, began: float) -> None:
    """Write the request's one line."""
    line = {
        "route": request.route,
        "status": status,
        "code": code,
        "ms": round((time.perf_counter() - began) * 1000, 1),
        "actor": request.auth.actor_id if request.authenticated else None,
        "request_id": request.id,
    }
    logger.info("request", extra={k: v for k, v in line.items() if v is not None})


def _check_method(request: Request) -> None:
    """GET routes take any method, because HTTP APIs have no HEAD of their own; refuse the rest.

    With a token in the path, most other methods have no route of their own: they have one where the
    token is in the query, as `$default` tells those that get there.
    """
    if not request.route.startswith("ANY ") or request.method in ("GET", "HEAD"):
        return
    if "/key/{token}/" in request.route:
        from sheaf.http import moved  # rarely needed

        raise MovedError(moved.with_token_asked(request), status=308)
    raise NotFound


def _json_problem(_request: Request, problem: Problem) -> Response:
    return Response.json(problem.to_api(), status=problem.status)


# What mustache escapes, in which Central writes its XML; and what XML cannot hold at all.
_ENTITIES = str.maketrans(
    {chr(code): "\ufffd" for code in (*range(9), 11, 12, *range(14, 32))}
    | {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "'": "&#39;",
        "/": "&#x2F;",
        "`": "&#x60;",
        "=": "&#x3D;",
    }
)


def escaped(text: str) -> str:
    """Write a text as XML, in the way that Central does."""
    return text.translate(_ENTITIES)


def openrosa_message(nature: str, message: str, *, status: int) -> Response:
    """Give an OpenRosa response of one message."""
    body = (
        '\n  <OpenRosaResponse xmlns="http://openrosa.org/http/response" items="0">\n'
        f'    <message nature="{nature}">{escaped(message)}</message>\n'
        "  </OpenRosaResponse>"
    )
    return Response(body.encode(), "text/xml; charset=utf-8", status)


def _check_openrosa(request: Request) -> None:
    _check_method(request)
    version = request.headers.get("x-openrosa-version")
    if version != "1.0":
        raise BadHeader("X-OpenRosa-Version", version)


def _openrosa_problem(request: Request, problem: Problem) -> Response:
    if isinstance(problem, MultipartUnparsable):
        return _json_problem(request, problem)  # as Central does, whose parser stands before all
    return openrosa_message("error", str(problem), status=problem.status)


def _check_odata(request: Request) -> None:
    from sheaf.odata import protocol  # loaded by feeds alone

    _check_method(request)
    protocol.check(request.query, request.headers, xml=_is_metadata(request))


def _is_metadata(request: Request) -> bool:
    return request.raw_path.endswith("/$metadata")


def _odata_problem(request: Request, problem: Problem) -> Response:
    if not _is_metadata(request):
        return _json_problem(request, problem)
    details = json.dumps(problem.details, default=str) if problem.details else ""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<error code="{problem.code}">\n'
        f"  <message>{escaped(str(problem))}</message>\n"
        f"  <details>{escaped(details)}</details>\n"
        "</error>"
    )
    return Response(body.encode(), "text/xml; charset=utf-8", problem.status)
