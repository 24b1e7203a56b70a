"""What each element of a submission is to a form."""

from __future__ import annotations

from dataclasses import dataclass, field

from sheaf.data.tables import Table


@dataclass(frozen=True, slots=True)
class Place:
    """An element: a value (`index` of its column), a row (`table`), or a group of either."""

    index: int | None = None
    table: Table | None = None
    below: dict[str, Place] = field(default_factory=dict)


# Of an element that the form does not know.
UNKNOWN = Place()


def of(table: Table) -> Place:
    """Give the place of a table's rows, with all places below it."""
    top = Place(table=table)

    def put(names: tuple[str, ...], place: Place) -> None:
        at = top
        for name in names[:-1]:
            at = at.below.setdefault(name, Place())
        at.below[names[-1]] = place

    for column in table.columns:
        put(column.names, Place(index=column.index))
    for repeat in table.repeats:
        put(repeat.way, of(repeat))
    return top
