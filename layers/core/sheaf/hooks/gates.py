"""Gates: what a hook's deliveries wait for, in one small item of their own.

While a receiver answers quickly a gate is read and not written. It counts the attempts that are
under way at a slow receiver, knows since when all have failed, and is closed while the hook is
disabled: then deliveries are held. Its cursor tells the sweep from which event on deliveries may
wait without a message in the queue (`sheaf.hooks.backlog`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute

from sheaf import clock
from sheaf.access.auth import SYSTEM
from sheaf.db import keys, reads
from sheaf.db.conditional import held
from sheaf.db.items import IntegerAttribute, Item, Ref
from sheaf.db.transaction import Transaction
from sheaf.hooks import health
from sheaf.problems import Busy, NotFound, Problem

if TYPE_CHECKING:
    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action

    from sheaf.db.transaction import Author
    from sheaf.hooks.records import Hook

ACTIVE, DISABLED = "active", "disabled"
_TRIES = 10

Changes = dict[str, Any]


class Gate(Item):
    """What a hook's deliveries wait for (key: `K#<hook>`, `GATE`). Times are microseconds.

    `slots` are the attempts that are counted as under way: event to the end of its lease. `limit`
    is how many there may be while the receiver is not trusted. `parked` says that some had to wait,
    `pumped_at` when such were last woken. `paced_until` is what a rate limit gives out
    next.
    `cursor` is the first event whose delivery may wait unseen, `marked_at` when one was last added.
    `due` and `due_at` let the sweep find it.
    """

    revision = IntegerAttribute(attr_name="q", null=True)
    trusted_until = IntegerAttribute(attr_name="t", null=True)
    limit = IntegerAttribute(attr_name="m", null=True)
    slots: JSONAttribute = JSONAttribute(attr_name="s", null=True)
    failing_since = IntegerAttribute(attr_name="f", null=True)
    failed_at = IntegerAttribute(attr_name="fa", null=True)
    alerted = IntegerAttribute(attr_name="al", null=True)
    disabled_at = IntegerAttribute(attr_name="d", null=True)
    disabled_reason = UnicodeAttribute(attr_name="w", null=True)
    parked = BooleanAttribute(attr_name="p", null=True)
    pumped_at = IntegerAttribute(attr_name="u", null=True)
    paced_until = IntegerAttribute(attr_name="tat", null=True)
    cursor = UnicodeAttribute(attr_name="c", null=True)
    marked_at = IntegerAttribute(attr_name="k", null=True)
    due = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(attr_name="dueAt", null=True)

    @property
    def hook_id(self) -> str:
        """The hook's id."""
        return str(self.pk).removeprefix(keys.gate("")[0])

    @property
    def disabled(self) -> bool:
        """Whether deliveries are held."""
        return self.disabled_at is not None

    def trusts(self, now: int) -> bool:
        """Whether the receiver has answered quickly of late, so that attempts need no counting."""
        return (self.trusted_until or 0) > now

    def admits(self, now: int) -> bool:
        """Whether an attempt may begin."""
        return self.trusts(now) or self.room(now) > 0

    def room(self, now: int) -> int:
        """How many more attempts may begin at a receiver that is not trusted."""
        return (self.limit or health.FEWEST) - len(health.slots_of(self, now))

    def to_api(self) -> dict[str, Any]:
        """Give what the API tells of a hook's state."""
        return {
            "state": DISABLED if self.disabled else ACTIVE,
            "disabledReason": self.disabled_reason,
            "failingSince": clock.iso(self.failing_since),
        }


class Changed(Problem):
    """Somebody else changed the gate first. Never reaches a client."""

    code = 503.1
    message = "The gate has changed meanwhile."


def ref(hook_id: str) -> Ref[Gate]:
    """Refer to the gate of a hook."""
    return Gate.ref(keys.gate(hook_id))


def of(hook_id: str) -> Gate:
    """Read the gate of a hook; one that nobody has written yet is open."""
    return reads.get(ref(hook_id)) or Gate(*keys.gate(hook_id))


def enter(gate: Gate, event_key: str, until: int) -> bool:
    """Let an attempt begin, whose lease ends then; False when the receiver has enough to do."""

    def judged(gate: Gate) -> Changes | None:
        now = clock.micros()
        slots = health.slots_of(gate, now)
        if gate.trusts(now) or event_key in slots:
            return {}
        return {"slots": slots | {event_key: until}} if gate.room(now) > 0 else None

    return _insist(gate, judged) is not None


def slow(hook_id: str, event_key: str, until: int) -> None:
    """Trust a receiver no more that lets an attempt wait, and count that one.

    Of those that began while it was trusted only the first is counted: all of them at once would
    have to change one item, and what matters is that no more begin.
    """

    def judged(gate: Gate) -> Changes:
        now = clock.micros()
        if not gate.trusts(now):
            return {}
        slots = health.slots_of(gate, now) | {event_key: until}
        return {"slots": slots, "trusted_until": None}

    _insist(of(hook_id), judged)


def leave(gate: Gate, hook: Hook, event_key: str, *, ok: bool, took: int) -> Gate:
    """Note what an attempt says of its receiver, and tell somebody when it has failed for long.

    Args:
        gate: as it was read.
        hook: whose gate it is.
        event_key: whose attempt it was.
        ok: whether the receiver has taken it.
        took: how long it took, in micros.

    Returns:
        The gate as it is now.
    """

    def judged(gate: Gate) -> Changes:
        now = clock.micros()
        changes = health.after(gate, event_key, ok=ok, took=took, now=now)
        if changes.get("alerted") == health.ALERTS[-1] and not gate.disabled:
            since = clock.iso(gate.failing_since)
            changes |= _closed(now, f"Every attempt since {since} has failed.")
        return changes

    # Others may keep being faster: then they have noted what there is to note.
    return _insist(gate, judged, hook) or gate


def disable(gate: Gate, hook: Hook, reason: str, *, by: Author = SYSTEM) -> None:
    """Hold a hook's deliveries from now on, and say so; one that is disabled stays as it is.

    Raises:
        Busy: others kept changing the gate.
    """

    def judged(gate: Gate) -> Changes:
        return {} if gate.disabled else _closed(clock.micros(), reason)

    if _insist(gate, judged, hook, by=by) is None:
        raise Busy


def enable(gate: Gate, hook: Hook, *, by: Author) -> Gate:
    """Let a hook's deliveries go on, and give the gate as it is then; what was held is due at once.

    Raises:
        Busy: others kept changing the gate.
    """

    def judged(gate: Gate) -> Changes:
        if not gate.disabled:
            return {}
        opened: Changes = dict.fromkeys(
            ("disabled_at", "disabled_reason", "failing_since", "failed_at", "alerted")
        )
        if gate.cursor is None:
            return opened
        due = {"due": keys.due_hooks(hook.id), "due_at": f"{clock.micros():016d}"}
        return opened | due | {"parked": True}

    opened = _insist(gate, judged, hook, by=by)
    if opened is None:
        raise Busy
    return opened


def release(tx: Transaction, gate: Gate) -> None:
    """Let a transaction that deletes a hook open its gate, which may have just been closed.

    The sweep then finds what was held, and cancels it.
    """
    opened: Changes = {"disabled_at": None, "due": keys.due_hooks(gate.hook_id)}
    tx.change(gate, _actions(gate, opened | {"due_at": f"{clock.micros():016d}"}))


def park(gate: Gate) -> Gate:
    """Note that deliveries wait for room at the receiver, and give the gate as it is now."""
    if gate.parked:
        return of(gate.hook_id)
    gate.update([Gate.parked.set(True)])
    return gate


def _closed(now: int, reason: str) -> Changes:
    return {"disabled_at": now, "disabled_reason": reason}


def _insist(
    gate: Gate,
    judge: Callable[[Gate], Changes | None],
    hook: Hook | None = None,
    *,
    by: Author = SYSTEM,
) -> Gate | None:
    """Make the change that a gate needs, judging it anew when somebody was faster.

    Returns:
        The gate as it is then; None when the judge said so, or others kept being faster.
    """
    for _ in range(_TRIES):
        changes = judge(gate)
        if changes is None:
            return None
        if not changes or _write(gate, changes, hook, by):
            return gate
        clock.wait(0.05)
        current = reads.get(ref(gate.hook_id))
        gate = current or Gate(*keys.gate(gate.hook_id))
    return None


def _write(gate: Gate, changes: Mapping[str, Any], hook: Hook | None, by: Author) -> bool:
    action = _told(changes)
    if action is None or hook is None:
        return held(partial(gate.update, _actions(gate, changes), condition=_unchanged(gate)))
    try:
        with Transaction() as tx:
            actions = _actions(gate, changes)
            tx.check(hook, type(hook).pk.exists(), otherwise=NotFound())
            tx.update(gate, actions, _unchanged(gate), otherwise=Changed())
            hook.tell(tx, action, _details(gate, changes), by=by)
    except Changed:
        return False
    except NotFound:
        # It was deleted meanwhile, and its gate was opened: what is held has to be cancelled.
        return True
    for name, value in changes.items():
        setattr(gate, name, value)
    gate.revision = (gate.revision or 0) + 1
    return True


def _told(changes: Mapping[str, Any]) -> str | None:
    """Name the audit row that a change writes, if it is worth one."""
    if "disabled_at" in changes:
        return "hook.enable" if changes["disabled_at"] is None else "hook.disable"
    return "hook.failing" if changes.get("alerted") else None


def _details(gate: Gate, changes: Mapping[str, Any]) -> dict[str, Any]:
    details = {
        "failingSince": clock.iso(gate.failing_since),
        "percent": changes.get("alerted"),
        "reason": changes.get("disabled_reason"),
    }
    return {name: value for name, value in details.items() if value is not None}


def _actions(gate: Gate, changes: Mapping[str, Any]) -> list[Action]:
    revision = (gate.revision or 0) + 1
    return [
        getattr(Gate, name).remove() if value is None else getattr(Gate, name).set(value)
        for name, value in {**changes, "revision": revision}.items()
    ]


def _unchanged(gate: Gate) -> Condition:
    if gate.revision is None:
        return Gate.revision.does_not_exist()
    return Gate.revision == gate.revision
