"""What a hook was sent, as the API tells it: lists, deliveries, what was sent with attempts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sheaf import fields
from sheaf.db import keys, reads
from sheaf.db.items import Item
from sheaf.db.reads import Lookup
from sheaf.hooks import deliveries, events
from sheaf.hooks.deliveries import Delivery, HookBody
from sheaf.hooks.feeds import Span
from sheaf.hooks.records import PREFIX
from sheaf.hooks.sending import Body
from sheaf.problems import NotFound, found

PAGE, LARGEST_PAGE = 100, 1000
# Records that one request looks at; where a filter lets few through, a page is shorter than asked.
MOST_READ = 10_000
_ID = "dlv_"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries a client wants to see: of a state, a type, a submission, a span of time.

    `before` is the key of the delivery before whose own event they must have happened.
    """

    span: Span
    state: str | None
    kind: str | None
    instance_id: str | None
    limit: int
    before: str

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Read `state`, `event`, `instanceId`, `start`, `end`, `limit` and `cursor`.

        Raises:
            UnexpectedValue: there is no such state or type of event.
            InvalidDataType: the limit is no number, or a time none.
        """
        state, kind, limit = query.get("state"), query.get("event"), fields.count(query, "limit")
        if state is not None:
            fields.choice(state, "state", deliveries.STATES, "not a recognized state name")
        if kind is not None:
            fields.choice(kind, "event", events.TYPES, "not a type of event")
        size = PAGE if limit is None else min(limit, LARGEST_PAGE)
        before = query.get("cursor", "").removeprefix(_ID).rpartition("-")[0]
        return cls(Span.of(query), state, kind, query.get("instanceId"), size, before)

    @property
    def keys(self) -> tuple[str, str]:
        """Sort keys between which they lie, both included."""
        first, last = self.span.keys
        return first, min(last, self.before or last)

    def fits(self, delivery: Delivery) -> bool:
        """Whether a delivery is one of them."""
        return (
            delivery.sk != self.before
            and self.state in (None, delivery.state)
            and self.kind in (None, delivery.kind)
            and self.instance_id in (None, delivery.instance_id)
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Deliveries, the newest event first, and the cursor of the next page, if there is one."""

    listed: list[Delivery]
    next: str | None

    def to_api(self) -> list[dict[str, Any]]:
        """Give the deliveries as the API lists them."""
        return [delivery.to_api() for delivery in self.listed]


def page(hook_id: str, wanted: Wanted) -> Page:
    """List deliveries of a hook."""
    listed: list[Delivery] = []
    first, last = wanted.keys
    if wanted.limit == 0 or first > last:
        return Page([], None)
    size = max(wanted.limit, PAGE) + 1
    newest = deliveries.between(hook_id, (first, last), newest_first=True, page_size=size)
    seen: Delivery | None = None
    for number, delivery in enumerate(newest):
        if len(listed) == wanted.limit or number == MOST_READ:
            return Page(listed, None if seen is None else seen.id)
        seen = delivery
        if wanted.fits(delivery):
            listed.append(delivery)
    return Page(listed, None)


def lookup(hook_id: str, delivery_id: str) -> Lookup[Delivery]:
    """Find a delivery of a hook by its id.

    Raises:
        NotFound: there is none.
    """
    event_key, _, end = delivery_id.removeprefix(_ID).rpartition("-")
    if not delivery_id.startswith(_ID) or f"{PREFIX}{end}" != hook_id:
        raise NotFound
    (delivery,) = yield (Delivery.ref(keys.delivery(hook_id, event_key)),)
    there: Delivery = found(delivery)
    return there


def body(delivery: Delivery, number: str) -> Body:
    """Give what was sent with an attempt: the same bytes with each.

    Raises:
        NotFound: there was no such attempt, or the submission has been purged.
    """
    if not number.isdecimal() or not 0 < int(number[:4]) <= len(delivery.attempts):
        raise NotFound
    frozen = found(reads.get(HookBody.ref(deliveries.body_key(delivery))))
    return frozen.body


def of_submission(submission_id: str) -> list[dict[str, Any]]:
    """List what all hooks were sent of a submission, the oldest event first."""
    hung = Item.query(
        keys.collection(submission_id),
        Item.sk.startswith(keys.BODY),
        consistent_read=True,
        attributes_to_get=["pk", "sk"],
    )
    named = dict.fromkeys(keys.delivery_of(item.sk) for item in hung)
    sent = reads.fetch([Delivery.ref(key) for key in named])
    listed = [delivery for delivery in sent if delivery is not None]
    return [each.to_api() for each in sorted(listed, key=lambda each: (each.sk, each.pk))]
