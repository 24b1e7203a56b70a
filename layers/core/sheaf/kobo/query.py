"""Queries over submissions, in the part of MongoDB's language that KoBoToolbox's users write.

They ask the flat record (`sheaf.hooks.flat`), whose values are texts, also of numbers; so values
that both read as numbers are compared as such. `_validation_status.uid` goes into an object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from sheaf import fields
from sheaf.problems import KoboRefused

LONGEST = 10_000
_BOTH = {"$and": all, "$or": any}
# Ids begin with 16 digits.
_NEVER = 10**16
# Times as records have them. Texts are compared as such: of other forms nothing follows.
_PLAIN_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?)?")


def read(said: Any, name: str = "payload") -> Mapping[str, Any]:
    """Read a query, an object or the text of one; `name` is that of what it stands in.

    Raises:
        KoboRefused: it is none, or asks for something that is not known here.
    """
    try:
        query = json.loads(said) if isinstance(said, str) else said
        if isinstance(query, dict) and len(json.dumps(query)) <= LONGEST and _is_known(query):
            return query
    except (ValueError, RecursionError):
        pass
    raise KoboRefused(**{name: ["The query cannot be understood."]})


def fits(query: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether a record is what a query asks for."""
    return all(
        _BOTH[name](fits(each, record) for each in wanted)
        if name in _BOTH
        else _holds(wanted, _value(record, name))
        for name, wanted in query.items()
    )


def bounds(query: Mapping[str, Any]) -> tuple[str, str]:
    """Give the ids between which all that a query asks for lies, the second not included.

    Only what it says of `_id` and `_submission_time` by themselves counts; empty is no bound.
    """
    since, until = [0], [_NEVER]
    for name, read in (("_id", _exact), ("_submission_time", _second)):
        said = query.get(name)
        for rule, operand in (said if isinstance(said, dict) else {"$eq": said}).items():
            if (moment := read(operand)) is None:
                continue
            first, last = moment
            if rule in ("$gt", "$gte", "$eq"):
                since.append(first)
            if rule in ("$lt", "$lte", "$eq"):
                until.append(last + 1)
    low, high = max(since), min(until)
    return f"{low:016d}" if low else "", f"{high:016d}" if high < _NEVER else ""


def _exact(operand: Any) -> tuple[int, int] | None:
    number = _number(operand)
    return None if number is None or not 0 <= number < _NEVER else (int(number), int(number) + 1)


def _second(operand: Any) -> tuple[int, int] | None:
    """Give the first and last microsecond of the second that a text of time names."""
    if not isinstance(operand, str) or not _PLAIN_TIME.fullmatch(operand):
        return None
    moment = fields.micros(operand)
    return None if moment is None or moment < 0 else (moment, moment + 1_000_000)


def _is_known(query: Mapping[str, Any]) -> bool:
    return all(
        isinstance(wanted, list)
        and bool(wanted)
        and all(isinstance(each, dict) and _is_known(each) for each in wanted)
        if name in _BOTH
        else not name.startswith("$") and _is_condition(wanted)
        for name, wanted in query.items()
    )


def _is_condition(wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        return not isinstance(wanted, list)
    lists = ("$in", "$nin")
    return bool(wanted) and all(
        rule in _RULES and isinstance(operand, list) == (rule in lists)
        for rule, operand in wanted.items()
    )


def _holds(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, dict):
        return _equal(value, wanted)
    return all(_RULES[rule](value, operand) for rule, operand in wanted.items())


def _value(record: Mapping[str, Any], name: str) -> Any:
    if name in record:
        return record[name]
    outer, _, inner = name.partition(".")
    held = record.get(outer)
    return held.get(inner) if isinstance(held, dict) else None


def _equal(value: Any, wanted: Any) -> bool:
    return bool(value == wanted) or (
        (number := _number(value)) is not None and number == _number(wanted)
    )


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(value: Any, bound: Any) -> bool:
        numbers = _number(value), _number(bound)
        if None not in numbers:
            return compare(*numbers)
        return isinstance(value, str) and isinstance(bound, str) and compare(value, bound)

    return holds


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


_RULES: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": _equal,
    "$ne": lambda value, wanted: not _equal(value, wanted),
    "$in": lambda value, wanted: any(_equal(value, each) for each in wanted),
    "$nin": lambda value, wanted: not any(_equal(value, each) for each in wanted),
    "$exists": lambda value, wanted: (value is not None) == bool(wanted),
    "$gt": _ordered(lambda value, bound: value > bound),
    "$gte": _ordered(lambda value, bound: value >= bound),
    "$lt": _ordered(lambda value, bound: value < bound),
    "$lte": _ordered(lambda value, bound: value <= bound),
}
