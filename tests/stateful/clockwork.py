"""Time and chance that go their steady way, so that what happened once happens again."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from types import SimpleNamespace
from typing import Any, Self

import pytest

from sheaf import clock
from sheaf.db import transaction
from sheaf.hooks import deliver, feeds, redelivery, sending, shift, tally
from sheaf.kobo import statuses
from sheaf.submissions import files, purge

SECOND = 1_000_000
_BEGIN = 1_800_000_000 * SECOND
# What each look at the clock takes.
_TICK = 1_000
_LETTERS = clock.LETTERS
# Where work is done side by side: here it is done in turn, and each of its calls can be cut off.
_SIDE_BY_SIDE = (feeds, redelivery, shift, tally, statuses, files, purge)


class Clock:
    """The time of a whole run; it passes only when somebody looks at it, or lets it."""

    def __init__(self) -> None:
        self.now = _BEGIN
        self._drawn = 0
        self._lock = threading.Lock()

    def restart(self) -> None:
        """Begin anew, an hour after the scene was set."""
        self.now, self._drawn = _BEGIN + 3600 * SECOND, 1000

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now += int(seconds * SECOND)

    def micros(self) -> int:
        with self._lock:
            self.now += _TICK
            return self.now

    def letters(self, count: int) -> str:
        """Give letters that look drawn by lot, and are all different."""
        with self._lock:
            self._drawn += 1
            number = self._drawn * 0x9E3779B97F4A7C15 % 2**64
        return "".join(_LETTERS[number >> (5 * place) & 31] for place in range(count))

    def rule(self, patch: pytest.MonkeyPatch) -> None:
        """Be the only source of time and chance in this process."""
        for name in ("micros", "letters"):
            patch.setattr(clock, name, getattr(self, name))
        patch.setattr(clock, "wait", lambda _: None)
        # DynamoDB remembers the tokens of transactions: they must be new in each run.
        fresh = SimpleNamespace(uuid=lambda: str(uuid.uuid4()), wait=lambda _: None)
        patch.setattr(transaction, "clock", fresh)
        seconds = SimpleNamespace(perf_counter=lambda: self.now / SECOND)
        patch.setattr(sending, "time", seconds)
        patch.setattr(deliver, "threading", SimpleNamespace(Timer=partial(_Timer, self)))
        for module in _SIDE_BY_SIDE:
            patch.setattr(module, "ThreadPoolExecutor", _InTurn)


class _Timer:
    """A timer that goes off, if its time has come, when it is asked to stop."""

    def __init__(
        self, clock: Clock, seconds: float, do: Callable[..., None], args: Iterable[Any]
    ) -> None:
        self.ident: int | None = None
        self._clock, self._do = clock, partial(do, *args)
        self._end = clock.now + int(seconds * SECOND)

    def start(self) -> None:
        self.ident = 1

    def cancel(self) -> None:
        if self.ident is not None and self._clock.now >= self._end:
            self._do()

    def join(self) -> None:
        pass


class _InTurn:
    """An executor without threads."""

    def __init__(self, max_workers: int | None = None) -> None:
        assert max_workers is None or max_workers > 0

    def map(self, do: Callable[..., Any], *given: Iterable[Any]) -> Iterator[Any]:
        return iter([do(*each) for each in zip(*given, strict=False)])

    @staticmethod
    def submit(do: Callable[..., Any], *given: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(do(*given))
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass
