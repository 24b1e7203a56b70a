"""Tables as sheets of CSV: their names, headers and lines, as ODK Central (and Briefcase) has them.

A sheet is a table with what it takes to tell its rows apart: the root has the submission's date,
key and state, a repeat its own key and that of the row above it. A geopoint has four columns; of a
question with several answers each may have its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sheaf import clock
from sheaf.data import delimited
from sheaf.data.extraction import Record, walk
from sheaf.data.record import Stored
from sheaf.data.tables import Column, Table

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
        self.table, self.name = table, name
        self._width, self._style = len(shown), style
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
        cells = self._blank if record is None else self._cells(record.cells, files, dense=True)
        values = [
            clock.iso(stored.number) or "",
            *cells,
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
        ]
        return delimited.line(self._guarded(values))

    def rows(self, record: Record, root_id: str, files: Mapping[str, str]) -> Iterator[str]:
        """Write a repeat's lines of a submission."""
        for row, key, above in walk(record, self.table, root_id, key_of):
            cells = self._cells(row.cells, files, dense=False)
            yield delimited.line(self._guarded([*cells, above, key]))

    def _cells(self, cells: dict[int, str], files: Mapping[str, str], *, dense: bool) -> list[str]:
        """Give the values of a row, column by column; those of the root are all there, in order."""
        width = self._width
        values = list(cells.values()) if dense else [cells.get(at, "") for at in range(width)]
        if len(values) > width:
            del values[width:]
        if files:
            for at in self._files:
                values[at] = files.get(values[at].strip(), values[at])
        for at, expand in self._wide:
            values[at : at + 1] = expand(values[at])
        return values

    def _guarded(self, values: list[str]) -> list[str]:
        return delimited.guarded(values) if self._style.guard else values


def key_of(above: str, table: Table, number: int) -> str:
    """Give the KEY of a row of a repeat by that of the row above: `<above>/group/child[1]`."""
    return f"{above}/{'/'.join(table.way)}[{number + 1}]"


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
