"""DELETE /v1/users/{userId}: delete a user."""

from __future__ import annotations

from sheaf.access import users
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> None:
    user = request.find(users.lookup(request.path))
    request.auth.require("user.delete", on=user)
    users.delete(user, by=request.auth)
