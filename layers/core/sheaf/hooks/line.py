"""Lines: the deliveries of one submission to a hook that wants them in order, one behind another.

Matching sees to it that all earlier events of the submission have their deliveries before a later
one is made, whatever the order in which events arrive; each knows the one before it, and that one
knows who waits. Who finds the one before unsettled goes away, and is woken when it is settled.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from sheaf import clock
from sheaf.db import keys, reads
from sheaf.db.audit import Audit
from sheaf.db.conditional import held
from sheaf.db.items import Item
from sheaf.hooks import deliveries, events, leases
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.events import Event
from sheaf.hooks.records import Hook
from sheaf.submissions.records import LIVE, TRASH, Submission

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

# When one that waits in line is looked at in any case (micros).
_LOOK = 3600 * 1_000_000


def missing(hook: Hook, event: Event) -> list[Event]:
    """Give earlier events of a submission that the hook may not have been told of, oldest first.

    Those before one that has its delivery have been seen to when that was made.
    """
    if not hook.in_order or "submissionId" not in event:
        return []
    found: list[Event] = []
    for key in _earlier(event):
        name = key[1]
        if reads.get(Delivery.ref(keys.delivery(hook.id, name))) is not None:
            break
        row = reads.get(Audit.ref(key))
        if row is not None:
            found.append(events.of(row))
    return [each for each in reversed(found) if events.worth_telling(each)]


def join(hook: Hook, event: Event) -> str | None:
    """Let the delivery before an event's own know that one waits behind it; give its event."""
    if not hook.in_order or "submissionId" not in event:
        return None
    key = events.key(event)
    before = _before(hook.id, str(event["submissionId"]), key)
    if before is None:
        return None
    delivery = Delivery(*keys.delivery(hook.id, before))
    follow: list[Action] = [Delivery.followers.set((Delivery.followers | []).append([key]))]
    new = Delivery.state.exists() & (
        Delivery.followers.does_not_exist() | ~Delivery.followers.contains(key)
    )
    held(partial(delivery.update, follow, condition=new))
    return before


def waits(delivery: Delivery) -> bool:
    """Whether the delivery before this one is not settled; this one is then woken by it."""
    if delivery.after is None:
        return False
    before = reads.get(Delivery.ref(keys.delivery(delivery.hook_id, delivery.after)))
    return before is not None and not before.settled


def stand(delivery: Delivery) -> None:
    """Let a delivery wait in line; the sweep looks at it once an hour in any case."""
    leases.look_at(delivery, clock.micros() + _LOOK)


def pass_on(delivery: Delivery) -> None:
    """Wake those who wait behind a delivery that is settled."""
    refs = [Delivery.ref(keys.delivery(delivery.hook_id, key)) for key in delivery.followers or ()]
    for follower in reads.fetch(refs):
        if follower is not None and follower.state in deliveries.WAITING:
            leases.wake(follower)


def _earlier(event: Event) -> Iterator[tuple[str, str]]:
    """Give the keys of the audit rows of a submission before an event, newest first."""
    form_id, submission_id = event["formId"], event["submissionId"]
    places = (LIVE, TRASH)
    refs = [Submission.ref(keys.submission(form_id, place, submission_id)) for place in places]
    there = [each for each in reads.fetch(refs) if each is not None]
    if not there:
        return
    current: Any = max(there, key=lambda each: each.revision)
    yield from (key for key in reversed(current.audits) if key[1] < events.key(event))


def _before(hook_id: str, submission_id: str, key: str) -> str | None:
    """Give the latest event before another of which the hook has a delivery."""
    bodies = Item.query(
        keys.collection(submission_id),
        Item.sk.between(keys.BODY, keys.hook_body(submission_id, key, "")[1]),
        consistent_read=True,
        scan_index_forward=False,
        attributes_to_get=["pk", "sk"],
    )
    for item in bodies:
        pk, event_key = keys.delivery_of(item.sk)
        if pk == keys.deliveries(hook_id) and event_key < key:
            return event_key
    return None
