"""A submission's data as OData tells it: nested, typed, every field of the form present.

The shapes are those of ODK Central's single submission with `$expand=*` (its `data/odata.js`),
except that the links to repeats are left out, since the repeats themselves are there.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sheaf.forms import schema
from sheaf.forms.schema import Field
from sheaf.problems import UnexpectedValue
from sheaf.submissions import markup

# A row of a repeat is as wide as the form has it, however little the submission says of it.
# No real submission comes near this many values; one made to fill the memory goes past it.
MAX_CELLS = 1_000_000

_INSTANCE_ID = "/meta/instanceID"
_ENCRYPTED = "/base64EncryptedKey"
_INTEGER = re.compile(r"\s*+([+-]?[0-9]++)")
_NUMBER = re.compile(r"\s*+([+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)")
_SHORT_OFFSET = re.compile(r"[+-][0-9]{2}\Z")
# The longest whole number that JavaScript still takes for a number.
_MAX_DIGITS = 308


def read(text: str, fields: Iterable[Field], *, instance_id: str | None = None) -> dict[str, Any]:
    """Give a submission's data by sanitised field names, in the order of the form.

    Groups are objects, and there even when the submission has none; repeats are lists, absent when
    it has none; other fields are null when it has no text for them. Texts of one field's several
    elements are joined; elements that the form does not know are left out.

    Each row of a repeat has an `__id`, Central's: the SHA-1, in hexadecimal, of
    `Submissions#<instanceId>`, then for every group `<name>#` and for every repeat `<name>#<n>` on
    the way to it, joined by `%%`. n counts from 0 within the parent row. `instance_id` is the id
    that the submission was first sent with; without it, the one that the text holds.

    An encrypted envelope holds no data: `{}`. Raises UnexpectedValue (400.8) for unreasonable
    depth or size.
    """
    # Only an envelope has the word, so that other texts are spared a search for the element.
    if _ENCRYPTED[1:] in text and next(markup.texts(text, {_ENCRYPTED}), None):
        return {}
    reader = _Reader(fields, _found_id(text) if instance_id is None else instance_id)
    for event in markup.scan(text):
        reader.take(event)
    return reader.finish()


def _found_id(text: str) -> str:
    """Give the instanceID that a submission holds, as written; '' when it holds none."""
    _, pieces = next(markup.texts(text, {_INSTANCE_ID}), ("", []))
    return "".join(piece.raw for piece in pieces)


@dataclass(slots=True)
class _Level:
    """An open element: its field and what its values go into; neither for an unknown one."""

    node: Field | None = None
    path: str = ""
    row: dict[str, Any] | None = None
    # How the way here is told in row ids, and how many rows each repeat has had on it.
    way: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    pieces: list[markup.Text] = field(default_factory=list)


class _Reader:
    """Builds the row from the events of a submission."""

    def __init__(self, fields: Iterable[Field], instance_id: str) -> None:
        listed = list(fields)
        self._fields = {each.path: each for each in listed}
        self._children = schema.children(listed)
        self._instance_id = instance_id
        self._cells = 0
        self._levels: list[_Level] = []
        # Texts are joined at the end: joined one by one, many of them would cost their square.
        self._texts: dict[tuple[int, str], tuple[dict[str, Any], str, list[str]]] = {}
        self._row = self._frame("")

    def take(self, event: markup.Event) -> None:
        """Take the next event."""
        if isinstance(event, markup.Open):
            self._levels.append(self._opened(event.local))
        elif isinstance(event, markup.Text):
            self._levels[-1].pieces.append(event)
        else:
            level = self._levels.pop()
            if level.node and not level.node.structural and level.row is not None:
                self._put(level.node, level.row, level.pieces)

    def finish(self) -> dict[str, Any]:
        """Give the row."""
        for row, name, texts in self._texts.values():
            row[name] = "".join(texts)
        return self._row

    def _opened(self, name: str) -> _Level:
        if not self._levels:
            return _Level(row=self._row, way=f"Submissions#{self._instance_id}")
        parent = self._levels[-1]
        if parent.row is None or (parent.node and not parent.node.structural):
            return _Level()
        path = f"{parent.path}/{name}"
        found = self._fields.get(path)
        if found is None:
            return _Level()
        if found.type == "repeat":
            return self._repeated(found, parent, parent.row)
        if found.type == "structure":
            inner = parent.row.get(schema.sanitize(found.name))
            row = inner if isinstance(inner, dict) else None
            return _Level(found, path, row, f"{parent.way}%%{found.name}#", parent.counts)
        return _Level(found, path, parent.row)

    def _repeated(self, found: Field, parent: _Level, into: dict[str, Any]) -> _Level:
        """Start a row of a repeat."""
        number = parent.counts.get(found.path, 0)
        parent.counts[found.path] = number + 1
        way = f"{parent.way}%%{found.name}#{number}"
        row = self._frame(found.path)
        # SHA-1 because Central's ids are: they are names, nothing rests on them.
        row["__id"] = hashlib.sha1(way.encode(), usedforsecurity=False).hexdigest()
        name = schema.sanitize(found.name)
        if not isinstance(into.get(name), list):
            into[name] = []
        into[name].append(row)
        return _Level(found, found.path, row, way)

    def _frame(self, path: str) -> dict[str, Any]:
        """Make the row of a group or repeat without values."""
        held = self._children.get(path, [])
        self._cells += len(held) + 1
        if self._cells > MAX_CELLS:
            raise UnexpectedValue(
                field="submission size",
                value=self._cells,
                reason=f"a submission may have {MAX_CELLS} values at most.",
            )
        return {
            schema.sanitize(each.name): self._frame(each.path) if each.structural else None
            for each in held
            if each.type != "repeat"
        }

    def _put(self, found: Field, row: dict[str, Any], pieces: list[markup.Text]) -> None:
        text = "".join(piece.value for piece in pieces)
        if not text:
            return
        name = schema.sanitize(found.name)
        if convert := _CONVERTERS.get(found.type):
            row[name] = convert(text)
        else:
            self._texts.setdefault((id(row), name), (row, name, []))[2].append(text)


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


_CONVERTERS: dict[str, Callable[[str], Any]] = {
    "int": _integer,
    "decimal": _decimal,
    "geopoint": _geopoint,
    "geotrace": _geotrace,
    "geoshape": _geoshape,
    "dateTime": _date_time,
}
