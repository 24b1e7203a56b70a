"""The sweep: once a minute, whatever a crash, a lost message or a long wait has left is taken up.

It looks into the index `due` for three things: deliveries whose next attempt is beyond what the
queue can wait for, or that nothing else leads to; gates, whose backlog it reads; and jobs. Messages
that WorkersDeliver has failed five times come back from DeliveryFailures as failed attempts. All of
it may be done twice, and by two sweeps at once.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from sheaf import aws, clock, settings
from sheaf.db import keys, reads
from sheaf.db.conditional import held
from sheaf.db.items import DueIndex, Item
from sheaf.hooks import backlog, deliveries, gates, jobs, leases, line, notices, verdict
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.gates import Gate
from sheaf.hooks.records import Hook
from sheaf.telemetry import logger

_SECOND = 1_000_000
# What one sweep takes out of each part of the index; the next one goes on a minute later.
_MOST = 2000
# When a delivery that was woken is looked at again (micros).
_AGAIN = 300 * _SECOND
# Seconds that recording a crash may take.
_LEASE = 10
CRASHED = "crash: The delivery was interrupted five times."

Key = tuple[str, str]


def run() -> dict[str, int]:
    """Sweep once; give how many deliveries were woken, and how many crashes recorded."""
    due = list(_due(clock.micros()))
    woken = _wake(key for key in due if key[0].startswith(keys.deliveries("")))
    for hook_id in _hooks(due):
        woken += backlog.pump(gates.of(hook_id))
    for key in due:
        if key[0].startswith(keys.jobs("")):
            jobs.restart(key)
    return {"woken": woken, "crashed": _crashes()}


def _due(now: int) -> Iterator[Key]:
    for part in keys.DUE_HOOKS:
        found = Item.due_index.query(part, DueIndex.due_at <= f"{now:016d}")
        for item in islice(found, _MOST):
            yield item.pk, item.sk


def _hooks(due: Sequence[Key]) -> list[str]:
    prefix = keys.gate("")[0]
    return [pk.removeprefix(prefix) for pk, _ in due if pk.startswith(prefix)]


def _wake(due: Iterable[Key]) -> int:
    """Wake the deliveries that are due by themselves, as many as their receivers can take."""
    by_hook: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in reads.fetch([Delivery.ref(key) for key in due]):
        # The index follows the table a moment later: believe the record alone.
        if delivery is not None and delivery.due is not None:
            by_hook[delivery.hook_id].append(delivery)
    return sum(_wake_some(gates.of(hook_id), found) for hook_id, found in by_hook.items())


def _wake_some(gate: Gate, found: list[Delivery]) -> int:
    now = clock.micros()
    waiting = [each for each in found if each.is_due(now)]
    room = len(waiting) if gate.trusts(now) else max(gate.room(now), 1) * backlog.SHARE
    if gate.disabled:
        room = 0
    leases.wake_all(waiting[:room])
    for delivery in waiting[:room]:
        again = Delivery.due_at.set(f"{now + _AGAIN:016d}")
        held(partial(delivery.update, [again], condition=Delivery.due.exists()))
    for delivery in waiting[room:]:
        # Behind the gate they take their turn.
        backlog.hold(gate, delivery) if gate.disabled else backlog.park(gate, delivery)
    return len(waiting[:room])


def _crashes() -> int:
    """Record a failed attempt for each message that was parked; give their number."""
    sqs, url, recorded = aws.client("sqs"), settings.DELIVERY_FAILURES_URL, 0
    while True:
        taken = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in taken:
            try:
                _crash(json.loads(message["Body"]))
            except Exception:
                # It stays where it is, the alarm rings, and somebody looks at it.
                logger.exception("delivery.unreadable", message_id=message["MessageId"])
                continue
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            recorded += 1
        if not taken:
            return recorded


def _crash(message: Mapping[str, Any]) -> None:
    hook_id = message["hookId"]
    delivery, hook = reads.fetch(
        [
            Delivery.ref(keys.delivery(hook_id, message["eventId"])),
            Hook.ref(keys.hook(message["projectId"], message["formId"], hook_id)),
        ]
    )
    if delivery is None or delivery.settled or not leases.take(delivery, _LEASE):
        return
    now = clock.micros()
    schedule = verdict.SCHEDULE if hook is None else hook.schedule
    outcome = verdict.judge(None, delivery.tries + 1, delivery.id, now, schedule)
    attempt = {"t": now, "ms": 0, "e": CRASHED}
    if outcome.state in deliveries.GIVEN_UP:
        notices.given_up(delivery)
    leases.settle(delivery, outcome.state, attempt=attempt, next_at=outcome.next_at)
    if outcome.state == deliveries.RETRYING:
        leases.wake(delivery)
    else:
        line.pass_on(delivery)
        logger.info("hook.failed", delivery=delivery.id, type=delivery.kind, error=CRASHED)
