"""Tables as sheets of CSV: their names, headers and lines, as ODK Central (and Briefcase) has them.

A sheet is a table with what it takes to tell its rows apart: the root has the submission's date,
key and state, a repeat its own key and that of the row above it. A geopoint has four columns; of a
question with several answers each may have its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sheaf import clock
from sheaf.data import delimited, values
from sheaf.data.record import Stored
from sheaf.data.tables import Column, Table
from sheaf.data.values import Record

_POINT = ("Latitude", "Longitude", "Altitude", "Accuracy")
_BEFORE = ("SubmissionDate",)
_AFTER = (
    "KEY",
    "SubmitterID",
    "SubmitterName",
    "AttachmentsPresent",
    "AttachmentsExpected",
    "Status",
    "ReviewState",
    "DeviceID",
    "Edits",
    "FormVersion",
)
_REPEAT_AFTER = ("PARENT_KEY", "KEY")

# Of questions with several answers: those that are given a column, by the field's path.
Choices = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Style:
    """How sheets are written: see `exports.options.Options`."""

    group_paths: bool = True
    bom: bool = False
    guard: bool = False
    choices: Choices = field(default_factory=dict)


class Sheet:
    """A table's sheet. What leads to it in the archive is its `name`, without `.csv`."""

    def __init__(self, table: Table, name: str, style: Style, *, hidden: int = 0) -> None:
        """Lay it out; the table's last `hidden` columns are read, but not shown."""
        shown = table.columns[: len(table.columns) - hidden]
        self.table, self.name, self._style = table, name, style
        self._shown = values.picking(range(len(shown)))
        # What the KEY of a row has after that of the row above, before its number.
        self._step = f"/{'/'.join(table.way)}["
        self._files = [column.index for column in shown if column.field.binary]
        # From the last to the first, so that each finds its place.
        self._wide = [
            (column.index, expand)
            for column in reversed(shown)
            if (expand := _expansion(column, style)) is not None
        ]
        before, after = (_BEFORE, _AFTER) if table.parent is None else ((), _REPEAT_AFTER)
        names = (name for column in shown for name in _names(column, style))
        self._header = [*before, *names, *after]
        self._blank = [""] * (len(self._header) - len(before) - len(after))

    @property
    def header(self) -> str:
        """Its first line."""
        bom = delimited.BOM if self._style.bom else ""
        return bom + delimited.line(self._guarded(self._header))

    def submission(
        self,
        stored: Stored,
        record: Record | None,
        *,
        status: str,
        submitter: str,
        files: Mapping[str, str],
    ) -> str:
        """Write the root's line of a submission.

        Args:
            stored: the submission.
            record: its row; None when it cannot be read.
            status: why it cannot.
            submitter: who sent it first, by name.
            files: what cells show in place of names of files.
        """
        root, slots = stored.root, stored.attachments
        number = root["submitter_id"]
        line = (
            clock.iso(stored.number) or "",
            *(self._blank if record is None else self._cells(record, files)),
            root["instance_id"],
            "" if number is None else str(number),
            submitter,
            str(sum(1 for _, blob in slots if blob is not None)) if slots else "0",
            str(len(slots)),
            status,
            stored.review_state or "",
            root["device_id"] or "",
            str(stored.edits),
            root["form_version"] or "",
        )
        return delimited.line(self._guarded(line))

    def row(self, record: Record, above: str, key: str, files: Mapping[str, str]) -> str:
        """Write the line of a row of a repeat, by the KEY of the row above and its own."""
        return delimited.line(self._guarded((*self._cells(record, files), above, key)))

    def key(self, above: str, number: int) -> str:
        """Give the KEY of a row by that of the row above: `<above>/group/child[1]`."""
        return f"{above}{self._step}{number}]"

    def _cells(self, record: Record, files: Mapping[str, str]) -> Sequence[str]:
        """Give the texts of a row as they are shown."""
        shown = self._shown(record.cells)
        if not (files or self._wide):
            return shown
        texts = list(shown)
        if files:
            for at in self._files:
                texts[at] = files.get(texts[at].strip(), texts[at])
        for at, expand in self._wide:
            texts[at : at + 1] = expand(texts[at])
        return texts

    def _guarded(self, texts: Sequence[str]) -> Sequence[str]:
        return delimited.guarded(texts) if self._style.guard else texts


# Sheets of repeats by their tables, each with the lines that are being written of it.
Lines = Mapping[Table, tuple[Sheet, list[str]]]


def add(lines: Lines, record: Record, key: str, files: Mapping[str, str]) -> None:
    """Write the lines of all rows below one, whose KEY is given."""
    for table, rows in (record.rows or {}).items():
        sheet, written = lines[table]
        for number, row in enumerate(rows, 1):
            own = sheet.key(key, number)
            written.append(sheet.row(row, key, own, files))
            if row.rows:
                add(lines, row, own, files)


def of(root: Table, name: str, style: Style, *, hidden: int = 0) -> list[Sheet]:
    """Give the sheets of a form, the root's first.

    A repeat's is named after the root's and the repeat; `~1`, `~2`, … tell equal names apart.

    Args:
        root: the root table.
        name: the root's name.
        style: how they are written.
        hidden: how many of the root's last columns are not shown.
    """
    repeats = [table for table in root.all() if table is not root]
    leaves = [table.way[-1] for table in repeats]
    sheets = [Sheet(root, name, style, hidden=hidden)]
    for at, (table, leaf) in enumerate(zip(repeats, leaves, strict=True)):
        count = f"~{leaves[: at + 1].count(leaf)}" if leaves.count(leaf) > 1 else ""
        sheets.append(Sheet(table, f"{name}-{leaf}{count}", style))
    return sheets


def _names(column: Column, style: Style) -> Iterator[str]:
    name = "-".join(column.names) if style.group_paths else column.names[-1]
    if column.field.type == "geopoint":
        yield from (f"{name}-{part}" for part in _POINT)
    else:
        yield name
        yield from (f"{name}/{choice}" for choice in style.choices.get(column.field.path, ()))


def _expansion(column: Column, style: Style) -> Callable[[str], Iterable[str]] | None:
    """Give what makes several values of a column's one."""
    if column.field.type == "geopoint":
        return _place
    choices = style.choices.get(column.field.path, ())
    return (lambda text: _chosen(text, choices)) if choices else None


def _place(text: str) -> list[str]:
    """Part a geopoint: `latitude longitude altitude accuracy`, of which any may be missing."""
    parts = text.split()[: len(_POINT)]
    return parts + [""] * (len(_POINT) - len(parts))


def _chosen(text: str, choices: Sequence[str]) -> list[str]:
    """Tell of each choice whether it was chosen."""
    given = set(text.split())
    return [text, *("1" if choice in given else "0" for choice in choices)]
