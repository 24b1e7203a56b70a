"""The logic of filters: SQL's, with True, False and None for what is unknown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sheaf.data.members import Read, Rows, Told


def both(test: Callable[[Any, Any], bool], left: Read, right: Read) -> Read:
    """Put two values to a test; with a null among them its outcome is unknown."""

    def compare(told: Told, rows: Callable[[], Rows]) -> bool | None:
        one, other = left(told, rows), right(told, rows)
        return None if one is None or other is None else test(one, other)

    return compare


def equal(left: Read, right: Read, *, wanted: bool) -> Read:
    """Ask whether two values are equal, or are not; null is a value like any other."""

    def compare(told: Told, rows: Callable[[], Rows]) -> bool:
        return (left(told, rows) == right(told, rows)) is wanted

    return compare


def part(name: str, moment: Read) -> Read:
    """Take a part of a moment, by the name of its attribute: year, hour and so on, in UTC."""

    def take(told: Told, rows: Callable[[], Rows]) -> int | None:
        micros = moment(told, rows)
        if micros is None:
            return None
        return int(getattr(datetime.fromtimestamp(micros // 1_000_000, UTC), name))

    return take


def _all(parts: list[Read]) -> Read:
    def test(told: Told, rows: Callable[[], Rows]) -> bool | None:
        known: bool | None = True
        for part in parts:
            held = part(told, rows)
            if held is False:
                return False
            known = None if held is None else known
        return known

    return test


def _any(parts: list[Read]) -> Read:
    def test(told: Told, rows: Callable[[], Rows]) -> bool | None:
        known: bool | None = False
        for part in parts:
            held = part(told, rows)
            if held is True:
                return True
            known = None if held is None else known
        return known

    return test


def _not(parts: list[Read]) -> Read:
    (part,) = parts

    def test(told: Told, rows: Callable[[], Rows]) -> bool | None:
        held = part(told, rows)
        return None if held is None else not held

    return test


JOINTS: dict[str, Callable[[list[Read]], Read]] = {"and": _all, "or": _any, "not": _not}
