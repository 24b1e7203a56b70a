"""Places as maps take them: GeoJSON geometries of what was submitted, if that is a place on Earth.

Unlike the rows of the feed, which give what can be read of a value, a map gets a geometry that is
valid or none: latitudes within 90 degrees and longitudes within 180, two points for a line, a ring
that ends where it began for a shape (Central's `odk2geojson` functions). Accuracies are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

Geometry = dict[str, Any]

# Nothing on Earth is so high that it takes more digits.
_NUMBER = r"[0-9]{1,20}(?:\.[0-9]+)?"
# `latitude longitude [altitude [accuracy]]`.
_POINT = re.compile(
    rf"\s*(-?[0-9]{{1,2}}(?:\.[0-9]+)?)\s+(-?[0-9]{{1,3}}(?:\.[0-9]+)?)"
    rf"(?:\s+(-?{_NUMBER}))?(?:\s+{_NUMBER})?\s*"
)
_NORTHMOST, _EASTMOST = 90, 180
# A ring is closed by its fourth point at the earliest.
_LINE, _RING = 2, 4


def of(type_: str, text: str) -> Geometry | None:
    """Give the geometry of a value.

    Args:
        type_: the field's: `geopoint`, `geotrace` or `geoshape`.
        text: the value.
    """
    name, read = _TYPES[type_]
    coordinates = read(text)
    return None if coordinates is None else {"type": name, "coordinates": coordinates}


def of_many(type_: str, texts: Iterable[str]) -> Geometry | None:
    """Give one geometry of the values of a field in a repeat; what is no place is left out."""
    name, read = _TYPES[type_]
    found = [coordinates for coordinates in map(read, texts) if coordinates is not None]
    return {"type": f"Multi{name}", "coordinates": found} if found else None


def _point(text: str) -> list[float] | None:
    found = _POINT.fullmatch(text)
    if found is None:
        return None
    latitude, longitude = _number(found[1]), _number(found[2])
    if abs(latitude) > _NORTHMOST or abs(longitude) > _EASTMOST:
        return None
    altitude = found[3]
    return [longitude, latitude] if altitude is None else [longitude, latitude, _number(altitude)]


def _line(text: str, least: int = _LINE) -> list[list[float]] | None:
    """Read points parted by `;`, of which none may be wrong. One may end the last one, too."""
    points = [_point(part) for part in text.strip().removesuffix(";").split(";")]
    sound = [point for point in points if point is not None]
    return sound if len(sound) == len(points) >= least else None


def _shape(text: str) -> list[list[list[float]]] | None:
    ring = _line(text, _RING)
    return [ring] if ring is not None and ring[0] == ring[-1] else None


def _number(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() else number


_TYPES: dict[str, tuple[str, Callable[[str], list[Any] | None]]] = {
    "geopoint": ("Point", _point),
    "geotrace": ("LineString", _line),
    "geoshape": ("Polygon", _shape),
}
TYPES = frozenset(_TYPES)
