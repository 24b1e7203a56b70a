"""The backlog: deliveries of a hook that may wait without a message in the queue.

A message can be lost: with the process that was to send it, or because somebody emptied the queue.
So the truth of what waits is in the table alone. Each delivery that is not settled is either in the
index `due` by itself, or it is one of the events from its gate's `cursor` on, and the gate is in
the index. The sweep reads a hook's deliveries from the cursor on, wakes those that should have been
woken long ago, and moves the cursor past what is settled.

Matching marks the gate before it writes a record, once a minute and process: that costs a busy hook
next to nothing, where an index entry of each delivery would cost as much as the delivery.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from sheaf import clock, settings
from sheaf.db import keys
from sheaf.db.conditional import held
from sheaf.hooks import deliveries, gates, leases
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.gates import Gate
from sheaf.problems import Busy

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

_SECOND = 1_000_000
# How long a process relies on a mark that it has made, and how old an event may be to rely on one.
_MARKED = 60 * _SECOND
FRESH = 120 * _SECOND
# While marks are younger than this, events may come that belong behind the cursor: it stays so far
# back, and the gate in the index.
_UNREST = 300 * _SECOND
# How many deliveries one look wakes: at a receiver that answers quickly, and for each attempt that
# there is room for at another: as many as time out in a minute, one after the other.
WINDOW, SHARE = 200, 4
# How often (micros) those who have made room wake what waits.
_BREATH = _SECOND
# How many somebody wakes who waits for an answer: a request that enables a hook.
FIRST = 20
# The last one of a full window comes so many seconds later than the others, however quick those
# are: then its success comes after a breath, and wakes the next window.
_LAST = 2
# Writes that are under way at once, and how many records one look reads at most.
_SIDE_BY_SIDE = 8
READ = 5000
# What may come next for a gate: a look in a minute.
PAUSE = 60 * _SECOND

# Until when this process may rely on the mark that it has made on a hook's gate.
_marks: dict[tuple[str, str], int] = {}
_TRIES = 5


def mark(hook_id: str, event_key: str) -> bool:
    """See that the sweep would find a delivery that is about to be written.

    Returns:
        False when the event is too old for that: its delivery must be in the index by itself.
    """
    now = clock.micros()
    if keys.micros(event_key) + FRESH < now:
        return False
    name = settings.TABLE_NAME, hook_id
    if _marks.get(name, 0) <= now:
        # Back to the oldest event that may rely on it.
        _lower(hook_id, f"{now - FRESH:016d}", now)
        _marks[name] = now + _MARKED
    return True


def cover(gate: Gate, event_key: str) -> None:
    """Let the cursor of a gate reach back to an event."""
    if gate.cursor is None or event_key < gate.cursor:
        _lower(gate.hook_id, event_key, clock.micros())


def hold(gate: Gate, delivery: Delivery) -> None:
    """Hold a delivery until its hook is enabled again."""
    _bring(gate, delivery, deliveries.HELD)
    # Who has enabled it meanwhile may have passed this one by.
    if not gates.of(gate.hook_id).disabled:
        leases.wake(delivery)


def park(gate: Gate, delivery: Delivery) -> None:
    """Let a delivery wait behind the cursor until there is room at its receiver."""
    if delivery.due is None:
        cover(gate, delivery.sk)
    else:
        _bring(gate, delivery, delivery.state)
    # Who made room before it could see that somebody waits has woken nobody.
    if gates.park(gate).admits(clock.micros()):
        leases.wake(delivery)


def _bring(gate: Gate, delivery: Delivery, state: str) -> None:
    """Bring a delivery out of the index, into a state, behind the cursor."""
    listed = delivery.due is not None
    cover(gate, delivery.sk)
    leases.unlist(delivery, state)
    if listed:
        # A look in between has seen it in the index, and may have moved the cursor past it.
        cover(gates.of(gate.hook_id), delivery.sk)


def _lower(hook_id: str, cursor: str, now: int) -> None:
    """Mark a gate, and move its cursor back if it does not reach so far.

    Raises:
        Busy: others kept changing it.
    """
    gate = Gate(*keys.gate(hook_id))
    marked: list[Action] = [
        Gate.marked_at.set(now),
        Gate.due.set(Gate.due | keys.due_hooks(hook_id)),
        Gate.due_at.set(Gate.due_at | f"{now + PAUSE:016d}"),
    ]
    beyond = Gate.cursor.does_not_exist() | (Gate.cursor > cursor)
    for _ in range(_TRIES):
        lowered = [*marked, Gate.cursor.set(cursor)]
        if held(partial(gate.update, lowered, condition=beyond)):
            return
        if held(partial(gate.update, marked, condition=Gate.cursor <= cursor)):
            return
    raise Busy


def claim(gate: Gate) -> bool:
    """Give whether one is to wake what waits at a gate: of all who could, one does in a second.

    Each would wake the same deliveries, and there may be hundreds when a receiver is well again.
    """
    now = clock.micros()
    if now - (gate.pumped_at or 0) <= _BREATH:
        return False
    free = Gate.pumped_at.does_not_exist() | (Gate.pumped_at < now - _BREATH)
    return held(partial(gate.update, [Gate.pumped_at.set(now)], condition=free))


@dataclass(slots=True)
class Look:
    """What a look at a backlog has found: what to wake, and where the next one begins."""

    stale: list[Delivery] = field(default_factory=list)
    first: str | None = None
    last: str | None = None
    whole: bool = False


def pump(gate: Gate, *, patience: int = leases.HEADWAY, most: int = WINDOW) -> int:
    """Wake the deliveries of a hook that wait unseen, oldest first; give their number.

    Args:
        gate: as it was read a moment ago.
        patience: how long (micros) a delivery may have been due before it counts as unseen.
        most: how many to wake.
    """
    if gate.disabled or gate.cursor is None:
        _leave(gate)
        return 0
    now = clock.micros()
    window = most if gate.trusts(now) else min(most, max(gate.room(now), 1) * SHARE)
    look = _look(gate.hook_id, gate.cursor, window, now - patience)
    leases.wake_all(look.stale, last=_LAST if len(look.stale) == most else 0)
    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
        list(pool.map(partial(_mark_woken, now), look.stale))
    _advance(gate, look, now)
    return len(look.stale)


def _mark_woken(now: int, delivery: Delivery) -> None:
    """Let the next look leave a delivery alone for a while. It may have been settled meanwhile."""
    woken = Delivery.woken_at.set(now)
    held(partial(delivery.update, [woken], condition=Delivery.state.exists()))


def _look(hook_id: str, cursor: str, window: int, before: int) -> Look:
    look = Look()
    read = 0
    for delivery in islice(_from(hook_id, cursor), READ):
        read += 1
        look.last = delivery.sk
        if delivery.settled or delivery.due is not None:
            continue
        look.first = look.first or delivery.sk
        if delivery.touched_at < before:
            look.stale.append(delivery)
            if len(look.stale) == window:
                return look
    look.whole = read < READ
    return look


def _from(hook_id: str, cursor: str) -> Iterator[Delivery]:
    return iter(
        Delivery.query(keys.deliveries(hook_id), Delivery.sk >= cursor, consistent_read=True)
    )


def _advance(gate: Gate, look: Look, now: int) -> None:
    """Move the cursor to the first that waits, or take the gate out of the index.

    Matching may have marked it meanwhile; then the next look begins where this one did.
    """
    marked = gate.marked_at or 0
    quiet = f"{now - _UNREST:016d}"
    if look.first is None and look.whole and marked + _UNREST < now:
        actions: list[Action] = [
            attribute.remove() for attribute in (Gate.cursor, Gate.due, Gate.due_at, Gate.parked)
        ]
    else:
        cursor = look.first or (quiet if look.whole else look.last or quiet)
        # Never beyond what may still come, nor back.
        cursor = max(min(cursor, quiet), str(gate.cursor))
        actions = [
            Gate.cursor.set(cursor),
            Gate.due.set(keys.due_hooks(gate.hook_id)),
            Gate.due_at.set(f"{now + PAUSE:016d}"),
        ]
        if look.whole and look.first is None:
            actions.append(Gate.parked.remove())
    same = (Gate.cursor == gate.cursor) & (Gate.marked_at == gate.marked_at)
    held(partial(gate.update, actions, condition=same & Gate.disabled_at.does_not_exist()))


def _leave(gate: Gate) -> None:
    """Take a gate out of the index; a disabled one keeps its cursor."""
    actions: list[Action] = [Gate.due.remove(), Gate.due_at.remove()]
    if gate.due is not None:
        held(partial(gate.update, actions, condition=Gate.marked_at == gate.marked_at))
