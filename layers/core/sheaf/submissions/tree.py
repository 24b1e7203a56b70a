"""Submissions as trees whose equal parts are told by one comparison: what diffs are made of.

Groups are objects, repeats lists of them, all else texts; names go without their prefixes, so
`orx:meta` and `meta` are one node. What is a repeat the form says; an element that it does not know
is a group when it holds elements. As in exports, several elements of one field are read as one:
texts are joined, groups merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sheaf.forms.schema import Field
from sheaf.submissions import markup

# A form's definition nests less than this (libxml2 reads no more); elements below are read as the
# text of what holds them, so that nothing that walks a tree, json among it, can run out of stack.
MAX_LEVELS = 256

Value: TypeAlias = str | dict[str, Any] | list[Any]


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a submission.

    `mark` is equal for equal parts of one forest, whatever the order of their elements. `value` is
    the part as JSON, `count` how many texts and names it holds, `kids` its parts: of a group by
    name, of a repeat its rows, of a text None.
    """

    mark: int
    value: Value
    count: int
    kids: Mapping[str, Node] | tuple[Node, ...] | None


@dataclass(slots=True)
class _Element:
    """An element while it is read; `path` is that of its group or repeat in the form, if it is one.

    A repeat's rows stand in a list under its name.
    """

    path: str | None
    kids: dict[str, _Element | list[_Element]] = field(default_factory=dict)
    pieces: list[markup.Text] = field(default_factory=list)
    node: Node | None = None


class Forest:
    """Trees that can be compared: submissions, read by the structure of one form."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self._types = {each.path: each.type for each in fields if each.structural}
        # By what a part consists of; texts, groups and repeats are keys of different types.
        self._marks: dict[str | frozenset[tuple[str, int]] | tuple[int, ...], int] = {}

    def grow(self, text: str) -> Node:
        """Read a submission's XML.

        Raises:
            UnexpectedValue: unreasonable depth (see `markup.scan`).
        """
        elements = self._read(text)
        # From the last to the first: what an element holds has been made before it is its turn.
        for element in reversed(elements):
            element.node = self._made(element)
        return _node(elements[0])

    def _read(self, text: str) -> list[_Element]:
        """Give the root and all elements within it, each after the one that holds it."""
        root = _Element("")
        elements, stack = [root], [root]
        for event in _shallow(markup.scan(text)):
            if isinstance(event, markup.Open):
                stack.append(self._enter(stack[-1], event.local, elements))
            elif isinstance(event, markup.Text):
                stack[-1].pieces.append(event)
            else:
                stack.pop()
        return elements

    def _enter(self, parent: _Element, name: str, elements: list[_Element]) -> _Element:
        """Give the element that begins here: a new one, unless its field has been begun before."""
        path = None if parent.path is None else f"{parent.path}/{name}"
        if path is None or path not in self._types:
            path = None
        known = parent.kids.get(name)
        if isinstance(known, _Element):
            return known
        made = _Element(path)
        elements.append(made)
        if path is not None and self._types[path] == "repeat":
            rows = parent.kids.setdefault(name, [])
            assert isinstance(rows, list)  # noqa: S101 - what is a repeat is one each time
            rows.append(made)
        else:
            parent.kids[name] = made
        return made

    def _made(self, element: _Element) -> Node:
        if not element.kids and element.path is None:
            text = "".join(piece.value for piece in element.pieces)
            return Node(self._mark(text), text, 1, None)
        kids = {
            name: self._repeat(kid) if isinstance(kid, list) else _node(kid)
            for name, kid in element.kids.items()
        }
        return Node(
            self._mark(frozenset((name, kid.mark) for name, kid in kids.items())),
            {name: kid.value for name, kid in kids.items()},
            sum(1 + kid.count for kid in kids.values()),
            kids,
        )

    def _repeat(self, elements: list[_Element]) -> Node:
        rows = tuple(map(_node, elements))
        return Node(
            self._mark(tuple(row.mark for row in rows)),
            [row.value for row in rows],
            sum(1 + row.count for row in rows),
            rows,
        )

    def _mark(self, parts: str | frozenset[tuple[str, int]] | tuple[int, ...]) -> int:
        return self._marks.setdefault(parts, len(self._marks))


def _node(element: _Element) -> Node:
    if element.node is None:
        raise AssertionError("an element is made before the one that holds it")
    return element.node


def _shallow(events: Iterator[markup.Event]) -> Iterator[markup.Event]:
    """Leave out the root's own tags, and those of elements that are nested too deeply."""
    depth = 0
    for event in events:
        if isinstance(event, markup.Close):
            depth -= 1
        if isinstance(event, markup.Text) or 0 < depth <= MAX_LEVELS:
            yield event
        if isinstance(event, markup.Open):
            depth += 1
