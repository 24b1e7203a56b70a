"""What the names in a filter stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from sheaf import fields
from sheaf.data import row
from sheaf.data.constants import MOMENT, NUMBER, TEXT
from sheaf.data.expression import Member
from sheaf.data.tables import ROOT, Column, Table
from sheaf.data.values import Record
from sheaf.problems import FilterFieldUnsupported


class Told(Protocol):
    """What the server tells of a submission, in records and in what is read in bulk alike."""

    @property
    def root_id(self) -> str:
        """The instanceId that names it for ever."""

    @property
    def root(self) -> dict[str, Any]:
        """What is told of its first version, `submitter_id` among it."""

    @property
    def number(self) -> int:
        """When it was created, in micros."""

    @property
    def updated_at(self) -> int | None:
        """When it was last edited or reviewed."""

    @property
    def deleted_at(self) -> int | None:
        """Since when it is in the trash."""

    @property
    def review_state(self) -> str | None:
        """Its review state."""


# What a submission holds: its row of the root table, and the row that the filter is asked about,
# which for the root table is the same.
Rows: TypeAlias = tuple[Record, Record]
Read: TypeAlias = Callable[[Told, Callable[[], Rows]], Any]

PREFIX = f"$root/{ROOT}/"
DELETED_AT = "__system/deletedAt"
SUBMISSION_DATE = "__system/submissionDate"


@dataclass(frozen=True, slots=True)
class Operand:
    """Something that has a value in a row: its type and how to read it."""

    type: str
    read: Read


def _shown(moment: int | None) -> int | None:
    """Cut a moment to what the API shows of it, so that what was shown can be asked for again."""
    return None if moment is None else moment // 1000 * 1000


SYSTEM: dict[str, Operand] = {
    "__id": Operand(TEXT, lambda told, _: told.root_id),
    SUBMISSION_DATE: Operand(MOMENT, lambda told, _: _shown(told.number)),
    "__system/updatedAt": Operand(MOMENT, lambda told, _: _shown(told.updated_at)),
    DELETED_AT: Operand(MOMENT, lambda told, _: _shown(told.deleted_at)),
    "__system/submitterId": Operand(NUMBER, lambda told, _: told.root["submitter_id"]),
    "__system/reviewState": Operand(TEXT, lambda told, _: told.review_state),
}


class Members:
    """The names that a filter of a table's rows may use."""

    def __init__(self, table: Table) -> None:
        self._rooted = table.parent is None
        self._operands: dict[str, tuple[Operand, str | None]] = {
            PREFIX + name: (operand, None) for name, operand in SYSTEM.items()
        }
        self._add(_top(table), PREFIX, 0)
        if not self._rooted:
            self._add(table, "", 1)

    def find(self, member: Member) -> tuple[Operand, str | None]:
        """Give what a name stands for, and the path of the form's field that it names, if any.

        Raises:
            FilterFieldUnsupported: nothing that can be filtered by.
        """
        name = PREFIX + bare(member) if self._rooted else member.text
        if name not in self._operands:
            raise FilterFieldUnsupported(at=member.at, text=member.text)
        return self._operands[name]

    def _add(self, table: Table, prefix: str, place: int) -> None:
        """Add a table's columns; `place` is where `Rows` has its row."""
        for column in table.columns:
            name = prefix + "/".join(column.called)
            self._operands.setdefault(name, (_operand(column, place), column.field.path))


def bare(member: Member) -> str:
    """Give a name without its prefix, as it stands in the rows of the submissions."""
    return member.text.removeprefix(PREFIX)


def _top(table: Table) -> Table:
    while table.parent is not None:
        table = table.parent
    return table


_TYPES = {"int": NUMBER, "decimal": NUMBER, "date": MOMENT, "dateTime": MOMENT}


def _operand(column: Column, place: int) -> Operand:
    type_ = _TYPES.get(column.field.type, TEXT)
    return Operand(type_, lambda _, rows: _READERS[type_](column, rows()[place]))


def _text(column: Column, record: Record) -> str | None:
    return record.cells[column.index] or None


def _moment(column: Column, record: Record) -> int | None:
    text = row.value(column, record)
    return fields.micros(text) if text else None


_READERS: dict[str, Callable[[Column, Record], Any]] = {
    NUMBER: row.value,
    MOMENT: _moment,
    TEXT: _text,
}
