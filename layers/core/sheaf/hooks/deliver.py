"""From the queue to the receivers: one attempt for each delivery that is due.

Order matters: the lease is taken, the request sent, the attempt recorded, the next one planned, and
only then is the message that woke us given up. A crash anywhere in between leaves the message, and
it comes again; after the request it means one attempt more than is on record, never one less.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from sheaf import clock, sealing
from sheaf.db import keys, reads
from sheaf.hooks import connect, deliveries, leases, signature, verdict
from sheaf.hooks.connect import Answer, UnreachableError
from sheaf.hooks.deliveries import Delivery, HookBody
from sheaf.hooks.hooks import Hook
from sheaf.hooks.targets import RefusedError
from sheaf.hooks.verdict import Verdict
from sheaf.telemetry import logger

# The deadline of an attempt in seconds; Standard Webhooks advises 15 to 30.
TIMEOUT = 15
# A lease outlives its attempt by this, and must end before the queue shows the message again.
_GRACE = 30
AGENT = "sheaf-hooks/1"
# Characters of an answer that the record keeps.
EXCERPT = 500


def run(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Work through messages of the queue; give the ids of those that must come again."""
    failed = []
    for record in records:
        try:
            message = json.loads(record["body"])
            wake_up(message["hookId"], message["eventId"])
        except Exception:
            # The queue shows it again, and parks it after five times.
            logger.exception("delivery.interrupted", message_id=record["messageId"])
            failed.append(record["messageId"])
    return failed


def wake_up(hook_id: str, event_key: str) -> None:
    """Make the next attempt of a delivery, if it is time for one."""
    delivery = leases.take(hook_id, event_key, TIMEOUT + _GRACE)
    if delivery is None:
        return
    hook, frozen = reads.fetch(
        [
            Hook.ref(keys.hook(delivery.project_id, delivery.form_id, hook_id)),
            HookBody.ref(deliveries.body_key(delivery)),
        ]
    )
    if hook is None or not hook.active:
        reason = "The hook has been deleted." if hook is None else "The hook is turned off."
        leases.settle(delivery, deliveries.CANCELLED, reason=reason)
    elif frozen is None:
        gone = "The submission has been purged."
        leases.settle(delivery, deliveries.CANCELLED, reason=gone)
    else:
        _attempt(delivery, hook, frozen)


def _attempt(delivery: Delivery, hook: Hook, frozen: HookBody) -> None:
    body = frozen.body
    headers = _headers(delivery, hook, body)
    began, started = clock.micros(), time.perf_counter()
    answer, error, blocked = None, None, False
    try:
        answer = connect.post(hook.url, headers, body, seconds=TIMEOUT)
    except UnreachableError as reason:
        error = f"{reason.kind}: {reason}"
    except RefusedError as reason:
        error, blocked = f"blocked: the URL {reason}.", True
    # Of what is blocked not even the time is told: it would say what the resolver knows.
    took = 0 if blocked else round((time.perf_counter() - started) * 1000)
    attempt = {"t": began, "ms": took} | _told(answer, error)
    tries = len(delivery.attempts) + 1
    outcome = (
        Verdict(deliveries.BLOCKED)
        if blocked
        else verdict.judge(answer, tries, delivery.id, clock.micros())
    )
    leases.settle(delivery, outcome.state, attempt=attempt, due_at=outcome.due_at)
    _log(delivery, outcome, attempt)
    # Also when the lease was lost: that may be our own write, which was sent twice.
    if outcome.state == deliveries.RETRYING:
        leases.wake(delivery)


def _headers(delivery: Delivery, hook: Hook, body: bytes) -> dict[str, str]:
    held, now = sealing.unseal(hook.id, hook.sealed), clock.micros() // 1_000_000
    headers = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": AGENT,
        "webhook-id": delivery.id,
        "webhook-timestamp": str(now),
        "webhook-signature": signature.sign(held["keys"], delivery.id, now, body),
        "webhook-event": delivery.kind,
        "webhook-attempt": str(len(delivery.attempts) + 1),
    }
    if held["password"] is not None:
        pair = f"{hook.auth['username']}:{held['password']}"
        headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return headers


def _told(answer: Answer | None, error: str | None) -> dict[str, Any]:
    """Give what the record keeps of an outcome; what is absent takes no room."""
    if answer is None:
        return {"e": error}
    kept = {"s": answer.status}
    excerpt = answer.body.decode(errors="replace")[:EXCERPT]
    return kept | ({"r": excerpt} if excerpt else {})


def _log(delivery: Delivery, outcome: Verdict, attempt: Mapping[str, Any]) -> None:
    # template.yaml counts the lines "hook.failed": one for each delivery that is given up.
    given_up = outcome.state in (deliveries.FAILED, deliveries.BLOCKED)
    name = "hook.failed" if given_up else f"hook.{outcome.state}"
    logger.info(
        name,
        delivery=delivery.id,
        type=delivery.kind,
        status=attempt.get("s"),
        error=attempt.get("e"),
        ms=attempt["ms"],
    )
