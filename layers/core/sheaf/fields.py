"""Reading values that a client sent: path variables, query parameters, members of a JSON body.

Each reader gives the value in its type or raises the Problem that Central would. Members that
nobody asks for are ignored, as Central does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sheaf.problems import (
    InvalidDataType,
    MissingParameter,
    OutOfRange,
    UnexpectedValue,
    ValueTooLong,
)

# PostgreSQL's integer, which is what Central's ids are.
LARGEST = 2**31 - 1
_INTEGER = re.compile(r"-?[0-9]+")
# See `db.keys.identifier`.
_CURSOR = re.compile(r"[0-9]{16}[0-9a-f]{2}[0-9a-z]{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPACED_OFFSET = re.compile(r" (?=[0-9]{2}:[0-9]{2}\Z)")
# A date with an offset and no time, which Python does not read.
_DATED = re.compile(r"\A([0-9]{4}-[0-9]{2}-[0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2})\Z")
# What such a number has at most, sign included; int() itself fails at 4,300 digits.
_DIGITS = 11


def number(text: str) -> int:
    """Read a path variable that must be an integer."""
    if not _INTEGER.fullmatch(text):
        raise InvalidDataType("type integer", value=text)
    if len(text) > _DIGITS or abs(int(text)) > LARGEST:
        raise OutOfRange(value=text, type="integer")
    return int(text)


def count(query: Mapping[str, str], field: str) -> int | None:
    """Read a query parameter that counts something: an integer from 0 on, or absent (None)."""
    text = query.get(field)
    if text is None:
        return None
    if not _INTEGER.fullmatch(text) or text.startswith("-") or len(text) > _DIGITS:
        raise InvalidDataType("integer", field=field)
    return int(text)


def cursor(query: Mapping[str, str], field: str) -> str:
    """Read a query parameter that says where a list goes on: an id of ours, or '' when absent."""
    text = query.get(field, "")
    if text and not _CURSOR.fullmatch(text):
        raise UnexpectedValue(field=field, value=text, reason="no link of this server names it")
    return text


def moment(query: Mapping[str, str], field: str) -> int | None:
    """Read a query parameter that is a date or a time, as micros, or absent (None)."""
    text = query.get(field)
    if text is None:
        return None
    read = micros(text)
    if read is None:
        raise InvalidDataType("type timestamp with time zone", value=text)
    return read


def micros(text: str) -> int | None:
    """Read a date or a time in ISO 8601 as microseconds since 1970; None for anything else.

    Without a time it is midnight, without an offset UTC. A `+` that a query has made a space of is
    taken for one.
    """
    told = _DATED.sub(r"\1T00:00\2", _SPACED_OFFSET.sub("+", text.strip()))
    try:
        read = datetime.fromisoformat(told)
        known = read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return (known - _EPOCH) // timedelta(microseconds=1)


def flag(query: Mapping[str, str], field: str) -> bool:
    """Read a query parameter that is on when it says true, in any case (pyODK says True)."""
    return query.get(field, "").lower() == "true"


def text(body: Mapping[str, Any], field: str, *, longest: int | None = None) -> str:
    """Read a member that must be a text and not absent."""
    value = optional_text(body, field, longest=longest)
    if value is None:
        raise MissingParameter(field=field)
    return value


def optional_text(body: Mapping[str, Any], field: str, *, longest: int | None = None) -> str | None:
    """Read a member that is a text of at most so many characters, or absent, or null."""
    value = body.get(field)
    if value is None:
        return None
    # Central stores texts in PostgreSQL, which has no U+0000, and so fails with a 500.
    if not isinstance(value, str) or "\0" in value:
        raise InvalidDataType("string", field=field)
    if longest is not None and len(value) > longest:
        raise ValueTooLong(maxLength=str(longest))
    return value


def optional_size(body: Mapping[str, Any], field: str) -> int | None:
    """Read a member that is a number of bytes, or absent, or null."""
    value = body.get(field)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise InvalidDataType("integer", field=field)
    return value


def optional_flag(body: Mapping[str, Any], field: str) -> bool | None:
    """Read a member that is true or false, or absent, or null."""
    value = body.get(field)
    if value is not None and not isinstance(value, bool):
        raise InvalidDataType("boolean", field=field)
    return value


def texts(body: Mapping[str, Any], field: str) -> list[str] | None:
    """Read a member that is a list of texts, or absent, or null."""
    value = body.get(field)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidDataType("list of strings", field=field)
    return value


def choice(value: Any, field: str, allowed: tuple[str, ...], reason: str) -> str:
    """Give a value that must be one of a few texts."""
    if not isinstance(value, str) or value not in allowed:
        raise UnexpectedValue(field=field, value=value, reason=reason)
    return value
