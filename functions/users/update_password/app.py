"""PUT /v1/users/{userId}/password: change a password, showing the one in force."""

from __future__ import annotations

from sheaf.access import users
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> None:
    user = request.find(users.lookup(request.path))
    request.auth.require("user.update", on=user)
    users.update_password(user, request.json, by=request.auth)
