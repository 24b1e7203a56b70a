"""The types that a filter compares in, and how texts are read in them."""

from __future__ import annotations

import re
from typing import Any

from sheaf import fields
from sheaf.data.expression import Literal, unquoted
from sheaf.problems import InvalidDataType

NUMBER, MOMENT, TEXT, BOOLEAN = "number", "moment", "text", "boolean"

# What Central's database calls the types of the fields that Central filters by.
_EXPECTED = {
    NUMBER: "type integer",
    MOMENT: "type timestamp with time zone",
    BOOLEAN: "type boolean",
}
_WHOLE = re.compile(r"[+-]?[0-9]{1,300}")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def value(literal: Literal, type_: str) -> Any:
    """Give a constant in the type of what it is compared with; None for null.

    A text that reads as a number or a moment will do for one; whatever is compared with a text is
    taken as it is written.

    Raises:
        InvalidDataType: it does not fit.
    """
    if literal.kind == "null":
        return None
    text = unquoted(literal.text) if literal.kind == "string" else literal.text
    if type_ == TEXT:
        return text
    found = _read(literal.kind, text, type_)
    if found is None:
        raise InvalidDataType(_EXPECTED[type_], value=text)
    return found


def type_of(literal: Literal) -> str:
    """Give the type that a constant has by itself; a null is as good as a text."""
    return {"string": TEXT, "null": TEXT}.get(literal.kind, literal.kind)


def _read(kind: str, text: str, type_: str) -> Any:
    """Read a constant's text in a type; None when its kind or its text does not fit."""
    if type_ == NUMBER and kind in ("number", "string"):
        return _number(text.strip())
    if type_ == MOMENT and kind in ("moment", "string"):
        return fields.micros(text)
    if type_ == BOOLEAN and kind == "boolean":
        return text == "true"
    return None


def _number(text: str) -> float | None:
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else None
