"""PATCH /v1/users/{userId}: change a user's name or address."""

from __future__ import annotations

from typing import Any

from sheaf.access import users
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> dict[str, Any]:
    user = request.find(users.lookup(request.path))
    request.auth.require("user.update", on=user)
    return users.update(user, users.Change.from_api(request.json), by=request.auth)
