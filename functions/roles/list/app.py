"""GET /v1/roles: list the roles."""

from __future__ import annotations

from sheaf.access import roles
from sheaf.access.roles import Role
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> list[Role]:
    request.authenticate()
    return roles.every()
