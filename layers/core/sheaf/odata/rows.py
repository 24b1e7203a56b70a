"""Rows as the feed gives them: nested, typed, linked (Central's `submissionToOData`).

A row has its fields in the order of the form, null where there is no text; then `__id`, and of a
submission `__system`, of a row of a repeat the `__id` of the row above; last, in the order of
the document, a link to each repeat that it has rows of, in the group that holds it. With `$expand`
these rows follow their link, unless a submission was made to fill the memory with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sheaf.data import row
from sheaf.data.row import Shape
from sheaf.data.tables import ROOT, Table
from sheaf.data.values import Record
from sheaf.odata import select, wkt
from sheaf.odata.select import Selection

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A row where it stands.

    Attributes:
        record: its values.
        told: the way to it (`row.way`).
        ids: the `__id` of the submission, of each row on the way, and last its own.
        link: its own URL below the service root, if it has rows below it.
        numbers: which row it is within that above, from 0 on, and so with all above it, topmost
            first. Rows of a table stand in the order of these.
    """

    record: Record
    told: str
    ids: tuple[str, ...]
    link: str
    numbers: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        """Its `__id`."""
        return self.ids[-1]


def top(record: Record, instance_id: str) -> Place:
    """Give the place of a submission."""
    link = _root_link(instance_id) if record.rows else ""
    return Place(record, row.start(instance_id), (instance_id,), link)


def _root_link(instance_id: str) -> str:
    # A quote is doubled in OData; encodeURIComponent, which Central uses, leaves the rest alone.
    coded = quote(instance_id.replace("'", "''"), safe="!*()~'")
    return f"{ROOT}('{coded}')"


def places(table: Table, above: Place) -> Iterator[Place]:
    """Give all rows of a table in a submission (`above`), in their order."""
    if table.parent is None:
        yield above
        return
    for parent in places(table.parent, above):
        for number, record in enumerate(parent.record.below(table)):
            yield _below(parent, table, number, record)


def _below(parent: Place, table: Table, number: int, record: Record) -> Place:
    told = row.way(parent.told, table, number)
    id_ = row.row_id(told)
    link = f"{_link(parent, table)}('{id_}')"
    return Place(record, told, (*parent.ids, id_), link, (*parent.numbers, number))


def _link(place: Place, table: Table) -> str:
    """Give the URL of all rows of a repeat that belong to a row."""
    return "/".join((place.link, *table.called_way))


class Writer:
    """Writes the rows of a table.

    Args:
        table: which.
        selection: what is given of a row.
        expand: with the rows of repeats.
        as_wkt: places as well-known text and not as GeoJSON.
    """

    def __init__(
        self, table: Table, selection: Selection, *, expand: bool = False, as_wkt: bool = False
    ) -> None:
        self._table, self._selection = table, selection
        self._expand = expand
        root = table
        while root.parent is not None:
            root = root.parent
        place = wkt.of if as_wkt else None
        self._shapes = dict(_shapes(root, Shape.of(root, selection.fields, place)))
        self._parent_id = select.parent_id_name(table)
        self._room = 0

    def write(self, place: Place, system: Json | None = None) -> Json:
        """Give a row, of a submission with what `system` says of it."""
        members = row.values(self._shapes[self._table], place.record)
        if self._selection.id:
            members[select.ID] = place.id
        if system is not None and self._selection.system:
            members[select.SYSTEM] = {name: system[name] for name in self._selection.system}
        if self._table.parent is not None and self._selection.parent_id:
            members[self._parent_id] = place.ids[-2]
        self._room = row.MAX_CELLS
        self._add_links(members, place)
        return members

    def encrypted(self, instance_id: str, system: Json) -> Json:
        """Give the row of a submission that nobody can read here."""
        shown = {name: system[name] for name in self._selection.system}
        return ({select.ID: instance_id} if self._selection.id else {}) | (
            {select.SYSTEM: shown} if shown else {}
        )

    def _add_links(self, members: Json, place: Place) -> None:
        for table, records in (place.record.rows or {}).items():
            if table not in self._shapes:
                continue
            *groups, name = table.called_way
            holder = members
            for group in groups:
                holder = holder[group]
            holder[f"{name}@odata.navigationLink"] = _link(place, table)
            if self._expand and self._has_room(table, len(records)):
                holder[name] = [
                    self._inner(table, _below(place, table, number, record))
                    for number, record in enumerate(records)
                ]

    def _has_room(self, table: Table, rows: int) -> bool:
        """Whether rows fit in what one submission may take; if so, take it."""
        size = self._shapes[table].size * rows
        if size > self._room:
            return False
        self._room -= size
        return True

    def _inner(self, table: Table, place: Place) -> Json:
        members = row.values(self._shapes[table], place.record) | {select.ID: place.id}
        self._add_links(members, place)
        return members


def _shapes(table: Table, shape: Shape) -> Iterator[tuple[Table, Shape]]:
    """Give the shapes of a table's rows and of all below it; what is not selected has none."""
    yield table, shape
    pending = [shape]
    while pending:
        inner = pending.pop()
        for below, its in inner.repeats.values():
            yield from _shapes(below, its)
        pending += inner.groups.values()
