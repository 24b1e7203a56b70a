"""The stage, and a clock that repeats itself, so that equal requests store equal bytes."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace

import botocore.auth
import pytest

from sheaf import clock
from sheaf.db import transaction
from tests.stage import Stage

# Later than all that happens while scenes are made.
_BEGIN = (time.time_ns() // 1000) + 3_600_000_000
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


class Steered:
    """Time and chance that begin anew with every `reset`."""

    def __init__(self) -> None:
        self._count = 0

    def reset(self) -> None:
        self._count = 0

    def forward(self, seconds: int) -> None:
        """Let time pass."""
        self._count += seconds * 1000

    def _next(self) -> int:
        self._count += 1
        return self._count

    def micros(self) -> int:
        return _BEGIN + self._next() * 1000

    def token(self) -> str:
        return f"{self._next():064d}"

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._next(), version=4))

    def letters(self, count: int) -> str:
        number = self._next()
        return "".join(_LETTERS[number >> (5 * place) & 31] for place in range(count))

    def wait(self, _seconds: float) -> None:
        """Nobody has to."""


@pytest.fixture
def stage(aws, monkeypatch) -> Stage:
    return Stage(aws, monkeypatch)


@pytest.fixture
def steered(monkeypatch) -> Steered:
    steered = Steered()
    for name in ("micros", "token", "uuid", "letters", "wait"):
        monkeypatch.setattr(clock, name, getattr(steered, name))
    # A token that DynamoDB has seen would be answered from memory, and nothing written.
    fresh = SimpleNamespace(uuid=lambda: str(uuid.uuid4()), wait=steered.wait)
    monkeypatch.setattr(transaction, "clock", fresh)
    # Links to the bucket tell when they were made.
    now = datetime.now(UTC).replace(tzinfo=None)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: now)
    return steered
