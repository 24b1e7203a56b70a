"""The values of a submission, taken out of its XML once, for every format alike.

Texts of a field's several elements are joined; elements that the form does not know are left out;
what is there is never trimmed or judged.

There are two ways to the same result. Almost every submission is plain: tags that match, no CDATA,
no `<` but at a tag. Such a text is taken apart by `str.split`, and what each tag means is looked up
as it is written: a device writes the same tags in every submission. Tags are read by the scanner
(`markup`), once each, so both ways agree on them by construction; whatever else is unusual goes the
scanner's way, some fifty times slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sheaf.data.tables import Table
from sheaf.submissions import markup

_ENVELOPE = "/base64EncryptedKey"
# A device's tags are few; those of a text made to fill the memory are not kept.
_MOST_TAGS = 500


class Record:
    """A row of a table: texts by column, and the rows below it by table.

    A column without text has no cell, or an empty one. `several` keeps the texts of fields that
    have more than one, which their cells join.
    """

    __slots__ = ("cells", "rows", "several")

    def __init__(self, cells: dict[int, str]) -> None:
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
        record = Record({})
        self.rows.setdefault(table, []).append(record)
        return record

    def add(self, index: int, text: str, joining: list[Record]) -> None:
        """Add a further text to a cell. `joining` lists whom to `join` when all is read."""
        if self.several is None:
            self.several = {}
            joining.append(self)
        self.several.setdefault(index, [self.cells[index]]).append(text)

    def join(self) -> None:
        """Make one text of each cell's several: one by one would cost their square."""
        for index, texts in (self.several or {}).items():
            self.cells[index] = "".join(texts)


def walk(
    record: Record, table: Table, key: str, name: Callable[[str, Table, int], str]
) -> Iterator[tuple[Record, str, str]]:
    """Give all rows of a table in a submission, each with its key and its parent's.

    Args:
        record: the submission's row of the root table.
        table: the table wanted.
        key: the key of the submission.
        name: gives the key of a row by that of its parent, its table, and its number from 0.
    """
    if table.parent is None:
        yield record, key, ""
        return
    for parent, parent_key, _ in walk(record, table.parent, key, name):
        for number, row in enumerate(parent.below(table)):
            yield row, name(parent_key, table, number), parent_key


class Extraction:
    """Takes values out of submissions, for the tables of a form."""

    def __init__(self, root: Table) -> None:
        self._blank = dict.fromkeys(range(len(root.columns)), "")
        self._root = _placed(root)
        self._top = _Node(None, "", self._root)

    def read(self, text: str) -> Record | None:
        """Give a submission's row of the root table, with all below it.

        None for an encrypted envelope, which holds no data. The root's cells are all there, in the
        order of its columns.

        Raises:
            UnexpectedValue: unreasonable depth (400.8).
        """
        # Only an envelope has the word, so that other texts are spared a search for the element.
        if _ENVELOPE[1:] in text and next(markup.texts(text, {_ENVELOPE}), None):
            return None
        try:
            return self._quick(text)
        except _IrregularError:
            return self._slow(text)

    def _quick(self, text: str) -> Record:
        """Read a plain text; raise _IrregularError when it proves to be none."""
        root = record = Record(self._blank.copy())
        node, cells = self._top, root.cells
        stack: _Stack = []
        joining: _Joining = []
        pieces = iter(text.split("<"))
        next(pieces)
        for piece in pieces:
            tag, end, value = piece.partition(">")
            if not end:
                raise _IrregularError
            kind, what, closing = node[tag]
            if kind == _VALUE:
                if not next(pieces, "").startswith(closing):
                    raise _IrregularError
                if value:
                    if cells.get(what):
                        record.add(what, value, joining)
                    else:
                        cells[what] = value
            else:
                node, record = _turn(kind, what, node, record, stack)
                cells = record.cells
                if kind == _CLOSE and not stack:
                    return _finished(root, joining, references="&" in text)
        raise _IrregularError

    def _slow(self, text: str) -> Record:
        """Read any text, as the scanner does."""
        root = Record(self._blank.copy())
        joining: list[Record] = []
        levels: list[tuple[_Place, Record, list[str]]] = []
        for event in markup.scan(text):
            if isinstance(event, markup.Open):
                levels.append(self._opened(event.local, levels, root))
            elif isinstance(event, markup.Text):
                levels[-1][2].append(event.value)
            else:
                place, record, pieces = levels.pop()
                if place.index is not None and (value := "".join(pieces)):
                    if record.cells.get(place.index):
                        record.add(place.index, value, joining)
                    else:
                        record.cells[place.index] = value
        return _finished(root, joining, references=False)

    def _opened(
        self, name: str, levels: list[tuple[_Place, Record, list[str]]], root: Record
    ) -> tuple[_Place, Record, list[str]]:
        if not levels:
            return self._root, root, []
        above, record, _ = levels[-1]
        place = above.below.get(name, _UNKNOWN)
        return place, record.start(place.table) if place.table else record, []


@dataclass(frozen=True, slots=True)
class _Place:
    """What an element is to a form: a value (`index`), a row (`table`), or a group of either."""

    index: int | None = None
    table: Table | None = None
    below: dict[str, _Place] = field(default_factory=dict)


_UNKNOWN = _Place()


def _placed(table: Table) -> _Place:
    """Give the place of a table's rows, with all places below it."""
    top = _Place(table=table)

    def put(names: tuple[str, ...], place: _Place) -> None:
        at = top
        for name in names[:-1]:
            at = at.below.setdefault(name, _Place())
        at.below[names[-1]] = place

    for column in table.columns:
        put(column.names, _Place(index=column.index))
    for repeat in table.repeats:
        put(repeat.way, _placed(repeat))
    return top


class _IrregularError(Exception):
    """A text that is not plain, or a tag that says more than its name."""


# What a tag does: hold a value (of the column, until the closing tag), nothing, open an element
# (the node within), open a row (the node within), be a row without anything in it (of the table),
# close the element that is open.
_VALUE, _NOTHING, _OPEN, _ROW, _EMPTY_ROW, _CLOSE = range(6)
_Step = tuple[int, Any, str]


class _Node(dict[str, _Step]):
    """An open element: what each tag does that may come next, learnt when it first comes.

    The node without a name stands above the root element, whatever that is called.
    """

    def __init__(self, place: _Place | None, name: str, root: _Place | None = None) -> None:
        super().__init__()
        self.place, self._name, self._top = place, name, root

    def __missing__(self, tag: str) -> _Step:
        step = self._learn(tag)
        if len(self) < _MOST_TAGS:
            self[tag] = step
        return step

    def _learn(self, tag: str) -> _Step:
        """Tell what a tag does, or raise _IrregularError when it must be seen in its text."""
        events = markup.tag(tag)
        if events is None:
            raise _IrregularError
        if not events:
            return _NOTHING, None, ""
        first = events[0]
        if isinstance(first, markup.Open):
            return self._opening(first, closed=len(events) > 1)
        if first.name != self._name or self.place is None:
            raise _IrregularError
        return _CLOSE, None, ""

    def _opening(self, tag: markup.Open, *, closed: bool) -> _Step:
        if self.place is None:
            if closed or self._top is None:
                raise _IrregularError
            return _OPEN, _Node(self._top, tag.name), ""
        place = self.place.below.get(tag.local, _UNKNOWN)
        if place.table is not None:
            step = _EMPTY_ROW if closed else _ROW
            return step, place.table if closed else _Node(place, tag.name), ""
        if closed:
            return _NOTHING, None, ""
        if place.index is not None:
            return _VALUE, place.index, f"/{tag.name}>"
        return _OPEN, _Node(place, tag.name), ""


_Stack = list[tuple[_Node, Record]]
_Joining = list[Record]


def _turn(kind: int, what: Any, node: _Node, record: Record, stack: _Stack) -> tuple[_Node, Record]:
    """Enter or leave an element; give where one is then."""
    if kind == _CLOSE:
        return stack.pop()
    if kind in (_NOTHING, _EMPTY_ROW):
        if kind == _EMPTY_ROW:
            record.start(what)
        return node, record
    if len(stack) >= markup.MAX_DEPTH:
        raise _IrregularError
    stack.append((node, record))
    return what, record.start(what.place.table) if kind == _ROW else record


def _finished(root: Record, joining: _Joining, *, references: bool) -> Record:
    """Join what has several texts, and decode what holds references."""
    if joining and references:
        raise _IrregularError  # parts of a reference are none, however they are joined
    for record in joining:
        record.join()
    pending = [root] if references else []
    while pending:
        record = pending.pop()
        record.cells = {
            index: markup.unescape(text) if "&" in text else text
            for index, text in record.cells.items()
        }
        pending += [each for rows in (record.rows or {}).values() for each in rows]
    return root
