"""From the queue to the receivers: one attempt for each delivery that is due.

Order matters: the lease is taken, the request sent, the attempt recorded, the next one planned, and
only then is the message that woke us given up. A crash anywhere in between leaves the message, and
it comes again; after the request it means one attempt more than is on record, never one less.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sheaf import clock
from sheaf.db import keys, reads
from sheaf.hooks import (
    attempts,
    backlog,
    deliveries,
    gates,
    health,
    leases,
    line,
    notices,
    pacing,
    sending,
    shift,
    verdict,
)
from sheaf.hooks.deliveries import Delivery, HookBody
from sheaf.hooks.gates import Gate
from sheaf.hooks.options import LONGEST_TIMEOUT
from sheaf.hooks.records import Hook
from sheaf.hooks.sending import Outcome
from sheaf.hooks.shift import Seats
from sheaf.hooks.verdict import Verdict
from sheaf.telemetry import logger

# Seconds that a lease lasts: it outlives any attempt, and must end before the queue shows the
# message again.
LEASE = LONGEST_TIMEOUT + 30
# How long (micros) what waits behind the gate of a quick receiver must have waited before a success
# wakes it again; at another it has waited long enough.
_EAGER = 5_000_000
_JUST = 1_000_000
# How long (micros) a delivery stays away whose host has its share of the worker: by then that has
# shown whether it is quick.
_AWAY = 1_000_000

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A delivery that can be sent, and all that it takes to do it."""

    delivery: Delivery
    gate: Gate
    hook: Hook
    frozen: HookBody

    @property
    def host(self) -> str:
        """Where it goes."""
        return urlsplit(self.hook.url).netloc


def run(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Work through messages of the queue; give the ids of those that must come again.

    A receiver that hangs keeps no other's delivery waiting (`sheaf.hooks.shift`): a message is but
    a wake-up, and what became of its delivery is on record before this ends.
    """
    return shift.work(records, _handle)


def _handle(record: Mapping[str, Any], seats: Seats) -> bool:
    try:
        wake_up(json.loads(record["body"]), seats)
    except Exception:
        # The queue shows it again, and parks it after five times.
        logger.exception("delivery.interrupted", message_id=record["messageId"])
        return False
    return True


def wake_up(message: Message, seats: Seats | None = None) -> None:
    """Make the next attempt of a delivery, if it is time for one.

    Args:
        message: its hookId, eventId, submissionId, and the projectId and formId of the hook.
        seats: of the worker, if others work beside it.
    """
    hook_id, event_key = message["hookId"], message["eventId"]
    delivery, gate, hook, frozen = reads.fetch(
        [
            Delivery.ref(keys.delivery(hook_id, event_key)),
            gates.ref(hook_id),
            Hook.ref(keys.hook(message["projectId"], message["formId"], hook_id)),
            HookBody.ref(keys.hook_body(message["submissionId"], event_key, hook_id)),
        ]
    )
    if delivery is None:
        return
    if delivery.settled:
        # Who has settled it may have ended before it could wake who waits for that.
        line.pass_on(delivery)
        return
    if frozen is None:
        # One that was cut off may have kept its answer, after the purge had gone by.
        attempts.forget(delivery, len(delivery.attempts) + 1)
    if hook is None or not hook.active or frozen is None:
        if leases.close(delivery, deliveries.CANCELLED, _pointless(hook)):
            line.pass_on(delivery)
        return
    case = Case(delivery, gate or Gate(*keys.gate(hook_id)), hook, frozen)
    if _may_come(case):
        _begin(case, seats or Seats())


def _pointless(hook: Hook | None) -> str:
    """Say why a delivery is not sent any more."""
    if hook is None:
        return "The hook has been deleted."
    return "The submission has been purged." if hook.active else "The hook is turned off."


def _may_come(case: Case) -> bool:
    """Whether it is a delivery's turn; if not, see that it finds its time."""
    delivery, gate = case.delivery, case.gate
    if gate.disabled:
        backlog.hold(gate, delivery)
    elif not delivery.is_due(clock.micros()):
        leases.wake(delivery)
    elif line.waits(delivery):
        line.stand(delivery)
    elif not gate.admits(clock.micros()):
        backlog.park(gate, delivery)
    else:
        return True
    return False


def _begin(case: Case, seats: Seats) -> None:
    """Make an attempt if its receiver has room for it, in the worker and altogether."""
    delivery, gate = case.delivery, case.gate
    if not seats.take(case.host):
        leases.wake(delivery, not_before=clock.micros() + _AWAY)
        return
    try:
        if (moment := pacing.reserve(case.hook, delivery)) > clock.micros():
            if leases.put_off(delivery, moment):
                leases.wake(delivery)
        elif not gates.enter(gate, delivery.sk, clock.micros() + LEASE * 1_000_000):
            backlog.park(gate, delivery)
        elif leases.take(delivery, LEASE):
            _attempt(case)
    finally:
        seats.leave(case.host)


def _attempt(case: Case) -> None:
    delivery, hook = case.delivery, case.hook
    number, tries = len(delivery.attempts) + 1, delivery.tries + 1
    message = sending.Message(delivery.id, delivery.kind, case.frozen.body, number)
    with _watched(case.gate, delivery):
        sent = sending.send(hook, message, seconds=hook.timeout)
    outcome = (
        Verdict(deliveries.BLOCKED)
        if sent.blocked
        else verdict.judge(sent.answer, tries, delivery.id, clock.micros(), hook.schedule)
    )
    noted = attempts.note(delivery, sent)
    if outcome.state in deliveries.GIVEN_UP and hook.notifies:
        # First: who crashes after it leaves a note of what the next attempt gives up.
        notices.given_up(delivery)
    leases.settle(delivery, outcome.state, attempt=noted, next_at=outcome.next_at)
    if delivery.purged:
        attempts.forget(delivery, number)
    _log(case, outcome, sent)
    # Also when the lease was lost: that may be our own write, which was sent twice.
    if outcome.state == deliveries.RETRYING:
        leases.wake(delivery)
    else:
        line.pass_on(delivery)
    _learn(case, outcome, sent)


def _learn(case: Case, outcome: Verdict, sent: Outcome) -> None:
    """Let the gate know what the attempt says of the receiver, and wake what has waited for it."""
    gate, hook, ok = case.gate, case.hook, outcome.state == deliveries.SUCCEEDED
    trusted = gate.trusts(clock.micros())
    gate = gates.leave(gate, hook, case.delivery.sk, ok=ok, took=sent.ms * 1000)
    if outcome.disable is not None:
        gates.disable(gate, hook, outcome.disable)
        return
    now = clock.micros()
    if gate.parked and gate.trusts(now):
        if backlog.claim(gate):
            backlog.pump(gate, patience=_EAGER if trusted else 0)
    elif gate.parked and ok:
        # As many as there is room for, of those that nobody else has just woken; and one, for those
        # that others wake in the same moment.
        backlog.pump(gate, patience=_JUST, most=max(gate.room(now), 1) + 1)


@contextmanager
def _watched(gate: Gate, delivery: Delivery) -> Iterator[None]:
    """Tell the gate of an attempt that takes long while it is still under way."""
    late = threading.Timer(
        health.SLOW / 1_000_000, gates.slow, (delivery.hook_id, delivery.sk, delivery.lease)
    )
    late.daemon = True
    if gate.trusts(clock.micros()):
        late.start()
    try:
        yield
    finally:
        late.cancel()
        if late.ident is not None:
            late.join()


def _log(case: Case, outcome: Verdict, sent: Outcome) -> None:
    # template.yaml counts the lines "hook.failed": one for each delivery that is given up, of hooks
    # whose failures somebody wants to hear of.
    given_up = outcome.state in deliveries.GIVEN_UP
    told = "hook.failed" if case.hook.notifies else "hook.given_up"
    logger.info(
        told if given_up else f"hook.{outcome.state}",
        delivery=case.delivery.id,
        type=case.delivery.kind,
        status=sent.answer and sent.answer.status,
        error=sent.error,
        ms=sent.ms,
    )
