"""`$select`: which properties of a table's rows are given (Central's `filterFields`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from sheaf.data.tables import ROOT, Table
from sheaf.forms import schema
from sheaf.forms.schema import Field
from sheaf.problems import SelectUnknown, SelectUnsupported

ID, SYSTEM = "__id", "__system"
# What `__system` holds, in its order.
SYSTEM_NAMES = (
    "submissionDate",
    "updatedAt",
    "submitterId",
    "submitterName",
    "attachmentsPresent",
    "attachmentsExpected",
    "status",
    "reviewState",
    "deviceId",
    "edits",
    "formVersion",
    "deletedAt",
)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is given of a row.

    Attributes:
        fields: those of the form, groups on the way to one and all that a group holds among them.
        id, parent_id: whether the row's own id and that of the row above are given.
        system: what is given of `__system`; none of it when empty.
    """

    fields: tuple[Field, ...]
    id: bool = True
    parent_id: bool = True
    system: tuple[str, ...] = SYSTEM_NAMES


def parent_id_name(table: Table) -> str:
    """Name the property that tells a row of a repeat to which row it belongs."""
    above = table.parent.path if table.parent else ""
    return f"__{'-'.join((ROOT, *schema.way(above, table.called)))}-id"


def read(text: str | None, fields: Sequence[Field], table: Table) -> Selection:
    """Read `$select`: names parted by commas; nothing or `*` for all.

    Raises:
        SelectUnknown (400.23): there is no such property in the rows of the table.
        SelectUnsupported (400.24): it is one of a repeat within.
    """
    if not text or text == "*":
        return Selection(tuple(fields))
    wanted = [name.strip() for name in text.split(",")]
    parent = parent_id_name(table)
    said = {ID, parent} if table.parent else {ID, SYSTEM, *(f"{SYSTEM}/{n}" for n in SYSTEM_NAMES)}
    tree = _Tree(fields, table)
    for name in wanted:
        if name not in said:
            tree.choose(name)
    whole = SYSTEM in wanted
    return Selection(
        fields=tuple(field for field in fields if field.path in tree.chosen),
        id=ID in wanted,
        parent_id=parent in wanted,
        system=tuple(name for name in SYSTEM_NAMES if whole or f"{SYSTEM}/{name}" in wanted),
    )


class _Tree:
    """The fields of a form below a table, by the names that its rows give them."""

    def __init__(self, fields: Iterable[Field], table: Table) -> None:
        listed = list(fields)
        self._by_path = {field.path: field for field in listed}
        self._children = schema.children(listed)
        self._top = table.path
        below = [field for field in listed if field.path.startswith(f"{table.path}/")]
        depth = table.path.count("/")
        self._by_name = {
            "/".join(islice(schema.way(field.path, table.called), depth, None)): field
            for field in below
        }
        # The way to the table itself is always there.
        self.chosen = set(self._ways(table.path))

    def choose(self, name: str) -> None:
        """Choose a property, with the groups that lead to it and what it holds if it is one."""
        field = self._by_name.get(name)
        if field is None:
            raise SelectUnknown(property=name)
        for path in self._ways(field.parent):
            if path not in self.chosen and self._by_path[path].type == "repeat":
                raise SelectUnsupported(property=name)
            self.chosen.add(path)
        self._take(field)

    def _take(self, field: Field) -> None:
        self.chosen.add(field.path)
        if field.type == "structure":
            for child in self._children.get(field.path, ()):
                self._take(child)

    def _ways(self, path: str) -> list[str]:
        """Give a path and those above it, the topmost first."""
        parts = path.split("/")[1:]
        return ["/" + "/".join(parts[: at + 1]) for at in range(len(parts))]
