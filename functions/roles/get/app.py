"""GET /v1/roles/{roleId}: tell of a role, by its id or system name."""

from __future__ import annotations

from sheaf.access import roles
from sheaf.access.roles import Role
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> Role:
    request.authenticate()
    return roles.get(request.path["roleId"])
