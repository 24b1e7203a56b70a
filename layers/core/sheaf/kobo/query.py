"""Queries over submissions, in the part of MongoDB's language that KoBoToolbox's users write.

They ask the flat record (`sheaf.hooks.flat`), whose values are texts, also of numbers; so values
that both read as numbers are compared as such. `_validation_status.uid` goes into an object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sheaf import clock
from sheaf.forms.forms import Form
from sheaf.hooks import events, flat, snapshot
from sheaf.problems import KoboRefused
from sheaf.submissions import telling
from sheaf.submissions.records import Submission

LONGEST = 10_000
_BOTH = {"$and": all, "$or": any}


def read(said: Any) -> Mapping[str, Any]:
    """Read a query, an object or the text of one.

    Raises:
        KoboRefused: it is none, or asks for something that is not known here.
    """
    try:
        query = json.loads(said) if isinstance(said, str) else said
        if isinstance(query, dict) and len(json.dumps(query)) <= LONGEST and _is_known(query):
            return query
    except (ValueError, RecursionError):
        pass
    raise KoboRefused(payload=["The query cannot be understood."])


def fits(query: Mapping[str, Any], form: Form, submission: Submission) -> bool:
    """Whether a submission is what a query asks for."""
    return _fits(query, _record(form, submission))


def _record(form: Form, submission: Submission) -> dict[str, Any]:
    event = {
        **telling.event(form, submission, submission),
        "action": events.REVIEW,
        "actorId": None,
        "loggedAt": clock.iso(submission.updated_at),
    }
    then = snapshot.at(event)
    return {} if then is None else flat.record(event, then, lambda _: None)


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


def _fits(query: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    return all(
        _BOTH[name](_fits(each, record) for each in wanted)
        if name in _BOTH
        else _holds(wanted, _value(record, name))
        for name, wanted in query.items()
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
