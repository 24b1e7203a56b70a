"""GET /api/v2/assets/{uid}/hooks/{proxy+}: tell of a hook, or of what it was sent."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import history
from sheaf.http.kobo import kobo, rest
from sheaf.http.request import Request
from sheaf.kobo import assets, logs, services
from sheaf.problems import NotFound


@kobo
def handler(request: Request) -> dict[str, Any]:
    form = request.find(assets.lookup(request.path["uid"]))
    request.auth.require("hook.read", on=form, otherwise=NotFound)
    parts = rest(request)
    if not parts:
        return services.page(form, request.query, request.origin)
    hook = request.find(services.lookup(form, parts[0]))
    url = services.url(hook, form, request.origin)
    match parts[1:]:
        case []:
            return services.describe(hook, form, request.origin)
        case ["logs"]:
            return logs.page(hook, request.query, f"{url}logs/")
        case ["logs", uid]:
            return logs.shown(request.find(history.lookup(hook.id, uid)), f"{url}logs/")
    raise NotFound
