"""GET /v1/users/current: tell of the user who asks."""

from __future__ import annotations

from typing import Any

from sheaf.access import users
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> dict[str, Any]:
    return users.current(request.auth, extended=request.extended)
