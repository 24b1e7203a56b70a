"""The kernel of KoBoToolbox's routes (`/api/v2/…`), which words what is refused as it does.

Whoever may not see something is told that it is not there: 404, never 403. What is wrong with a
request is told member by member, or in `detail`.
"""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import Handle, LambdaHandler, kernel
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.kobo import services
from sheaf.problems import AuthenticationFailed, InvalidHook, KoboRefused, Problem

_HIDDEN = (403, 404)


def kobo(handle: Handle) -> LambdaHandler:
    """Serve KoBoToolbox's JSON to whoever can say who they are."""
    return kernel(handle, _check, _problem)


def rest(request: Request) -> list[str]:
    """Give the parts of the path behind its last variable; a slash at the end says nothing."""
    return [part for part in request.path.get("proxy", "").split("/") if part]


def _check(_request: Request) -> None:
    """Nothing is asked before the rest."""


def _problem(request: Request, problem: Problem) -> Response:
    if isinstance(problem, InvalidHook):
        problem = services.told(problem)
    if isinstance(problem, AuthenticationFailed) and "authorization" in request.headers:
        return _answer(401, {"detail": "Invalid token."})
    if isinstance(problem, AuthenticationFailed) or problem.status in _HIDDEN:
        return _answer(404, {"detail": "Not found."})
    if isinstance(problem, KoboRefused):
        return _answer(400, problem.details)
    # A conflict, too, is a 400 there.
    return _answer(400 if problem.status == 409 else problem.status, {"detail": str(problem)})


def _answer(status: int, said: Any) -> Response:
    return Response.json(said, status=status)
