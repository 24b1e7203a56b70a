"""Time and chance: the only source of either, so that tests can steer both in one place."""

import secrets
import threading
import time
import uuid as _uuid
from datetime import UTC, datetime, timedelta
from functools import lru_cache

# Without look-alikes.
LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_lock = threading.Lock()
_last = 0


def micros() -> int:
    """Give microseconds since 1970, growing with every call in this process.

    Sixteen digits until the year 2286 and below 2^53, so a JavaScript client reads it exactly.
    """
    global _last  # noqa: PLW0603 - the one counter that makes ids of this process unique
    with _lock:
        _last = max(_last + 1, time.time_ns() // 1000)
        return _last


def iso(moment: int | None) -> str | None:
    """Show microseconds as Central does: ISO 8601, UTC, three digits of milliseconds, Z."""
    if moment is None:
        return None
    # Exports show millions of moments, and many of an hour: what they share is kept.
    hour, rest = divmod(moment // 1000, 3_600_000)
    minute, rest = divmod(rest, 60_000)
    second, milli = divmod(rest, 1000)
    return f"{_hour(hour)}{minute:02}:{second:02}.{milli:03}Z"


@lru_cache(maxsize=1024)
def _hour(number: int) -> str:
    """Show an hour, counted from 1970 on, up to where its minutes stand."""
    return f"{(_EPOCH + timedelta(hours=number)).isoformat()[:13]}:"


def token() -> str:
    """Give a new secret token in Central's form: 48 random bytes, base64 with `!` and `$`."""
    return secrets.token_urlsafe(48).replace("-", "$").replace("_", "!")


def uuid() -> str:
    """Give a new random UUID (version 4)."""
    return str(_uuid.uuid4())


def letters(count: int) -> str:
    """Give so many random characters of `LETTERS`."""
    return "".join(secrets.choice(LETTERS) for _ in range(count))


def wait(seconds: float) -> None:
    """Sleep up to so many seconds, at random: full jitter keeps retries apart."""
    time.sleep(secrets.randbelow(1000) / 1000 * seconds)
