"""POST /v1/users: create a user."""

from __future__ import annotations

from typing import Any

from sheaf.access import users
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> dict[str, Any]:
    request.auth.require("user.create")
    user = users.create(users.Draft.from_api(request.json), by=request.auth)
    return users.to_api(user)
