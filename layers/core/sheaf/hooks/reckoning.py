"""Accounts: what has happened against what a hook was sent, and how long that took.

Both walk a span of time, and stop where one request has seen enough; `until` says up to where, so
that a client goes on from there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sheaf import clock
from sheaf.db import keys
from sheaf.hooks import body, deliveries, events, match
from sheaf.hooks.deliveries import SUCCEEDED, Delivery
from sheaf.hooks.events import Event
from sheaf.hooks.feeds import Feed, Span
from sheaf.hooks.records import Hook

# Deliveries that one request counts; events without one that it looks at, to see whether the
# hook's filter would have let them through, or lists.
MOST, MOST_OPEN = 20_000, 500
_PERCENTILES = (50, 95, 99)
_DAY = 24 * 60 * 60 * 1_000_000


@dataclass(slots=True)
class Account:
    """What has happened and was wanted, and what became of it."""

    hook: Hook
    span: Span
    until: int
    events: int = 0
    states: Counter[str] = field(default_factory=Counter)
    gaps: list[Event] = field(default_factory=list)
    unasked: int = 0

    def to_api(self) -> dict[str, Any]:
        """Give the account as the API tells it."""
        return {
            "start": clock.iso(self.span.start),
            "end": clock.iso(self.span.end),
            "until": clock.iso(self.until),
            "events": self.events,
            "records": self.events - len(self.gaps),
            "succeeded": self.states[SUCCEEDED],
            "states": dict(self.states),
            "gaps": [_gap(event) for event in self.gaps],
            "unasked": self.unasked,
        }


@dataclass(slots=True)
class Statistics:
    """What a hook was sent: by state, by type of event, and how long it took to arrive (micros)."""

    span: Span
    until: int
    states: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    waits: list[int] = field(default_factory=list)

    def to_api(self) -> dict[str, Any]:
        """Give the numbers as the API tells them."""
        waits = sorted(self.waits)
        return {
            "start": clock.iso(self.span.start),
            "end": clock.iso(self.span.end),
            "until": clock.iso(self.until),
            "deliveries": sum(self.states.values()),
            "attempts": self.attempts,
            "states": dict(self.states),
            "events": dict(self.types),
            "latencyMs": {f"p{part}": _percentile(waits, part) for part in _PERCENTILES},
        }


def reconcile(hook: Hook, span: Span) -> Account:
    """Compare the events that a hook wanted when they happened with its deliveries.

    A gap is an event without a delivery; `unasked` are deliveries of events that it did not want
    then: replays of what had happened before. Records are kept for 90 days, so nothing older is
    looked at.
    """
    kept = clock.micros() - deliveries.KEPT_DAYS * _DAY
    span = Span(max(span.start, kept), span.end)
    account, feed = Account(hook, span, span.start), Feed(hook, span, events.TYPES)
    records = _Records(hook.id, span)
    opened = 0
    for event in feed:
        record = records.of(events.key(event))
        if record is not None:
            _count(account, event, record)
        elif hook.wanted(event["action"], events.micros(event)):
            opened += 1
            if opened > MOST_OPEN:
                break
            if _lets_through(hook, event):
                account.events += 1
                account.gaps.append(event)
        if records.seen > MOST:
            break
    account.until = feed.until
    account.unasked += records.skipped
    return account


def statistics(hook_id: str, span: Span) -> Statistics:
    """Count what a hook was sent of the events of a span."""
    counted = Statistics(span, span.start)
    for number, delivery in enumerate(deliveries.between(hook_id, span.keys)):
        counted.until = keys.micros(delivery.sk)
        if number == MOST:
            return counted
        counted.states[delivery.state] += 1
        counted.types[delivery.kind] += 1
        counted.attempts += len(delivery.attempts)
        if delivery.state == SUCCEEDED and delivery.attempts:
            last = dict(delivery.attempts[-1])
            arrived = int(last["t"]) + int(last["ms"]) * 1000
            counted.waits.append(arrived - keys.micros(delivery.sk))
    counted.until = span.end
    return counted


class _Records:
    """The deliveries of a span, asked for in the order of their events."""

    def __init__(self, hook_id: str, span: Span) -> None:
        self._records = deliveries.between(hook_id, span.keys)
        self._next = next(self._records, None)
        self.seen = self.skipped = 0

    def of(self, key: str) -> Delivery | None:
        """Give the delivery of an event, if there is one; those before it nobody asks for."""
        while self._next is not None and self._next.sk < key:
            self.skipped += 1
            self._advance()
        if self._next is None or self._next.sk != key:
            return None
        found = self._next
        self._advance()
        return found

    def _advance(self) -> None:
        self.seen += 1
        self._next = next(self._records, None)


def _count(account: Account, event: Event, record: Delivery) -> None:
    if account.hook.wanted(event["action"], events.micros(event)):
        account.events += 1
        account.states[record.state] += 1
    else:
        account.unasked += 1


def _lets_through(hook: Hook, event: Event) -> bool:
    """Whether a hook's filter, as it was then, asks for an event."""
    _, wanted = hook.wish(event["action"], events.micros(event))
    if wanted is None:
        return True
    then = match.subject(event)
    # Of what is gone for good nobody can say it; matching makes a record of that, too.
    return not match.is_gone(event, then) and (
        body.render(hook, event, then, wanted=wanted) is not None
    )


def _gap(event: Event) -> dict[str, Any]:
    shown = {"eventId": event["eventId"], "event": event["action"]}
    return shown | {"instanceId": event.get("instanceId"), "timestamp": event["loggedAt"]}


def _percentile(waits: list[int], part: int) -> int | None:
    """Give the wait (ms) that so many of a hundred do not exceed."""
    return waits[(len(waits) * part - 1) // 100] // 1000 if waits else None
