"""What an attempt says of its receiver: how fast it is, for how long it has failed. No I/O here.

Speed decides how many attempts may be under way at once: a receiver that lately answered within a
second may have any number, another has few, so that one that hangs cannot take the workers of all
others. Failures decide whether the hook is turned off: when all attempts of five days have failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sheaf.hooks.gates import Gate

_SECOND = 1_000_000
_HOUR = 3600 * _SECOND
# An answer that takes longer (micros) is slow.
SLOW = _SECOND
# For so long one quick answer is believed, and for at least so long before it is noted again.
TRUST = _HOUR
_NOTED = TRUST // 2
# How many attempts may be under way at a receiver that is not trusted: each slow success admits one
# more, each slow failure halves them.
FEWEST, MOST = 2, 20

# All attempts must have failed for so long.
PATIENCE = 5 * 24 * _HOUR
# The longest pause between two attempts is 29 hours: after a longer one, failing begins anew.
_BREAK = 36 * _HOUR
# Shares of the patience at which somebody is told, in percent: after 72 minutes for the first time,
# which is no hiccup any more; with the last the hook is disabled.
ALERTS = (1, 50, 70, 90, 100)


def after(gate: Gate, event_key: str, *, ok: bool, took: int, now: int) -> dict[str, Any]:
    """Give what changes at a gate after an attempt.

    Args:
        gate: as it is.
        event_key: whose attempt it was.
        ok: whether the receiver has taken it.
        took: how long it took, in micros.
        now: the moment, in micros.

    Returns:
        Attributes by name; None takes one away.
    """
    changes = _speed(gate, ok=ok, quick=took < SLOW, now=now) | _fortune(gate, ok=ok, now=now)
    slots = {key: until for key, until in slots_of(gate, now).items() if key != event_key}
    if slots != (gate.slots or {}):
        changes["slots"] = slots or None
    return changes


def slots_of(gate: Gate, now: int) -> dict[str, int]:
    """Give the attempts that are counted as under way, each with the end of its lease."""
    held: Mapping[str, int] = gate.slots or {}
    return {key: until for key, until in held.items() if until > now}


def alert(alerted: int | None, failing_since: int | None, now: int) -> int | None:
    """Give the percentage that somebody must be told of, if that is more than was told before."""
    if failing_since is None:
        return None
    share = (now - failing_since) * 100 // PATIENCE
    reached = max((each for each in ALERTS if each <= share), default=0)
    return reached if reached > (alerted or 0) else None


def _speed(gate: Gate, *, ok: bool, quick: bool, now: int) -> dict[str, Any]:
    if quick:
        known = (gate.trusted_until or 0) - now > TRUST - _NOTED
        return {} if known else {"trusted_until": now + TRUST}
    limit = gate.limit or FEWEST
    changed = min(limit + 1, MOST) if ok else max(limit // 2, FEWEST)
    changes: dict[str, Any] = {} if changed == gate.limit else {"limit": changed}
    return changes if gate.trusted_until is None else changes | {"trusted_until": None}


def _fortune(gate: Gate, *, ok: bool, now: int) -> dict[str, Any]:
    if ok:
        clean = {"failing_since": None, "failed_at": None, "alerted": None}
        return {} if gate.failing_since is None else clean
    if gate.failing_since is None or (gate.failed_at or 0) + _BREAK < now:
        return {"failing_since": now, "failed_at": now, "alerted": None}
    changes: dict[str, Any] = {} if gate.failed_at + _HOUR > now else {"failed_at": now}
    told = alert(gate.alerted, gate.failing_since, now)
    return changes if told is None else changes | {"alerted": told}
