"""Telling the people who look after hooks: by a topic, from which they get e-mail.

A hook that was disabled by us or fails is told of when its event comes; what was given up once a
day for each hook. Of a hook that does not want it (`notify.email`) nothing is told, nor of what is
no longer so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sheaf import aws, clock, settings
from sheaf.access import actees
from sheaf.access.actees import Place
from sheaf.db import keys, reads
from sheaf.hooks import deliveries, events, gates, letter, notices, tally
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.gates import Gate
from sheaf.hooks.letter import Letter, Topic
from sheaf.hooks.notices import Notice
from sheaf.hooks.records import ALL_FORMS, Hook
from sheaf.projects.projects import Project
from sheaf.telemetry import logger

# Deliveries that a digest looks at.
_MOST = 20_000
# An attempt that began so long (micros) before a digest may have ended after it.
_UNDER_WAY = 60_000_000


def tell(event: Mapping[str, Any]) -> bool:
    """Tell of an event of a hook (`hook.disable`, `hook.failing`); give whether it was told now.

    Raises:
        Busy: somebody else is about to.
    """
    hook_id, key = str(event["details"]["hookId"]), events.key(event)
    if event["actorId"] is not None:
        # Somebody did it, and knows.
        return False
    notice = notices.take(hook_id, key)
    if notice is None:
        return False
    written = _of_event(event, hook_id)
    if written is not None:
        _publish(*written)
    notices.told(notice, key)
    return written is not None


def digest() -> int:
    """Tell of what hooks have given up; give how many digests were sent.

    Raises:
        Exception: the first failure, once all other hooks have been seen to.
    """
    sent, failed = 0, []
    for hook_id in notices.due():
        try:
            sent += _digest(hook_id)
        except Exception as error:
            logger.exception("hook.digest", hook=hook_id)
            failed.append(error)
    if failed:
        raise failed[0]
    return sent


def _digest(hook_id: str) -> bool:
    notice = notices.open_digest(hook_id)
    return notice is not None and _send(notice)


def _send(notice: Notice) -> bool:
    found = _hook(*keys.hook(notice.project_id, notice.form_id, notice.hook_id))
    written = None if found is None else _of_given_up(notice, *found)
    if written is not None:
        _publish(*written)
    notices.close_digest(notice, sent=written is not None)
    return written is not None


def _of_event(event: Mapping[str, Any], hook_id: str) -> tuple[Hook, Letter] | None:
    (place,) = reads.fetch([Place.ref(keys.actee(event["acteeId"]))])
    found = None if place is None else _hook(*_key(place, hook_id))
    if found is None:
        return None
    (hook, gate), details = found, event["details"]
    if event["action"] == letter.DISABLED:
        if not gate.disabled:
            return None
        return hook, letter.disabled(_topic(hook), details["reason"], gate.failing_since)
    if details["failingSince"] != clock.iso(gate.failing_since):
        return None
    return hook, letter.failing(_topic(hook), gate.failing_since, details["percent"])


def _of_given_up(notice: Notice, hook: Hook, _gate: Gate) -> tuple[Hook, Letter] | None:
    since = notice.told_at or keys.micros(notice.telling)
    span = notice.telling, f"{clock.micros():016d}~"
    reasons: Counter[str] = Counter()
    for number, delivery in enumerate(deliveries.between(hook.id, span)):
        if number == _MOST:
            break
        if delivery.state in deliveries.GIVEN_UP and _ended(delivery) >= since - _UNDER_WAY:
            reasons[_reason(delivery)] += 1
    return (hook, letter.given_up(_topic(hook), reasons, since)) if reasons else None


def _hook(pk: str, sk: str) -> tuple[Hook, Gate] | None:
    """Find a hook that wants notices, and its gate."""
    hook_id = keys.hook_id(sk)
    hook, gate = reads.fetch([Hook.ref((pk, sk)), gates.ref(hook_id)])
    if hook is None or not hook.notifies:
        return None
    return hook, gate or Gate(*keys.gate(hook_id))


def _key(place: Place, hook_id: str) -> tuple[str, str]:
    if place.species == actees.PROJECT:
        return keys.hook(place.number, ALL_FORMS, hook_id)
    return keys.hook(place.project_id or 0, place.number, hook_id)


def _topic(hook: Hook) -> Topic:
    refs = (Project.ref(keys.project(hook.project_id)), Place.ref(keys.actee(hook.actee_id)))
    project, place = reads.fetch(refs)
    name = "" if project is None else str(project.name)
    form = None if place is None else place.xml_form_id
    waiting = tally.of([hook.id])[0]["pending"]
    return Topic(settings.BUS_NAME, name, form, hook, waiting)


def _ended(delivery: Delivery) -> int:
    """When (micros) the last attempt of a delivery began."""
    return int(dict(delivery.attempts[-1])["t"]) if delivery.attempts else 0


def _reason(delivery: Delivery) -> str:
    last = dict(delivery.attempts[-1]) if delivery.attempts else {}
    return f"HTTP {last['s']}" if "s" in last else str(last.get("e", "none")).partition(":")[0]


def _publish(hook: Hook, written: Letter) -> None:
    """Give a notice to the topic; its attributes are for subscribers who want some of them only."""
    told = {"kind": written.kind, "projectId": str(hook.project_id), "hookId": hook.id}
    aws.client("sns").publish(
        TopicArn=settings.NOTICE_TOPIC,
        Subject=written.subject,
        Message=written.text,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in told.items()
        },
    )
    logger.info("hook.notice", hook=hook.id, kind=written.kind)
