"""One delivery, sent again because somebody asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pynamodb.expressions.condition import size

from sheaf import clock
from sheaf.access.auth import Auth
from sheaf.db import reads
from sheaf.db.transaction import Transaction
from sheaf.hooks import deliveries, leases
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.records import Hook
from sheaf.problems import AlreadyDelivered, Busy, HookTurnedOff, Problem, found

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

_TRIES = 5


class Changed(Problem):
    """The delivery has gone on meanwhile. Never reaches a client."""

    code = 503.1
    message = "The delivery has changed meanwhile."


def one(hook: Hook, delivery: Delivery, *, force: bool, by: Auth) -> Delivery | None:
    """Let a delivery be sent at once; its schedule begins anew.

    Args:
        hook: whose delivery it is.
        delivery: as it was read.
        force: also if the receiver has it already.
        by: who asks.

    Returns:
        The delivery as it is then; None if it is under way anyhow.

    Raises:
        HookTurnedOff: the hook is told of nothing.
        AlreadyDelivered: the receiver has it, and nobody said `force`.
        Busy: others kept changing it.
    """
    if not hook.active:
        raise HookTurnedOff
    for _ in range(_TRIES):
        if delivery.state in (deliveries.PENDING, deliveries.DELIVERING):
            return None
        if delivery.state == deliveries.SUCCEEDED and not force:
            raise AlreadyDelivered
        try:
            _renew(hook, delivery, by=by)
        except Changed:
            delivery = found(reads.get(Delivery.ref((delivery.pk, delivery.sk))))
            continue
        now = found(reads.get(Delivery.ref((delivery.pk, delivery.sk))))
        # Should this end here, the sweep does it within a minute.
        leases.wake(now)
        return now
    raise Busy


def _renew(hook: Hook, delivery: Delivery, *, by: Auth) -> None:
    as_many = size(Delivery.attempts) == len(delivery.attempts)  # type: ignore[no-untyped-call]
    seen = (Delivery.state == delivery.state) & as_many
    soon = leases.listing(delivery, clock.micros() + leases.HEADWAY)
    actions: list[Action] = [*leases.renewal(delivery), *soon]
    with Transaction() as tx:
        tx.update(delivery, actions, seen, otherwise=Changed())
        hook.tell(tx, "hook.delivery.retry", {"deliveryId": delivery.id}, by=by)
