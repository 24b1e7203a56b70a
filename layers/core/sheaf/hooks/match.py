"""From the event bus to the queue: which hooks are told of an event, and with what body.

Everything here may happen twice, and stop anywhere: the delivery's key makes it one of its kind,
and a delivery that still waits is woken again.
"""

from __future__ import annotations

from sheaf import clock
from sheaf.hooks import backlog, body, deliveries, events, hooks, leases, snapshot
from sheaf.hooks.events import Event
from sheaf.hooks.hooks import ALL_FORMS, Hook


def run(event: Event) -> int:
    """Make and wake the deliveries of an event; give their number.

    Args:
        event: what the bus carries as `detail` (`events.of`).
    """
    told = wanting(event)
    if told:
        deliver_to(told, event)
    return len(told)


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


def deliver_to(told: list[Hook], event: Event) -> None:
    """Freeze the body of an event for each of some hooks, and wake the deliveries."""
    then = snapshot.at(event, events.micros(event))
    for hook in told:
        text = None if then is None else body.render(event, then, hook.id)
        delivery = deliveries.create(hook, event, text, due_at=_unseen(hook, event))
        # Also when it was there before: the run that made it may have stopped right after.
        if delivery.state == deliveries.PENDING:
            leases.wake(delivery)


def _unseen(hook: Hook, event: Event) -> int | None:
    """Give when the sweep is to look at a delivery, unless it finds it by the hook's gate."""
    seen = backlog.mark(hook.id, events.key(event))
    return None if seen else clock.micros() + leases.HEADWAY
