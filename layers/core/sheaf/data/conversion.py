"""Texts as the types that their fields have, told as JSON: numbers, moments, places.

All is read as ODK Central's code does (its `data/odata.js`): as far as it makes sense.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

_INTEGER = re.compile(r"\s*+([+-]?[0-9]++)")
_NUMBER = re.compile(r"\s*+([+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)")
_SHORT_OFFSET = re.compile(r"[+-][0-9]{2}\Z")
# The longest whole number that JavaScript still takes for a number.
_MAX_DIGITS = 308

Convert = Callable[[Any], Any]


def _integer(text: str) -> int | None:
    """Read the whole number that a text starts with, as JavaScript's parseInt does."""
    found = _INTEGER.match(text)
    return int(found[1]) if found and len(found[1]) <= _MAX_DIGITS else None


def _decimal(text: str) -> float | None:
    """Read the number that a text starts with, as JavaScript's parseFloat does.

    A whole one becomes an int, so that it is written as JavaScript writes it: 7, not 7.0.
    """
    found = _NUMBER.match(text)
    number = float(found[1]) if found else math.nan
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def _point(text: str) -> tuple[list[float], float | None] | None:
    """Read `lat lon [altitude [accuracy]]`: `[lon, lat(, altitude)]` and accuracy, or None."""
    numbers = [_decimal(part) for part in text.split()[:4]]
    latitude, longitude, altitude, accuracy = numbers + [None] * (4 - len(numbers))
    if latitude is None or longitude is None:
        return None
    position = [longitude, latitude]
    return (position if altitude is None else [*position, altitude]), accuracy


def _geopoint(text: str) -> dict[str, Any] | None:
    point = _point(text)
    if point is None:
        return None
    position, accuracy = point
    geometry: dict[str, Any] = {"type": "Point", "coordinates": position}
    return geometry if accuracy is None else geometry | {"properties": {"accuracy": accuracy}}


def _line(text: str) -> tuple[list[list[float]], dict[str, Any]] | None:
    """Read points parted by `;`: their positions, and `{properties: {accuracies}}` if any has one.

    An accuracy of 0 counts as none (so does Central's code).
    """
    points = [point for point in map(_point, text.split(";")) if point]
    if not points:
        return None
    accuracies = [accuracy or None for _, accuracy in points]
    extra = {"properties": {"accuracies": accuracies}} if any(accuracies) else {}
    return [position for position, _ in points], extra


def _geotrace(text: str) -> dict[str, Any] | None:
    line = _line(text)
    return {"type": "LineString", "coordinates": line[0]} | line[1] if line else None


def _geoshape(text: str) -> dict[str, Any] | None:
    line = _line(text)
    return {"type": "Polygon", "coordinates": [line[0]]} | line[1] if line else None


def _date_time(text: str) -> str:
    """Complete the offset that Collect writes as `+07` to `+07:00`, as most readers need it."""
    moment = text.strip()
    # Without a time, the last two digits are a day.
    return f"{moment}:00" if "T" in moment and _SHORT_OFFSET.search(moment) else moment


# By the type of a field; what has another is told as it is written.
CONVERTERS: dict[str, Convert] = {
    "int": _integer,
    "decimal": _decimal,
    "geopoint": _geopoint,
    "geotrace": _geotrace,
    "geoshape": _geoshape,
    "dateTime": _date_time,
}
