"""PATCH /api/v2/assets/{uid}/hooks/{proxy+}: change a hook, or send again what has failed."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import history
from sheaf.http.kobo import kobo, rest
from sheaf.http.request import Request
from sheaf.http.response import Response
from sheaf.kobo import assets, logs, services
from sheaf.problems import NotFound


@kobo
def handler(request: Request) -> dict[str, Any] | Response:
    form = request.find(assets.lookup(request.path["uid"]))
    request.auth.require("hook.update", on=form, otherwise=NotFound)
    hook_id, *parts = rest(request) or [""]
    hook = request.find(services.lookup(form, hook_id))
    match parts:
        case []:
            return services.update(hook, form, request.members, request.origin, by=request.auth)
        case ["retry"]:
            uids = logs.retry_all(hook, by=request.auth)
            # KoBoToolbox says that there is "no data to retry" in a body that a 304 cannot have.
            said = {"detail": "Task successfully scheduled", "pending_uids": uids}
            return said if uids else Response(status=304)
        case ["logs", uid, "retry"]:
            delivery = request.find(history.lookup(hook.id, uid))
            return logs.retry_one(hook, delivery, by=request.auth)
    raise NotFound
