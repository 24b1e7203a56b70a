"""Making exports that outgrow their requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.api import handler


@contextmanager
def nothing_fits() -> Iterator[None]:
    """Every export that has a row outgrows its request."""
    from sheaf.exports import direct

    before = direct.ROWS
    direct.ROWS = 0
    try:
        yield
    finally:
        direct.ROWS = before


class Context:
    """What Lambda tells a function of its time: so many steps of it are left."""

    def __init__(self, steps: int = 1_000_000) -> None:
        self._steps = steps

    def get_remaining_time_in_millis(self) -> int:
        """Each look is a step."""
        self._steps -= 1
        return 900_000 if self._steps >= 0 else 60_000


def work(export_id: str, steps: int = 1_000_000) -> None:
    """Let a worker be woken for an export, with time for so many steps."""
    event: dict[str, Any] = {"Records": [{"body": json.dumps({"exportId": export_id})}]}
    handler("workers/export")(event, Context(steps))
