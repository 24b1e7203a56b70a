"""What was chosen of questions with several answers: the columns that they are split into.

Central takes what its worker has extracted so far, and so misses what has just come, what was
encrypted, and what lies in the trash. Here all that is given out is read for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from sheaf.data.tables import Column, Table
from sheaf.data.values import Record, rows
from sheaf.exports.selection import Row
from sheaf.exports.spool import Spool
from sheaf.exports.state import CHOICES

Choice = tuple[str, str]


class Choices:
    """The choices that were found, in a spool."""

    def __init__(self, root: Table, spool: Spool) -> None:
        self._spool = spool
        self._asked = [
            (table, column)
            for table in root.all()
            for column in table.columns
            if column.field.select_multiple
        ]
        self._known = {
            tuple(json.loads(line)) for chunk in spool.read(CHOICES) for line in chunk.splitlines()
        }

    def take(self, read: Iterable[Row]) -> None:
        """Find what these submissions say."""
        records = [row.record for row in read if row.record is not None]
        found: set[Choice] = set()
        for table, column in self._asked:
            found |= {(column.field.path, choice) for choice in _chosen(records, table, column)}
        news = found - self._known
        self._known |= news
        self._spool.add(CHOICES, "".join(f"{json.dumps(each)}\n" for each in news).encode())

    def sorted(self) -> dict[str, list[str]]:
        """Give the choices of each question, by its path."""
        found: dict[str, list[str]] = {}
        for path, choice in sorted(self._known):
            found.setdefault(path, []).append(choice)
        return found


def _chosen(records: list[Record], table: Table, column: Column) -> set[str]:
    texts = (row.cells[column.index] for record in records for row in rows(table, record))
    return {choice for text in texts for choice in text.split()}
