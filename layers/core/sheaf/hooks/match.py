"""From the event bus to the queue: which hooks are told of an event, and with what body.

Everything here may happen twice, and stop anywhere: the delivery's key makes it one of its kind,
and a delivery that still waits is woken again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sheaf import clock
from sheaf.access.actors import Actor
from sheaf.db import keys, reads
from sheaf.forms.definitions import Definition
from sheaf.hooks import backlog, body, deliveries, events, hooks, leases, line, snapshot
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.envelope import Published, Subject
from sheaf.hooks.events import Event
from sheaf.hooks.records import ALL_FORMS, Hook

# How old (micros) an event is at least whose submission can be purged, with an hour to spare.
_YOUNG = 23 * 3600 * 1_000_000


def run(event: Event) -> int:
    """Make and wake the deliveries of an event; give their number.

    Args:
        event: what the bus carries as `detail` (`events.of`).
    """
    told = wanting(event)
    return deliver_to(told, event) if told else 0


def wanting(event: Event) -> list[Hook]:
    """Find the hooks of the event's form and project that wanted its type when it happened."""
    if not events.worth_telling(event):
        return []
    # Two small queries: one for all hooks of the project would grow with its forms.
    listed = [
        hook
        for form_id in (event["formId"], ALL_FORMS)
        for hook in hooks.of(event["projectId"], form_id)
    ]
    kind, moment = event["action"], events.micros(event)
    return [hook for hook in listed if hook.wanted(kind, moment)]


def deliver_to(told: list[Hook], event: Event, *, replay: bool = False) -> int:
    """Freeze the body of an event for each of some hooks, and wake the deliveries.

    Of what is gone for good nobody can say any more whether a filter lets it through: its delivery
    is made, and cancelled.

    Returns:
        How many there are: those of hooks whose filter lets the event through.
    """
    for hook in told:
        # Of a hook that wants events in order those before this one come first.
        for earlier in line.missing(hook, event):
            if hook.wanted(earlier["action"], events.micros(earlier)):
                deliver_to([hook], earlier, replay=replay)
    then = subject(event)
    made: list[Delivery] = []
    gone = is_gone(event, then)
    for hook in told:
        _, pattern = hook.wish(event["action"], events.micros(event))
        text = None if gone else body.render(hook, event, then, wanted=pattern, replay=replay)
        if text is None and not gone:
            continue
        unseen, after = _unseen(hook, event), line.join(hook, event)
        delivery = deliveries.create(hook, event, text, due_at=unseen, after=after)
        made.append(delivery)
        # Also when it was there before: the run that made it may have stopped right after.
        if delivery.state == deliveries.PENDING:
            leases.wake(delivery)
    take_back(event, made)
    return len(made)


def take_back(event: Event, made: Iterable[Delivery]) -> None:
    """Remove the bodies that were written while the submission was purged.

    Before an event is a day old that cannot be: so long at least a submission lies in the trash.
    """
    young = clock.micros() - events.micros(event) < _YOUNG
    if young or "version" not in event or event["action"] == events.PURGE:
        return
    if snapshot.is_gone(event):
        for delivery in made:
            deliveries.forget_body(delivery)


def subject(event: Event) -> Subject:
    """Give what an event is about, as it was then; None when it is gone."""
    if event["action"] == events.PURGE:
        return None
    if event["action"] == events.PUBLISH:
        actor_id = event["actorId"]
        refs: list[Any] = [Definition.ref(keys.definition(event["formId"], event["formVersion"]))]
        refs += [] if actor_id is None else [Actor.ref(keys.actor(actor_id))]
        definition, *actor = reads.fetch(refs)
        return Published(definition, *(actor or [None]))
    return snapshot.at(event)


def is_gone(event: Event, then: Subject) -> bool:
    """Whether there is nothing left of what an event is about, and somebody asks for more."""
    return then is None and event["action"] != events.PURGE


def _unseen(hook: Hook, event: Event) -> int | None:
    """Give when the sweep is to look at a delivery, unless it finds it by the hook's gate."""
    seen = backlog.mark(hook.id, events.key(event))
    return None if seen else clock.micros() + leases.HEADWAY
