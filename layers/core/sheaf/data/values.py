"""The values of a submission as rows of its form's tables, for every format alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Protocol

from sheaf.data.tables import Table


class Cells(Protocol):
    """The texts of a row by column: '' where it has none."""

    def __getitem__(self, column: int, /) -> str:
        """Give the text of a column."""


class Sparse(dict[int, str]):
    """Cells of which few have a text: a row takes no more than is in it, however wide it is."""

    def __missing__(self, column: int) -> str:
        """Give the text of a column that has none."""
        return ""


_NOTHING = Sparse()


class Record:
    """A row of a table: the text of each of its columns, and the rows below it by table.

    A column without text has an empty one. `several` keeps the texts of columns that have more than
    one, which their cells join.
    """

    __slots__ = ("cells", "rows", "several")

    def __init__(self, cells: Cells = _NOTHING) -> None:
        self.cells = cells
        self.rows: dict[Table, list[Record]] | None = None
        self.several: dict[int, list[str]] | None = None

    def below(self, table: Table) -> list[Record]:
        """Give the rows of a repeat that belong to this row."""
        return self.rows.get(table, []) if self.rows else []

    def start(self, table: Table) -> Record:
        """Add a row below this one."""
        if self.rows is None:
            self.rows = {}
        record = Record()
        self.rows.setdefault(table, []).append(record)
        return record


def joined(found: dict[int, list[str]]) -> tuple[Sparse, dict[int, list[str]] | None]:
    """Make cells of the texts that were found in each column, none of them empty.

    Returns:
        The cells, and what `Record.several` keeps.
    """
    # Joining one by one would cost their square.
    cells = Sparse({column: "".join(texts) for column, texts in found.items()})
    return cells, {at: texts for at, texts in found.items() if len(texts) > 1} or None


def picking(positions: Sequence[int]) -> Callable[[Cells], tuple[str, ...]]:
    """Give what takes the texts at some positions."""
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda cells: tuple(cells[at] for at in positions)


def rows(table: Table, root: Record) -> Iterator[Record]:
    """Give all rows of a table in a submission, by its row of the root table."""
    if table.parent is None:
        yield root
        return
    for above in rows(table.parent, root):
        yield from above.below(table)
