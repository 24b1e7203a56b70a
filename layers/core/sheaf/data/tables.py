"""The tables that a form's data make: the root, and one for every repeat.

A table's columns are the fields that hold values, in the order of the form, those of groups among
them; a repeat within is a table of its own, whose rows belong to rows of this one. Every format
(CSV, OData, GeoJSON, the bodies of hooks) is a way to write these tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sheaf.forms import schema
from sheaf.forms.schema import Field

ROOT = "Submissions"


@dataclass(frozen=True, slots=True)
class Column:
    """A field that holds a value. `index` is its place in the table and its key in a record."""

    field: Field
    index: int
    # Where it stands in its table: the names of the groups on the way, and its own. Then the same
    # as OData names them.
    names: tuple[str, ...]
    called: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table. Tables are compared by identity, and so serve as keys.

    `path` is that of the repeat, '' for the root; `way` names the groups and the repeat that lead
    here from the table above, `called_way` as OData names them. `called` is what OData calls the
    fields of the form, by their paths.
    """

    path: str
    parent: Table | None
    way: tuple[str, ...]
    called_way: tuple[str, ...]
    called: Mapping[str, str]
    columns: list[Column] = field(default_factory=list)
    repeats: list[Table] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What OData calls it: `Submissions`, `Submissions.children.child`."""
        return ".".join((ROOT, *schema.way(self.path, self.called)))

    def all(self) -> Iterator[Table]:
        """Give this table and those below it, in the order of the form."""
        yield self
        for repeat in self.repeats:
            yield from repeat.all()


def of(fields: Iterable[Field]) -> Table:
    """Give the root table of a form's fields."""
    listed = list(fields)
    called = schema.identifiers(listed)
    root = Table("", None, (), (), called)
    # By the path of each structure: the table whose rows it is part of, and the way to it there.
    within: dict[str, tuple[Table, tuple[str, ...]]] = {"": (root, ())}
    for each in listed:
        table, way = within[each.parent]
        names = (*way, each.name)
        shown = tuple(schema.way(each.path, called))[-len(names) :]
        if each.type == "repeat":
            repeat = Table(each.path, table, names, shown, called)
            table.repeats.append(repeat)
            within[each.path] = repeat, ()
        elif each.structural:
            within[each.path] = table, names
        else:
            table.columns.append(Column(each, len(table.columns), names, shown))
    return root
