"""Reading plain submissions by their outlines: what their tags say, learnt once for all alike.

Almost every submission is plain: tags that match, no CDATA, no `<` but at a tag. And a device
writes the same tags whenever the same questions are answered. So a text is parted into its tags and
what stands between them; the tags together are looked up, and tell which of the values are whose.
Tags are read by the scanner (`markup`), once each, so what is learnt of them is what the scanner
says. Nothing here looks at a single character but `str.split` and the like, which is C.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sheaf.data import places, values
from sheaf.data.places import Place
from sheaf.data.tables import Table
from sheaf.data.values import Record
from sheaf.submissions import markup

# A device's tags are few; those of a text made to fill the memory are not kept.
_MOST_TAGS = 500
# Texts of more tags than this are read in another way: their outlines would take more than they do.
_LONGEST = 50_000
# And so are those whose rows would have more cells than this, most of them empty.
_WIDEST = 1_000_000
# How many tags the outlines may have that are kept, together.
_KEPT = 100_000
# An outline that has been met so often is worth a pattern, which takes some milliseconds to make:
# so many are made at most, of no more tags each.
_OFTEN, _PATTERNS, _SHORT = 1_000, 20, 2_000
_TAG = re.compile(r"<([^<>]*+)>")
_NEVER = re.compile(r"(?!)")
# All bytes but those of `<` and `>`.
_OTHERS = bytes(set(range(256)) - set(b"<>"))


class IrregularError(Exception):
    """A text that is not plain, or a tag that says more than its name."""


class Outlines:
    """The outlines of a form's submissions that have been met."""

    def __init__(self, place: Place, table: Table) -> None:
        self._top, self._table = _Node(None, "", place), table
        self._known: dict[str, _Outline] = {}
        self._size = 0
        # That of the outline met last, of those that have one; how many were made.
        self._pattern, self._usual = _NEVER, _Outline(table)
        self._made = 0

    def read(self, text: str) -> Record:
        """Read a submission.

        Raises:
            IrregularError: it is not plain.
        """
        texts: Sequence[str]
        if found := self._pattern.fullmatch(text):
            outline, texts = self._usual, found.groups()
        else:
            parts = _parted(text)
            outline, texts = self._outline(parts[1::2]), parts[2::2]
            # What comes last belongs to nothing: it stands for all that is not there.
            texts[-1] = ""
        if "&" in text:
            texts = [markup.unescape(each) if "&" in each else each for each in texts]
        return outline.read(texts)

    def _outline(self, tags: list[str]) -> _Outline:
        key = "<".join(tags)
        outline = self._known.get(key)
        if outline is None:
            if len(tags) > _LONGEST:
                raise IrregularError
            outline = self._learnt(tags)
            if outline.seal() > _WIDEST:
                raise IrregularError
            self._keep(key, len(tags), outline)
        outline.met += 1
        if outline.met >= _OFTEN:
            self._prefer(outline, tags)
        return outline

    def _prefer(self, outline: _Outline, tags: list[str]) -> None:
        """Try an outline first from now on."""
        if outline.pattern is None and self._made < _PATTERNS and len(tags) <= _SHORT:
            outline.pattern = _pattern(tags)
            self._made += 1
        if outline.pattern is not None:
            self._pattern, self._usual = outline.pattern, outline

    def _keep(self, key: str, size: int, outline: _Outline) -> None:
        if self._size + size > _KEPT:
            self._known.clear()
            self._size = 0
        self._known[key] = outline
        self._size += size

    def _learnt(self, tags: list[str]) -> _Outline:
        """Make the outline of a text."""
        top = outline = _Outline(self._table)
        node = self._top
        stack: _Stack = []
        steps = enumerate(tags)
        for at, tag in steps:
            kind, what, closing = node[tag]
            if kind == _VALUE:
                if next(steps, _END)[1] != closing:
                    raise IrregularError
                outline.put(what, at)
            else:
                node, outline = _turn(kind, what, node, outline, stack)
                if kind == _CLOSE and not stack:
                    return top
        raise IrregularError


class _Outline:
    """Where the values of a row stand in a text, and those of the rows below it."""

    __slots__ = ("_columns", "_further", "_pick", "_rows", "_table", "met", "pattern")

    def __init__(self, table: Table) -> None:
        self.met = 0
        self.pattern: re.Pattern[str] | None = None
        self._table = table
        self._columns: dict[int, int] = {}
        self._further: dict[int, list[int]] | None = None
        self._rows: dict[Table, list[_Outline]] | None = None

    def put(self, column: int, at: int) -> None:
        """Note where the value of a column stands; one that has several has them all."""
        if column not in self._columns:
            self._columns[column] = at
            return
        if self._further is None:
            self._further = {}
        self._further.setdefault(column, [self._columns[column]]).append(at)

    def start(self, table: Table) -> _Outline:
        """Add a row below this one."""
        if self._rows is None:
            self._rows = {}
        outline = _Outline(table)
        self._rows.setdefault(table, []).append(outline)
        return outline

    def seal(self) -> int:
        """Be ready to read, when all has been noted; give how many cells there are."""
        width = len(self._table.columns) if self._columns else 0
        self._pick = values.picking([self._columns.get(column, -1) for column in range(width)])
        below = (outline for rows in (self._rows or {}).values() for outline in rows)
        return width + sum(outline.seal() for outline in below)

    def read(self, texts: Sequence[str]) -> Record:
        """Give the row of a text, by what stands in it; the last of that is empty."""
        record = Record(self._pick(texts)) if self._columns else Record()
        if self._further:
            self._add(record, self._further, texts)
        if self._rows:
            record.rows = {
                table: [outline.read(texts) for outline in outlines]
                for table, outlines in self._rows.items()
            }
        return record

    def _add(self, record: Record, further: dict[int, list[int]], texts: Sequence[str]) -> None:
        found = {column: [texts[at]] for column, at in self._columns.items()}
        found |= {column: [texts[at] for at in all_] for column, all_ in further.items()}
        told = {
            column: kept for column, each in found.items() if (kept := list(filter(None, each)))
        }
        record.cells, record.several = values.joined(told)


def _pattern(tags: Sequence[str]) -> re.Pattern[str]:
    """Make a pattern that fits the texts with these tags, and gives what `_parted` gives of them.

    What follows the last tag is left out.
    """
    between = (f"<{re.escape(tag)}>([^<]*+)" for tag in tags[:-1])
    return re.compile(f"[^<]*+{''.join(between)}<{re.escape(tags[-1])}>[^<]*+()")


def _parted(text: str) -> list[str]:
    """Part a text: what stands before the first tag, that tag, what stands after it, and so on."""
    marks = text.encode(errors="replace").translate(None, _OTHERS)
    if marks == b"<>" * (len(marks) // 2):
        return text.replace(">", "<").split("<")
    # A `>` may stand in a value.
    parts = _TAG.split(text)
    if len(parts) // 2 != text.count("<"):
        raise IrregularError
    return parts


# What a tag does: hold a value (of the column, until the closing tag), nothing, open an element
# (the node within), open a row (the node within), be a row without anything in it (of the table),
# close the element that is open.
_VALUE, _NOTHING, _OPEN, _ROW, _EMPTY_ROW, _CLOSE = range(6)
_Step = tuple[int, Any, str]
_END = (0, "")


class _Node(dict[str, _Step]):
    """An open element: what each tag does that may come next, learnt when it first comes.

    The node without a name stands above the root element, whatever that is called.
    """

    def __init__(self, place: Place | None, name: str, root: Place | None = None) -> None:
        super().__init__()
        self.place, self._name, self._top = place, name, root

    def __missing__(self, tag: str) -> _Step:
        step = self._learn(tag)
        if len(self) < _MOST_TAGS:
            self[tag] = step
        return step

    def _learn(self, tag: str) -> _Step:
        """Tell what a tag does, or raise IrregularError when it must be seen in its text."""
        events = markup.tag(tag)
        if events is None:
            raise IrregularError
        if not events:
            return _NOTHING, None, ""
        first = events[0]
        if isinstance(first, markup.Open):
            return self._opening(first, closed=len(events) > 1)
        if first.name != self._name or self.place is None:
            raise IrregularError
        return _CLOSE, None, ""

    def _opening(self, tag: markup.Open, *, closed: bool) -> _Step:
        if self.place is None:
            if closed or self._top is None:
                raise IrregularError
            return _OPEN, _Node(self._top, tag.name), ""
        place = self.place.below.get(tag.local, places.UNKNOWN)
        if place.table is not None:
            step = _EMPTY_ROW if closed else _ROW
            return step, place.table if closed else _Node(place, tag.name), ""
        if closed:
            return _NOTHING, None, ""
        if place.index is not None:
            return _VALUE, place.index, f"/{tag.name}"
        return _OPEN, _Node(place, tag.name), ""


_Stack = list[tuple[_Node, _Outline]]


def _turn(
    kind: int, what: Any, node: _Node, outline: _Outline, stack: _Stack
) -> tuple[_Node, _Outline]:
    """Enter or leave an element; give where one is then."""
    if kind == _CLOSE:
        return stack.pop()
    if kind in (_NOTHING, _EMPTY_ROW):
        if kind == _EMPTY_ROW:
            outline.start(what)
        return node, outline
    if len(stack) >= markup.MAX_DEPTH:
        raise IrregularError
    stack.append((node, outline))
    return what, outline.start(what.place.table) if kind == _ROW else outline
