"""Places as well-known text: `POINT (1.5 50.5 7)`."""

from __future__ import annotations

import json
from typing import Any


def of(geometry: dict[str, Any]) -> str:
    """Write a geometry of GeoJSON, as `row` makes them, in the words of Central."""
    at = geometry["coordinates"]
    if geometry["type"] == "Point":
        return f"POINT ({_position(at)})"
    if geometry["type"] == "LineString":
        return f"LINESTRING ({_line(at)})"
    return f"POLYGON (({_line(at[0])}))"


def _line(positions: list[list[float]]) -> str:
    return ",".join(map(_position, positions))


def _position(numbers: list[float]) -> str:
    return " ".join(map(json.dumps, numbers))
