"""Leases: of all who are woken for a delivery, one makes the attempt.

A message in the queue is only a wake-up: it may come twice, early, late or never. Whoever delivers
takes a lease on the record first; what a crash left under way is taken up again when it has run
out. Each delivery that waits is either in the index `due` by itself, or behind the cursor of its
hook's gate (`sheaf.hooks.backlog`), so the sweep finds it whatever became of its messages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from sheaf import aws, clock, settings
from sheaf.db import reads
from sheaf.db.conditional import held
from sheaf.hooks import deliveries
from sheaf.hooks.deliveries import Delivery
from sheaf.submissions.echoes import without

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

_SECOND = 1_000_000
# Seconds that a wake-up can wait in the queue (SQS's limit). What is due later waits in the index.
LONGEST_NAP = 900
# How long (micros) the sweep leaves a delivery alone whose wake-up should be on its way.
HEADWAY = 60 * _SECOND
# What SendMessageBatch takes.
_BATCH = 10


def wake(delivery: Delivery, *, not_before: int = 0) -> None:
    """Put a wake-up into the queue, for when the delivery is due; none when that is far away.

    Messages are grouped by hook, so that the queue serves all hooks in turn, however many wait for
    one of them. It comes at a moment (micros) at the earliest, if one is given.
    """
    nap = _nap(delivery, not_before)
    if nap <= LONGEST_NAP:
        aws.client("sqs").send_message(
            QueueUrl=settings.DELIVERY_QUEUE_URL,
            MessageBody=_message(delivery),
            DelaySeconds=nap,
            MessageGroupId=delivery.hook_id,
        )


def wake_all(waiting: Sequence[Delivery], *, last: int = 0) -> None:
    """Wake many deliveries that are due, ten with each call; the last one in so many seconds.

    Raises:
        RuntimeError: the queue would not take some of them.
    """
    for start in range(0, len(waiting), _BATCH):
        entries = [
            {
                "Id": str(number),
                "MessageBody": _message(delivery),
                "MessageGroupId": delivery.hook_id,
                "DelaySeconds": last if delivery is waiting[-1] else 0,
            }
            for number, delivery in enumerate(waiting[start : start + _BATCH])
        ]
        answer = aws.client("sqs").send_message_batch(
            QueueUrl=settings.DELIVERY_QUEUE_URL, Entries=entries
        )
        if answer.get("Failed"):
            raise RuntimeError(f"not woken: {answer['Failed'][:3]}")


def take(delivery: Delivery, seconds: int) -> bool:
    """Take a lease of so many seconds on a delivery that is due; give whether one has it.

    One that is not due yet, or under way elsewhere, gets a later wake-up: should the other one
    crash, nobody else might come by.
    """
    now = clock.micros()
    due = Delivery.state.is_in(*deliveries.WAITING) & (
        Delivery.next_at.does_not_exist() | (Delivery.next_at <= now)
    )
    left = (Delivery.state == deliveries.DELIVERING) & (Delivery.lease < now)
    actions: list[Action] = [
        Delivery.state.set(deliveries.DELIVERING),
        Delivery.lease.set(now + seconds * _SECOND),
        Delivery.next_at.remove(),
        Delivery.paced_at.remove(),
    ]
    if held(partial(delivery.update, actions, condition=due | left)):
        return True
    found = reads.get(Delivery.ref((delivery.pk, delivery.sk)))
    if found is not None and not found.settled:
        wake(found)
    return False


def settle(
    delivery: Delivery,
    state: str,
    *,
    attempt: Mapping[str, Any] | None = None,
    next_at: int | None = None,
) -> bool:
    """Record what became of a delivery on which one holds the lease.

    Of an attempt only the numbers are kept when a purge of the submission has gone by meanwhile.

    Returns:
        Whether one still held it. If not, somebody else has taken the delivery up and records it.
    """
    numbers = attempt and without([attempt])[0]
    if attempt == numbers:
        return _settle(delivery, state, attempt, next_at)
    there = Delivery.purged.does_not_exist()
    return _settle(delivery, state, attempt, next_at, there) or _settle(
        delivery, state, numbers, next_at, Delivery.purged.exists()
    )


def _settle(
    delivery: Delivery,
    state: str,
    attempt: Mapping[str, Any] | None,
    next_at: int | None,
    only: Any = None,
) -> bool:
    actions: list[Any] = [Delivery.state.set(state), Delivery.lease.remove()]
    if attempt is not None:
        actions.append(Delivery.attempts.set(Delivery.attempts.append([dict(attempt)])))
    if next_at is not None:
        actions.append(Delivery.next_at.set(next_at))
    actions += _listing(delivery, state, next_at)
    mine = (Delivery.state == deliveries.DELIVERING) & (Delivery.lease == delivery.lease)
    fits = mine if only is None else mine & only
    return held(partial(delivery.update, actions, condition=fits))


def close(delivery: Delivery, state: str, reason: str) -> bool:
    """Settle a delivery that waits, without an attempt; give whether it still waited."""
    actions: list[Action] = [
        Delivery.state.set(state),
        Delivery.reason.set(reason),
        Delivery.next_at.remove(),
        Delivery.due.remove(),
        Delivery.due_at.remove(),
    ]
    return held(partial(delivery.update, actions, condition=_waits()))


def renew(delivery: Delivery, *, job: str) -> bool:
    """Let a job have a delivery that is settled or retrying begin its schedule anew, once.

    The gate must reach it.

    Returns:
        Whether it did.
    """
    idle = Delivery.state.is_in(*deliveries.SETTLED, deliveries.RETRYING)
    fresh = idle & (Delivery.job.does_not_exist() | (Delivery.job != job))
    alone = (Delivery.due.remove(), Delivery.due_at.remove())
    actions = [*renewal(delivery), *alone, Delivery.job.set(job)]
    return held(partial(delivery.update, actions, condition=fresh))


def renewal(delivery: Delivery) -> list[Action]:
    """Give what lets a delivery begin its schedule anew, at once."""
    return [
        Delivery.state.set(deliveries.PENDING),
        Delivery.since.set(len(delivery.attempts)),
        Delivery.reason.remove(),
        Delivery.next_at.remove(),
    ]


def look_at(delivery: Delivery, moment: int) -> bool:
    """Let the sweep look at a delivery that waits; give whether it still waited."""
    return held(partial(delivery.update, listing(delivery, moment), condition=_waits()))


def put_off(delivery: Delivery, moment: int) -> bool:
    """Let a delivery that waits come at a moment (micros) that was given to its next attempt.

    Returns:
        Whether it still waited.
    """
    actions: list[Action] = [Delivery.next_at.set(moment), Delivery.paced_at.set(moment)]
    actions += _listing(delivery, deliveries.RETRYING, moment)
    return held(partial(delivery.update, actions, condition=_waits()))


def unlist(delivery: Delivery, state: str) -> bool:
    """Take a delivery that waits out of the index, into a state; its gate must reach it."""
    actions: list[Action] = [
        Delivery.state.set(state),
        Delivery.due.remove(),
        Delivery.due_at.remove(),
    ]
    return held(partial(delivery.update, actions, condition=_waits()))


def _waits() -> Any:
    """The condition that a delivery waits, or that who had it under way is gone."""
    left = (Delivery.state == deliveries.DELIVERING) & (Delivery.lease < clock.micros())
    return Delivery.state.is_in(*deliveries.WAITING) | left


def _listing(delivery: Delivery, state: str, next_at: int | None) -> list[Action]:
    """Keep a delivery in the index while it waits for long, or was there before."""
    if state in deliveries.SETTLED:
        listed = delivery.due is not None
        return [Delivery.due.remove(), Delivery.due_at.remove()] if listed else []
    at = clock.micros() if next_at is None else next_at
    if at - clock.micros() > LONGEST_NAP * _SECOND:
        return listing(delivery, at)
    return [Delivery.due_at.set(f"{at + HEADWAY:016d}")] if delivery.due is not None else []


def listing(delivery: Delivery, moment: int) -> list[Action]:
    """Give what puts a delivery into the index, to be looked at then (micros)."""
    return [
        Delivery.due.set(delivery.due_key),
        Delivery.due_at.set(f"{moment:016d}"),
    ]


def _nap(delivery: Delivery, not_before: int) -> int:
    due = max(delivery.next_at or 0, delivery.lease or 0, not_before)
    # Rounded up: a wake-up that comes a moment early would have to be sent again.
    return max(0, -((clock.micros() - due) // _SECOND))


def _message(delivery: Delivery) -> str:
    return json.dumps(
        {
            "hookId": delivery.hook_id,
            "eventId": delivery.sk,
            "submissionId": delivery.submission_id,
            "projectId": delivery.project_id,
            "formId": delivery.form_id,
            "attempt": len(delivery.attempts) + 1,
        }
    )
