"""GET /v1/projects: list the projects that one may see."""

from __future__ import annotations

from typing import Any

from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request
from sheaf.projects import projects


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    return projects.list_for(request.auth)
