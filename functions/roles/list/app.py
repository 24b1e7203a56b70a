"""GET /v1/roles: list the roles."""

from __future__ import annotations

from sheaf.access import roles
from sheaf.access.roles import Role
from sheaf.http.endpoint import anonymous
from sheaf.http.request import Request


@anonymous
def handler(_request: Request) -> list[Role]:
    return roles.every()
