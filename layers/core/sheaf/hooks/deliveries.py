"""Deliveries: exactly one record for each hook and event, which is the truth of what was sent.

Who changes one while it is under way holds a lease on it (`sheaf.hooks.leases`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    UnicodeAttribute,
)

from sheaf import blobs, clock
from sheaf.db import keys, reads
from sheaf.db.compression import pack, unpack
from sheaf.db.conditional import held
from sheaf.db.items import IntegerAttribute, Item
from sheaf.hooks import attempts, events
from sheaf.hooks.events import Event
from sheaf.hooks.records import PREFIX, Hook
from sheaf.hooks.sending import JSON, Body

PENDING = "pending"
DELIVERING = "delivering"
RETRYING = "retrying"
SUCCEEDED = "succeeded"
FAILED = "failed"
# The hook is disabled; enabling it lets them go on.
HELD = "held"
# The hook was deleted or turned off, or there is nothing left to send.
CANCELLED = "cancelled"
# The target may not be reached, so no later try can help.
BLOCKED = "blocked"
WAITING = (PENDING, RETRYING, HELD)
SETTLED = (SUCCEEDED, FAILED, CANCELLED, BLOCKED)
# Of those, what is not sent again by itself.
GIVEN_UP = (FAILED, BLOCKED)
STATES = (PENDING, DELIVERING, RETRYING, HELD, *SETTLED)

# Days that records and bodies are kept; longer than any event is under way.
KEPT_DAYS = 90
# A body beyond this, compressed, lies in S3: an item holds 400 KB.
LARGEST_INLINE = 300_000


class Delivery(Item):
    """What became of an event for a hook (key: `L#<hook>`, `<event>`). Times are microseconds.

    `attempts` are maps (`sheaf.hooks.attempts`); of those before `since` the schedule is over.
    `next_at` is when the next one may begin, `lease` until when one is under way, `woken_at` when
    the sweep last sent for it. `due` and `due_at` are there while it must be looked at in any case.
    `job` made it or sent it again last. `paced_at` is the moment that a rate limit has given to the
    next attempt; `after` is the event whose delivery goes before this one, `followers` are those of
    which the deliveries wait for it. `purged` forbids any further words:
    the submission is gone. `ttl` is in seconds.
    """

    project_id = IntegerAttribute(attr_name="p")
    # Of the hook: ALL_FORMS for one of the project.
    form_id = IntegerAttribute(attr_name="f")
    submission_id = UnicodeAttribute(attr_name="i")
    instance_id = UnicodeAttribute(attr_name="n", null=True)
    kind = UnicodeAttribute(attr_name="k")
    state = UnicodeAttribute(attr_name="s", default=PENDING)
    reason = UnicodeAttribute(attr_name="w", null=True)
    attempts: ListAttribute[Any] = ListAttribute(attr_name="a", default=list)
    since = IntegerAttribute(attr_name="b", null=True)
    next_at = IntegerAttribute(attr_name="x", null=True)
    lease = IntegerAttribute(attr_name="l", null=True)
    woken_at = IntegerAttribute(attr_name="u", null=True)
    due = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(attr_name="dueAt", null=True)
    job = UnicodeAttribute(attr_name="j", null=True)
    paced_at = IntegerAttribute(attr_name="g", null=True)
    after = UnicodeAttribute(attr_name="v", null=True)
    followers: ListAttribute[Any] = ListAttribute(attr_name="o", null=True)
    purged = BooleanAttribute(attr_name="z", null=True)
    created_at = IntegerAttribute(attr_name="c")
    ttl = IntegerAttribute()

    @property
    def tries(self) -> int:
        """How many attempts its schedule has had."""
        return len(self.attempts) - (self.since or 0)

    @property
    def hook_id(self) -> str:
        """The hook's id."""
        return str(self.pk).removeprefix(keys.deliveries(""))

    @property
    def id(self) -> str:
        """The `webhook-id`: equal on all attempts, and for nothing else."""
        return f"dlv_{self.sk}-{self.hook_id.removeprefix(PREFIX)}"

    @property
    def due_key(self) -> str:
        """Its hash key in the index `due`, while it is there."""
        return keys.due_hooks(f"{self.pk}{self.sk}")

    @property
    def settled(self) -> bool:
        """Whether there is nothing more to do."""
        return self.state in SETTLED

    def is_due(self, now: int) -> bool:
        """Whether an attempt may begin, as far as the record tells."""
        if self.state == DELIVERING:
            return (self.lease or 0) < now
        return not self.settled and (self.next_at or 0) <= now

    @property
    def touched_at(self) -> int:
        """Until when (micros) nobody needs to look after it, as far as the record tells."""
        moments = (self.created_at, self.next_at, self.woken_at, self.lease)
        return max(moment or 0 for moment in moments)

    def to_api(self) -> dict[str, Any]:
        """Give the delivery as the API lists it."""
        waiting = self.state in WAITING
        return {
            "id": self.id,
            "hookId": self.hook_id,
            "eventId": events.shown_id(self.sk),
            "event": self.kind,
            "instanceId": self.instance_id,
            "state": self.state,
            "reason": self.reason,
            "attempts": [attempts.shown(dict(a), n) for n, a in enumerate(self.attempts, 1)],
            "nextAttemptAt": clock.iso(self.next_at) if waiting else None,
            "createdAt": clock.iso(self.created_at),
        }


class HookBody(Item):
    """The body of a delivery, frozen (key: `V#<submission>`, `B#<event>#<hook>`), here or in S3.

    It lies with its submission, so that a purge finds it.
    """

    packed = BinaryAttribute(attr_name="x", null=True, legacy_encoding=False)
    blob_key = UnicodeAttribute(attr_name="xk", null=True)
    # Absent where it is JSON, and where there are none.
    content_type = UnicodeAttribute(attr_name="t", null=True)
    headers: JSONAttribute = JSONAttribute(attr_name="h", null=True)
    ttl = IntegerAttribute()

    @property
    def body(self) -> Body:
        """The body, byte for byte as it was rendered."""
        data = blobs.load(self.blob_key) if self.packed is None else unpack(self.packed)
        return Body(data, self.content_type or JSON, self.headers or {})


def create(
    hook: Hook,
    event: Event,
    body: Body | None,
    *,
    due_at: int | None = None,
    job: str | None = None,
    after: str | None = None,
) -> Delivery:
    """Write the delivery of an event, with its body, unless it is there; give it as it is now.

    The body goes first and stays as it was first written; a crash in between leaves one that the
    event's next coming finds. Two writes that are safe to repeat cost half of a transaction.
    Without a body (the submission is gone for good) the delivery is cancelled at once. `due_at` is
    when the sweep is to look at it (micros), where nothing else leads it there; `job` who makes it,
    if a job does; `after` the event whose delivery goes before it.
    """
    key, now = events.key(event), clock.micros()
    delivery = Delivery(
        *keys.delivery(hook.id, key),
        project_id=hook.project_id,
        form_id=hook.form_id,
        submission_id=event.get("submissionId", keys.no_submission(event["formId"])),
        instance_id=event.get("instanceId"),
        kind=event["action"],
        job=job,
        after=after,
        created_at=now,
        ttl=now // 1_000_000 + KEPT_DAYS * 24 * 60 * 60,
    )
    if body is None:
        delivery.state, delivery.reason = CANCELLED, "The submission has been purged."
        # A run that was cut off may have written one, when there was something left.
        forget_body(delivery)
    else:
        _write_once(_frozen(delivery, body))
        if due_at is not None:
            delivery.due, delivery.due_at = delivery.due_key, f"{due_at:016d}"
    if _write_once(delivery):
        return delivery
    return reads.get(Delivery.ref((delivery.pk, delivery.sk))) or delivery


def _write_once(item: Item) -> bool:
    """Put an item unless one is there already; give whether it was put."""
    return held(partial(item.save, condition=type(item).pk.does_not_exist()))


def body_key(delivery: Delivery) -> tuple[str, str]:
    """Give the key of a delivery's HookBody."""
    return keys.hook_body(delivery.submission_id, delivery.sk, delivery.hook_id)


def forget_body(delivery: Delivery) -> None:
    """Remove what a delivery was to send: its submission is gone."""
    frozen = reads.get(HookBody.ref(body_key(delivery)))
    if frozen is None:
        return
    if frozen.blob_key is not None:
        blobs.forget(frozen.blob_key)
    frozen.delete()


def between(
    hook_id: str,
    span: tuple[str, str],
    *,
    newest_first: bool = False,
    page_size: int | None = None,
) -> Iterator[Delivery]:
    """Give a hook's deliveries of the events between two keys, both included.

    Args:
        hook_id: of which hook.
        span: the two keys.
        newest_first: in which order.
        page_size: how many to read at a time.
    """
    first, last = span
    if first > last:
        return iter(())
    return iter(
        Delivery.query(
            keys.deliveries(hook_id),
            Delivery.sk.between(first, last),
            consistent_read=True,
            scan_index_forward=not newest_first,
            page_size=page_size,
        )
    )


def _frozen(delivery: Delivery, body: Body) -> HookBody:
    frozen = HookBody(*body_key(delivery), ttl=delivery.ttl)
    frozen.content_type = None if body.content_type == JSON else body.content_type
    frozen.headers = dict(body.headers) or None
    packed = pack(body.data)
    if len(packed) <= LARGEST_INLINE:
        frozen.packed = packed
    else:
        prefix = blobs.submission_prefix(delivery.submission_id)
        frozen.blob_key = blobs.store(prefix, body.data, body.content_type).key
    return frozen
