"""Pacing: no more attempts a second than a hook's receiver is said to take.

Each attempt reserves a place in time, by one write that adds to the moment which is given out next:
a token bucket that holds one second's worth. Whoever is given a later moment comes back then, and
needs no second place; so nobody asks in vain, however many wait.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sheaf import clock
from sheaf.db import keys
from sheaf.db.conditional import held
from sheaf.hooks.gates import Gate
from sheaf.problems import Busy

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

    from sheaf.hooks.deliveries import Delivery
    from sheaf.hooks.records import Hook

_SECOND = 1_000_000
_TRIES = 10


def reserve(hook: Hook, delivery: Delivery) -> int:
    """Give the moment (micros) when an attempt may begin; it may be past already.

    Raises:
        Busy: others kept reserving at the same moment.
    """
    now = clock.micros()
    if hook.rate is None or (delivery.paced_at is not None and delivery.paced_at <= now):
        return now
    step = int(_SECOND / hook.rate)
    # So much may have been saved up.
    saved = max(_SECOND - step, 0)
    gate = Gate(*keys.gate(hook.id))
    for _ in range(_TRIES):
        further: list[Action] = [Gate.paced_until.set(Gate.paced_until + step)]
        if held(partial(gate.update, further, condition=Gate.paced_until > now)):
            return int(gate.paced_until) - step - saved
        free = Gate.paced_until.does_not_exist() | (Gate.paced_until <= now)
        anew: list[Action] = [Gate.paced_until.set(now + step)]
        if held(partial(gate.update, anew, condition=free)):
            return now
    raise Busy
