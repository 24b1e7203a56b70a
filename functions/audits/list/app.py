"""GET /v1/audits: tell what was done on the server, newest first."""

from __future__ import annotations

from typing import Any

from sheaf import audits, fields
from sheaf.audits import Wanted
from sheaf.http.endpoint import endpoint
from sheaf.http.request import Request


@endpoint
def handler(request: Request) -> list[dict[str, Any]]:
    request.auth.require("audit.read")
    return audits.page(
        Wanted.from_api(request.query),
        offset=fields.count(request.query, "offset") or 0,
        limit=fields.count(request.query, "limit"),
        extended=request.extended,
    )
