"""What an attempt means for its delivery: done, again later, or given up. No I/O here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

from sheaf.hooks import deliveries
from sheaf.hooks.connect import Answer
from sheaf.hooks.options import SCHEDULES

SCHEDULE = SCHEDULES["standard"]
JITTER = 0.2
# What a receiver may ask us to wait (Retry-After), in seconds.
LONGEST_WAIT = 86_400
# Statuses whose Retry-After counts, and the one that says "never again".
_BUSY = frozenset({429, 503})
_GONE = 410
# The header by which a receiver steers us, and what it may say: send me nothing more, and try this
# delivery no more.
CONTROL, STOP, ABORT = "webhook-delivery", "disable", "abort-message"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows: the state, and when the next attempt is due (micros), if one is.

    `disable` is the reason for which the hook is to be disabled, if it is.
    """

    state: str
    next_at: int | None = None
    disable: str | None = None


def judge(
    answer: Answer | None,
    tries: int,
    delivery_id: str,
    now: int,
    schedule: Sequence[int] = SCHEDULE,
) -> Verdict:
    """Say what follows from an attempt.

    Args:
        answer: what the receiver answered; None when nothing came.
        tries: how many attempts there were, this one included.
        delivery_id: whose attempt it was.
        now: the moment of the answer, in micros.
        schedule: seconds from one try to the next, beginning with the first.
    """
    wait = schedule[tries] * _jitter(delivery_id, tries) if tries < len(schedule) else None
    if answer is None:
        return _later(wait, now)
    asked = {word.strip().lower() for word in answer.headers.get(CONTROL, "").split(",")}
    stop = "The receiver asked for it." if STOP in asked else None
    if 200 <= answer.status < 300:
        return Verdict(deliveries.SUCCEEDED, disable=stop)
    if answer.status == _GONE:
        return Verdict(deliveries.FAILED, disable=stop or "The receiver answered 410 (Gone).")
    if ABORT in asked:
        return Verdict(deliveries.FAILED, disable=stop)
    if wait is not None and answer.status in _BUSY:
        wait = max(wait, _asked_for(answer, now))
    return replace(_later(wait, now), disable=stop)


def _later(wait: float | None, now: int) -> Verdict:
    """Plan the next attempt, in so many seconds, unless the last was the last."""
    if wait is None:
        return Verdict(deliveries.FAILED)
    return Verdict(deliveries.RETRYING, now + int(wait * 1_000_000))


def _jitter(delivery_id: str, tries: int) -> float:
    """Give a factor around 1, spread evenly over deliveries but the same for each try of one."""
    digest = hashlib.sha256(f"{delivery_id}.{tries}".encode()).digest()
    return 1 - JITTER + 2 * JITTER * int.from_bytes(digest[:4], "big") / 0xFFFFFFFF


def _asked_for(answer: Answer, now: int) -> float:
    """Read Retry-After, seconds or a date, as seconds from now on; 0 when it says nothing."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:6]), LONGEST_WAIT)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - now / 1_000_000
    except (ValueError, TypeError, OverflowError):
        return 0
    return min(max(seconds, 0), LONGEST_WAIT)
