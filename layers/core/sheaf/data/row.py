"""A submission's data as OData tells it: nested, typed, every field of the form present.

The shapes are those of ODK Central's single submission with `$expand=*` (its `data/odata.js`),
except that the links to repeats are left out, since the repeats themselves are there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from sheaf.data import geometry, tables
from sheaf.data.conversion import CONVERTERS, Convert
from sheaf.data.extraction import Extraction
from sheaf.data.tables import Column, Table
from sheaf.data.values import Record
from sheaf.forms import schema
from sheaf.forms.schema import Field
from sheaf.problems import UnexpectedValue
from sheaf.submissions import markup

# A row of a repeat is as wide as the form has it, however little the submission says of it.
# No real submission comes near this many values; one made to fill the memory goes past it.
MAX_CELLS = 1_000_000

_INSTANCE_ID = "/meta/instanceID"


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

    Attributes:
        columns: of all values, the columns; groups are among them, to have their places.
        converted: of those that are told otherwise than as texts, what converts them.
        groups, repeats: by name.
        size: how much is there in any case, groups' members too: it bounds what a row takes.
    """

    columns: tuple[tuple[str, int], ...]
    converted: tuple[tuple[str, int, Convert], ...]
    groups: dict[str, Shape]
    repeats: dict[str, tuple[Table, Shape]]
    size: int

    @classmethod
    def of(cls, root: Table, fields: Iterable[Field], place: Convert | None = None) -> Shape:
        """Give the shape of a form's rows; `place` tells GeoJSON in another way."""
        known = {table.path: table for table in root.all()}
        columns = {column.field.path: column for table in root.all() for column in table.columns}
        held = schema.children(fields)

        def shape(path: str) -> Shape:
            below = [(root.called[each.path], each) for each in held.get(path, ())]
            values = {name: each.path for name, each in below if each.type != "repeat"}
            repeats = {name: each.path for name, each in below if each.type == "repeat"}
            own = {name: columns.get(its) for name, its in values.items()}
            groups = {name: shape(its) for name, its in values.items() if its not in columns}
            return cls(
                tuple((name, column.index if column else 0) for name, column in own.items()),
                tuple(_converted(own, place)),
                groups,
                {name: (known[its], shape(its)) for name, its in repeats.items()},
                len(below) + 1 + sum(group.size for group in groups.values()),
            )

        return shape("")


def _converted(
    columns: Mapping[str, Column | None], place: Convert | None
) -> Iterator[tuple[str, int, Convert]]:
    """Give what converts values, of those that are told otherwise than as texts."""
    for name, column in columns.items():
        if column is not None and (convert := CONVERTERS.get(column.field.type)):
            if place is not None and column.field.type in geometry.TYPES:
                convert = partial(_placed, convert, place)
            yield name, column.index, convert


def _placed(convert: Convert, place: Convert, text: str) -> Any:
    found = convert(text)
    return None if found is None else place(found)


def values(shape: Shape, record: Record) -> dict[str, Any]:
    """Give what a row holds outside of repeats."""
    members = _own(shape, record)
    for name, group in shape.groups.items():
        members[name] = values(group, record)
    return members


def _own(shape: Shape, record: Record) -> dict[str, Any]:
    """Give what a row holds outside of groups and repeats."""
    cells = record.cells
    members: dict[str, Any] = {name: cells[at] or None for name, at in shape.columns}
    for name, at, convert in shape.converted:
        if text := members[name]:
            members[name] = convert(_last(record, at, text))
    return members


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
        members = _own(shape, record)
        for name, group in shape.groups.items():
            members[name] = self._object(group, record, told)
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
    text = record.cells[column.index]
    if not text:
        return None
    convert = CONVERTERS.get(column.field.type)
    return text if convert is None else convert(_last(record, column.index, text))


def _last(record: Record, index: int, text: str) -> str:
    """Give what counts of a cell: of several numbers, places or times the last (as with Central).

    Of texts all do, joined.
    """
    several = (record.several or {}).get(index)
    return several[-1] if several else text
