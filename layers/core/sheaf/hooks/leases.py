"""Leases: of all who are woken for a delivery, one makes the attempt.

A message in the queue is only a wake-up: it may come twice, early or late. Whoever delivers takes a
lease on the record first; what a crash left under way is taken up again when it has run out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sheaf import aws, clock, settings
from sheaf.db import keys, reads
from sheaf.db.conditional import held
from sheaf.hooks import deliveries
from sheaf.hooks.deliveries import Delivery

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

# Seconds that a wake-up can wait in the queue (SQS's limit).
LONGEST_NAP = 900


def wake(delivery: Delivery) -> None:
    """Put a wake-up into the queue, for when the delivery is due or as late as the queue can.

    Messages are grouped by hook, so that the queue serves all hooks in turn, however many wait for
    one of them.
    """
    due = max(int(delivery.due_at or 0), delivery.lease or 0)
    # Rounded up: a wake-up that comes a moment early would have to be sent again.
    nap = min(LONGEST_NAP, max(0, -((clock.micros() - due) // 1_000_000)))
    message = {
        "hookId": delivery.hook_id,
        "eventId": delivery.sk,
        "projectId": delivery.project_id,
        "formId": delivery.form_id,
        "attempt": len(delivery.attempts) + 1,
    }
    aws.client("sqs").send_message(
        QueueUrl=settings.DELIVERY_QUEUE_URL,
        MessageBody=json.dumps(message),
        DelaySeconds=nap,
        MessageGroupId=delivery.hook_id,
    )


def take(hook_id: str, event_key: str, seconds: int) -> Delivery | None:
    """Take a lease of so many seconds on a delivery that is due; None if there is nothing to do.

    One that is not due yet, or under way elsewhere, gets a later wake-up: should the other one
    crash, nobody else might come by.
    """
    delivery, now = Delivery(*keys.delivery(hook_id, event_key)), clock.micros()
    due = Delivery.state.is_in(*deliveries.WAITING) & (
        Delivery.due_at.does_not_exist() | (Delivery.due_at <= f"{now:016d}")
    )
    left = (Delivery.state == deliveries.DELIVERING) & (Delivery.lease < now)
    actions: list[Action] = [
        Delivery.state.set(deliveries.DELIVERING),
        Delivery.lease.set(now + seconds * 1_000_000),
        Delivery.due_at.remove(),
    ]
    if held(partial(delivery.update, actions, condition=due | left)):
        return delivery
    found = reads.get(Delivery.ref((delivery.pk, delivery.sk)))
    if found is not None and found.state in (*deliveries.WAITING, deliveries.DELIVERING):
        wake(found)
    return None


def settle(
    delivery: Delivery,
    state: str,
    *,
    attempt: Mapping[str, Any] | None = None,
    due_at: int | None = None,
    reason: str | None = None,
) -> bool:
    """Record what became of a delivery on which one holds the lease.

    Returns:
        Whether one still held it. If not, somebody else has taken the delivery up and records it.
    """
    actions: list[Any] = [Delivery.state.set(state), Delivery.lease.remove()]
    if attempt is not None:
        actions.append(Delivery.attempts.set(Delivery.attempts.append([dict(attempt)])))
    if due_at is not None:
        actions.append(Delivery.due_at.set(f"{due_at:016d}"))
    if reason is not None:
        actions.append(Delivery.reason.set(reason))
    mine = (Delivery.state == deliveries.DELIVERING) & (Delivery.lease == delivery.lease)
    return held(partial(delivery.update, actions, condition=mine))
