"""A submission's data as OData tells it: nested, typed, every field of the form present.

The shapes are those of ODK Central's single submission with `$expand=*` (its `data/odata.js`),
except that the links to repeats are left out, since the repeats themselves are there.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sheaf.data import tables
from sheaf.data.extraction import Extraction, Record
from sheaf.data.tables import Column, Table
from sheaf.forms import schema
from sheaf.forms.schema import Field
from sheaf.problems import UnexpectedValue
from sheaf.submissions import markup

# A row of a repeat is as wide as the form has it, however little the submission says of it.
# No real submission comes near this many values; one made to fill the memory goes past it.
MAX_CELLS = 1_000_000

_INSTANCE_ID = "/meta/instanceID"
_INTEGER = re.compile(r"\s*+([+-]?[0-9]++)")
_NUMBER = re.compile(r"\s*+([+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)")
_SHORT_OFFSET = re.compile(r"[+-][0-9]{2}\Z")
# The longest whole number that JavaScript still takes for a number.
_MAX_DIGITS = 308


def read(text: str, fields: Iterable[Field], *, instance_id: str | None = None) -> dict[str, Any]:
    """Give a submission's data by sanitised field names, in the order of the form.

    Groups are objects, and there even when the submission has none; repeats are lists, absent when
    it has none; other fields are null when it has no text for them. Texts of one field's several
    elements are joined; of several numbers, places or times, the last counts. Elements that the
    form does not know are left out.

    Each row of a repeat has an `__id` (see `way`). `instance_id` is the id that the submission was
    first sent with; without it, the one that the text holds.

    An encrypted envelope holds no data: `{}`. Raises UnexpectedValue (400.8) for unreasonable
    depth or size.
    """
    extraction, shape = _compiled(tuple(fields))
    record = extraction.read(text)
    if record is None:
        return {}
    return Writer(shape).write(record, _found_id(text) if instance_id is None else instance_id)


def status(*, has_data: bool) -> str:
    """Give the status of an encrypted submission: whether its encrypted data have come."""
    return "notDecrypted" if has_data else "missingEncryptedFormData"


def way(above: str, table: Table, number: int) -> str:
    """Tell the way to a row of a repeat, by that of the row above it; the root's is `start`.

    A row's id is the SHA-1 of its way: `Submissions#<instanceId>`, then for every group `<name>#`
    and for every repeat `<name>#<n>`, joined by `%%`. n counts from 0 within the row above. So the
    ids are Central's.
    """
    return "%%".join((above, *(f"{name}#" for name in table.way))) + str(number)


def start(instance_id: str) -> str:
    """Tell the way to the row of the root table."""
    return f"{tables.ROOT}#{instance_id}"


def row_id(told: str) -> str:
    """Give the `__id` of the row at a way."""
    # SHA-1 because Central's ids are: they are names, nothing rests on them.
    return hashlib.sha1(told.encode(), usedforsecurity=False).hexdigest()


@lru_cache(maxsize=8)
def _compiled(fields: tuple[Field, ...]) -> tuple[Extraction, Shape]:
    root = tables.of(fields)
    return Extraction(root), Shape.of(root, fields)


def _found_id(text: str) -> str:
    """Give the instanceID that a submission holds, as written; '' when it holds none."""
    _, pieces = next(markup.texts(text, {_INSTANCE_ID}), ("", []))
    return "".join(piece.raw for piece in pieces)


@dataclass(frozen=True, slots=True)
class Shape:
    """An object's members by their sanitised names: a value, a group, or a repeat's rows.

    `size` counts what is there in any case, groups' members too: it bounds what a row takes.
    """

    values: dict[str, Column | Shape]
    repeats: dict[str, tuple[Table, Shape]]
    size: int

    @classmethod
    def of(cls, root: Table, fields: Iterable[Field]) -> Shape:
        """Give the shape of a form's rows."""
        known = {table.path: table for table in root.all()}
        columns = {column.field.path: column for table in root.all() for column in table.columns}
        held = schema.children(fields)

        def shape(path: str) -> Shape:
            values: dict[str, Column | Shape] = {}
            repeats: dict[str, tuple[Table, Shape]] = {}
            for each in held.get(path, ()):
                name = root.called[each.path]
                if each.type == "repeat":
                    repeats[name] = known[each.path], shape(each.path)
                else:
                    values[name] = shape(each.path) if each.structural else columns[each.path]
            groups = (value for value in values.values() if isinstance(value, Shape))
            size = len(held.get(path, ())) + 1 + sum(group.size for group in groups)
            return cls(values, repeats, size)

        return shape("")


class Writer:
    """Writes the rows of submissions."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._size = 0

    def write(self, record: Record, instance_id: str) -> dict[str, Any]:
        """Give a submission's row.

        Raises:
            UnexpectedValue: it has more than a million values, absent ones counted.
        """
        self._size = 0
        return self._row(self._shape, record, start(instance_id))

    def _row(self, shape: Shape, record: Record, told: str) -> dict[str, Any]:
        self._size += shape.size
        if self._size > MAX_CELLS:
            raise UnexpectedValue(
                field="submission size",
                value=self._size,
                reason=f"a submission may have {MAX_CELLS} values at most.",
            )
        return self._object(shape, record, told)

    def _object(self, shape: Shape, record: Record, told: str) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for name, what in shape.values.items():
            if isinstance(what, Shape):
                members[name] = self._object(what, record, told)
            else:
                members[name] = value(what, record)
        for name, (table, within) in shape.repeats.items():
            if rows := record.below(table):
                members[name] = [
                    self._numbered(within, row, way(told, table, number))
                    for number, row in enumerate(rows)
                ]
        return members

    def _numbered(self, shape: Shape, record: Record, told: str) -> dict[str, Any]:
        return {**self._row(shape, record, told), "__id": row_id(told)}


def value(column: Column, record: Record) -> Any:
    """Give what a record holds in a column, as its type is told: null where it has no text."""
    text = record.cells.get(column.index)
    if not text:
        return None
    convert = _CONVERTERS.get(column.field.type)
    if convert is None:
        return text
    # Texts are joined; of several numbers, places or times, the last counts (as with Central).
    several = (record.several or {}).get(column.index)
    return convert(several[-1] if several else text)


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
