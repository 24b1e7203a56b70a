"""GET /v1/users: list users, or find one by the whole address."""

from __future__ import annotations

from typing import Any

from sheaf.access import users
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    return users.search(request.auth, request.query.get("q", ""))
