"""A hook's filter: which events it wants, by what they hold. EventBridge's patterns, in part.

    {"type": ["submission.create", "submission.delete"],
     "data": {"submission": {"age": [{"numeric": [">=", 18, "<", 65]}],
                             "district": [{"prefix": "north-"}],
                             "__system": {"reviewState": [{"anything-but": ["rejected"]}]}}}}

An object asks for each of its members; a list names what the value may be, one of it suffices. Of
a value that is a list itself one element must fit, and of repeats one row. No I/O here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

# EventBridge's limit, in characters of JSON without needless space.
LONGEST = 2048
# Deeper than bodies are, and far from where recursion ends.
DEEPEST = 30

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}
_ABSENT = object()


class PatternError(Exception):
    """A pattern is none: `path` says where (`data.submission.age`), the message why."""

    def __init__(self, path: Iterable[str], reason: str) -> None:
        super().__init__(reason)
        self.path = ".".join(path)


def check(pattern: Any) -> None:
    """Raise unless this is a pattern.

    Raises:
        PatternError: it is none, or too long.
    """
    if len(json.dumps(pattern, ensure_ascii=False, separators=(",", ":"))) > LONGEST:
        raise PatternError((), f"must have {LONGEST} characters at most")
    _check_object(pattern, ())


def matches(pattern: Mapping[str, Any], value: Any) -> bool:
    """Whether a value, such as an event's body, has what a pattern asks for."""
    if isinstance(value, list):
        return any(matches(pattern, each) for each in value or [{}])
    held = value if isinstance(value, dict) else {}
    return all(
        matches(wanted, held.get(name, {}))
        if isinstance(wanted, dict)
        else _fits(wanted, held.get(name, _ABSENT))
        for name, wanted in pattern.items()
    )


def _fits(rules: list[Any], value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    # An empty list has nothing in it that is there.
    return any(_allows(rule, each) for each in values or [_ABSENT] for rule in rules)


def _allows(rule: Any, value: Any) -> bool:
    if not isinstance(rule, dict):
        return _equal(rule, value)
    ((kind, operand),) = rule.items()
    return _RULES[kind][1](operand, value)


def _equal(wanted: Any, value: Any) -> bool:
    # True is 1 to Python, and not to JSON.
    return isinstance(wanted, bool) == isinstance(value, bool) and bool(wanted == value)


def _begins(operand: str, value: Any) -> bool:
    return isinstance(value, str) and value.startswith(operand)


def _ends(operand: str, value: Any) -> bool:
    return isinstance(value, str) and value.endswith(operand)


def _differs(operand: Any, value: Any) -> bool:
    rules = operand if isinstance(operand, list) else [operand]
    return value is not _ABSENT and not any(_allows(rule, value) for rule in rules)


def _compares(operand: list[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return all(_COMPARE[sign](value, bound) for sign, bound in pairs)


def _exists(operand: bool, value: Any) -> bool:
    # A body names every field of the form: null says that there is no value.
    return operand == (value is not _ABSENT and value is not None)


def _check_object(pattern: Any, path: tuple[str, ...]) -> None:
    if not isinstance(pattern, dict) or not pattern:
        raise PatternError(path, "must be an object with at least one member")
    if len(path) >= DEEPEST:
        raise PatternError(path, "is nested too deep")
    for name, wanted in pattern.items():
        if isinstance(wanted, dict):
            _check_object(wanted, (*path, name))
        else:
            _check_list(wanted, (*path, name))


def _check_list(rules: Any, path: tuple[str, ...]) -> None:
    if not isinstance(rules, list) or not rules:
        raise PatternError(path, "must be an object, or a list of at least one value or rule")
    for rule in rules:
        if isinstance(rule, list):
            raise PatternError(path, "must not hold a list in a list")
        if isinstance(rule, dict):
            _check_rule(rule, path)


def _check_rule(rule: Mapping[str, Any], path: tuple[str, ...]) -> None:
    if len(rule) != 1 or not rule.keys() <= _RULES.keys():
        raise PatternError(path, f"knows the rules {', '.join(_RULES)}, one to an object")
    ((kind, operand),) = rule.items()
    if not _RULES[kind][0](operand):
        raise PatternError(path, f"has a rule {kind!r} that makes no sense")


def _is_text(operand: Any) -> bool:
    return isinstance(operand, str) and bool(operand)


def _is_exception(operand: Any) -> bool:
    """Whether anything-but can have this: values, or one prefix or suffix."""
    if isinstance(operand, dict):
        return (
            len(operand) == 1
            and operand.keys() <= {"prefix", "suffix"}
            and all(map(_is_text, operand.values()))
        )
    values = operand if isinstance(operand, list) else [operand]
    return bool(values) and not any(isinstance(each, (dict, list)) for each in values)


def _is_range(operand: Any) -> bool:
    """Whether this is one comparison, or two that bound a range."""
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        return False
    numbers = operand[1::2]
    return all(isinstance(sign, str) and sign in _COMPARE for sign in operand[::2]) and not any(
        isinstance(each, bool) or not isinstance(each, (int, float)) for each in numbers
    )


def _is_flag(operand: Any) -> bool:
    return isinstance(operand, bool)


# What each rule's operand must be, and whether a value fits it.
_RULES: Mapping[str, tuple[Callable[[Any], bool], Callable[[Any, Any], bool]]] = {
    "prefix": (_is_text, _begins),
    "suffix": (_is_text, _ends),
    "anything-but": (_is_exception, _differs),
    "numeric": (_is_range, _compares),
    "exists": (_is_flag, _exists),
}
