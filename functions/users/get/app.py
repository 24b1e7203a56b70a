"""GET /v1/users/{userId}: tell of a user."""

from __future__ import annotations

from typing import Any

from sheaf.access import users
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> dict[str, Any]:
    user = request.find(users.lookup(request.path))
    request.auth.require("user.read", on=user)
    return users.to_api(user)
