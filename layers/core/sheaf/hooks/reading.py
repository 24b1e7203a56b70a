"""Reading members of a hook: each reader gives the value, or tells what is wrong with which."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from sheaf.problems import InvalidHook

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def invalid(field: str, reason: str) -> InvalidHook:
    """Give the Problem of a member: `reason` goes on where its name ends a sentence's beginning."""
    return InvalidHook(field=field, reason=reason)


def text(value: Any, field: str, longest: int) -> str:
    """Read a text of one line, that is not empty."""
    if value is None:
        raise invalid(field, "is missing")
    if not isinstance(value, str):
        raise invalid(field, "must be a text")
    if not 0 < len(value) <= longest:
        raise invalid(field, f"must have 1 to {longest} characters")
    if _CONTROL.search(value):
        raise invalid(field, "must not hold control characters")
    return value


def flag(value: Any, field: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise invalid(field, "must be true or false")
    return value


def number(value: Any, field: str, least: float, most: float) -> float:
    """Read a number within bounds; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise invalid(field, f"must be a number from {least:g} to {most:g}")
    return value


def count(value: Any, field: str, least: int, most: int) -> int:
    """Read a whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise invalid(field, f"must be a whole number from {least} to {most}")
    return value


def choice(value: Any, field: str, allowed: Collection[str]) -> str:
    """Read one of a few texts."""
    if not isinstance(value, str) or value not in allowed:
        raise invalid(field, f"must be {' or '.join(allowed)}")
    return value


def members(value: Any, field: str, allowed: Collection[str]) -> Mapping[str, Any]:
    """Read an object that has no other members than those."""
    if not isinstance(value, dict):
        raise invalid(field, "must be an object")
    for name in value:
        if name not in allowed:
            raise invalid(f"{field}.{name}", f"is not a member of {field}")
    return value
