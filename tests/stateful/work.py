"""A process that may stop at any of its calls to AWS: for good, for a while, or as AWS says no.

One process runs at a time; while it stands still at a call, others run. So whatever two of them can
do to each other between their calls happens here, and happens again when it is tried again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

GO, CRASH, PAUSE, REFUSE = "go", "crash", "pause", "refuse"
BEFORE, AFTER = "before", "after"
# Longer than any step takes by the clock on the wall: something hangs.
_HANGS = 60


class CrashError(BaseException):
    """The process ends here: no handler of errors sees it."""


@dataclass(frozen=True)
class Fate:
    """What happens to a process, and when: at its call of that number, before or after it."""

    kind: str = GO
    call: int = 0
    moment: str = BEFORE

    def __str__(self) -> str:
        return "" if self.kind == GO else f", {self.kind} {self.moment} call {self.call}"


class Work(threading.Thread):
    """What a process does, in a thread of its own, so that it can stand still."""

    def __init__(
        self,
        name: str,
        do: Callable[[], Any],
        fate: Fate,
        limit: float,
        committed: Callable[[list[Any]], None],
    ) -> None:
        super().__init__(daemon=True, name=name)
        self.fate, self.limit, self.committed = fate, limit, committed
        self.calls = 0
        self.result: Any = None
        self.error: Exception | None = None
        self.ended = self.crashed = False
        self._do, self._dead = do, False
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self.start()

    def run(self) -> None:
        self._go.acquire()
        try:
            if not self._dead:
                self.result = self._do()
        except CrashError:
            pass
        except Exception as error:
            self.error = error
        self.crashed, self.ended = self._dead, True
        self._back.release()

    def go_on(self) -> None:
        """Run until the end, or until it stands still."""
        self._go.release()
        assert self._back.acquire(timeout=_HANGS), f"{self.name} hangs"

    def kill(self) -> None:
        """End it where it stands."""
        self._dead = True
        self.go_on()

    def reach(self, moment: str) -> bool:
        """Be told that a call begins, or has come back; give whether AWS is to refuse it."""
        self.calls += moment == BEFORE
        if (self.calls, moment) == (self.fate.call, self.fate.moment):
            kind, self.fate = self.fate.kind, Fate()
            if kind == CRASH:
                self._dead = True
            elif kind == PAUSE:
                self._back.release()
                self._go.acquire()
            elif kind == REFUSE and moment == BEFORE:
                return not self._dead
        if self._dead:
            # What cleans up after itself comes no further either.
            raise CrashError
        return False
