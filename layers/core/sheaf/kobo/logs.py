"""Logs: deliveries, as KoBoToolbox describes them, and what it does to send them again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from sheaf import clock, fields
from sheaf.access.auth import Auth
from sheaf.db import keys, reads
from sheaf.hooks import attempts, deliveries, history, replay, retry
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.feeds import Span
from sheaf.hooks.history import Wanted
from sheaf.hooks.records import Hook
from sheaf.hooks.replay import Asked
from sheaf.kobo import paging
from sheaf.problems import AlreadyDelivered, HookTurnedOff, KoboRefused, found

FAILED, PENDING, SUCCESS, PROCESSING = range(4)
_WORDS = ("Failed", "Pending", "Success", "Processing")
_STATUSES = {
    deliveries.PENDING: PENDING,
    deliveries.RETRYING: PENDING,
    deliveries.HELD: PENDING,
    deliveries.DELIVERING: PROCESSING,
    deliveries.SUCCEEDED: SUCCESS,
}
# What KoBoToolbox names the bounds of time; n8n says `start` and `end`.
_SINCE, _UNTIL = ("start_date", "start"), ("end_date", "end")
# How many logs a request looks at, and for how many seconds one waits for an attempt to end.
MOST_READ, PATIENCE = 10_000, 20.0
_TURNED_OFF = "Cannot retry on disabled hooks"
_NOT_NOW = "Data is being or has already been processed"
_TAG = re.compile("<[^>]*>")
_SECOND = 1_000_000


def page(hook: Hook, query: Mapping[str, str], url: str) -> dict[str, Any]:
    """List logs in pages, those of the newest events first.

    Args:
        hook: of which hook.
        query: the request's: `status`, `start_date`, `end_date`, `start` and `limit`.
        url: where the list is found.

    Raises:
        KoboRefused: one of them is wrong.
    """
    wanted = _status(query)
    since, until = (_moment(query, names) for names in (_SINCE, _UNTIL))
    listed = []
    # What was sent before an event had happened does not exist.
    span = Span(0, clock.micros() + _SECOND if until is None else until)
    newest = deliveries.between(hook.id, span.keys, newest_first=True)
    for number, delivery in enumerate(newest):
        if number == MOST_READ:
            break
        if since is not None and touched(delivery) < since:
            continue
        if (until is None or touched(delivery) < until) and wanted in (None, _code(delivery)):
            listed.append(delivery)
    told = paging.page(listed, query, url)
    return told | {"results": [shown(each, url) for each in told["results"]]}


def shown(delivery: Delivery, url: str) -> dict[str, Any]:
    """Give a delivery as a log; `url` is where the list of logs is found."""
    last = _last(delivery)
    code = _code(delivery)
    return {
        "url": f"{url}{delivery.id}/",
        "uid": delivery.id,
        "submission_id": _submission(delivery),
        "instance_id": delivery.instance_id,
        "event": delivery.kind,
        "tries": len(delivery.attempts),
        "status": code,
        "status_str": _WORDS[code],
        "status_code": last and last["status"],
        "message": _message(delivery, last),
        "date_created": clock.iso(delivery.created_at),
        "date_modified": clock.iso(touched(delivery)),
    }


def touched(delivery: Delivery) -> int:
    """When (micros) anything came of a delivery last, as far as its record tells."""
    last = dict(delivery.attempts[-1]) if delivery.attempts else None
    return int(delivery.created_at) if last is None else int(last["t"]) + int(last["ms"]) * 1000


def retry_all(hook: Hook, *, by: Auth) -> list[str]:
    """Send all again that has failed; give their uids.

    Raises:
        KoboRefused: the hook is turned off.
    """
    if not hook.active:
        raise KoboRefused(detail=_TURNED_OFF)
    failed = [
        each.id
        for state in (deliveries.FAILED, deliveries.BLOCKED)
        for each in history.page(hook.id, _of_state(state)).listed
    ]
    if failed:
        asked = Asked(Span.of({}), (deliveries.FAILED, deliveries.BLOCKED))
        replay.start(hook, asked, by=by)
    return failed


def retry_one(hook: Hook, delivery: Delivery, *, by: Auth) -> dict[str, Any]:
    """Send one again, and wait for what the receiver says.

    Raises:
        KoboRefused: the hook is turned off, the delivery is under way or done, or the attempt has
            failed.
    """
    tries = len(delivery.attempts)
    try:
        renewed = retry.one(hook, delivery, force=False, by=by)
    except HookTurnedOff:
        raise KoboRefused(detail=_TURNED_OFF) from None
    except AlreadyDelivered:
        renewed = None
    if renewed is None:
        raise KoboRefused(detail=_NOT_NOW)
    last = _await(renewed, tries)
    status, message = last["status"], last["response"] or last["error"] or ""
    if last["error"] is None and status is not None and status < 300:
        return {"detail": message, "status_code": status}
    # What has not answered in time, KoBoToolbox counts as a gateway that did not.
    raise KoboRefused(detail=f"HTTP {status or 504} - {message}")


def _await(delivery: Delivery, tries: int) -> dict[str, Any]:
    """Wait until a delivery has had more attempts than so many; give the last one as shown."""
    until = clock.micros() + int(PATIENCE * _SECOND)
    while clock.micros() < until:
        clock.wait(0.5)
        now = found(reads.get(Delivery.ref((delivery.pk, delivery.sk))))
        if len(now.attempts) > tries:
            return attempts.shown(dict(now.attempts[-1]), len(now.attempts))
        if now.settled:
            raise KoboRefused(detail=now.reason or _NOT_NOW)
    return {"status": None, "response": None, "error": "The attempt has not ended yet."}


def _code(delivery: Delivery) -> int:
    return _STATUSES.get(delivery.state, FAILED)


def _last(delivery: Delivery) -> dict[str, Any] | None:
    if not delivery.attempts:
        return None
    return attempts.shown(dict(delivery.attempts[-1]), len(delivery.attempts))


def _message(delivery: Delivery, last: Mapping[str, Any] | None) -> str:
    """Give what the receiver answered: JSON as it is, of anything else the text without tags."""
    text = (last and (last["response"] or last["error"])) or delivery.reason or ""
    try:
        json.loads(text)
    except ValueError:
        return _TAG.sub("", text).strip()
    return str(text)


def _submission(delivery: Delivery) -> int | None:
    """Give the `_id` of the submission, if it is about one."""
    if delivery.instance_id is None:
        return None
    return keys.micros(delivery.submission_id)


def _status(query: Mapping[str, str]) -> int | None:
    text = query.get("status")
    if text is None or text == "":
        return None
    if text not in ("0", "1", "2", "3"):
        raise KoboRefused(status=[f"{text} is not a valid choice."])
    return int(text)


def _moment(query: Mapping[str, str], names: tuple[str, str]) -> int | None:
    """Read a bound of time. A `start` of digits is where a page starts."""
    plain, short = names
    name = plain if plain in query else short
    text = query.get(name)
    if text is None or (name == "start" and paging.is_offset(text)):
        return None
    moment = fields.micros(text)
    if moment is None:
        raise KoboRefused(**{name: ["Enter a valid date/time."]})
    return moment


def _of_state(state: str) -> Wanted:
    return Wanted.of({"state": state, "limit": str(history.LARGEST_PAGE)})
