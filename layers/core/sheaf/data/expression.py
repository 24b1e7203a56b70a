"""The grammar of `$filter`: from a text to a tree.

The grammar is the part of OData 4 (its ABNF, `boolCommonExpr`) that clients of ODK Central use, and
what is refused is told in the words and positions of Central's parser (odata-v4-parser): it reads
as far as it can and names the character where it could not go on. `and` binds tighter than `or`,
`not` negates the one condition that follows it. Read without backtracking, so in linear time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sheaf.problems import FilterUnparsable

# Nobody writes deeper by hand or by program, and what walks the tree recurses.
MAX_DEPTH = 50

_GAP = re.compile(r"[ \t]+")
_MEMBER = re.compile(r"(?:\$root/)?[A-Za-z_]\w*(?:/[A-Za-z_]\w*)*")
_METHOD = re.compile(r"[A-Za-z_][\w.]*\(")
_STRING = re.compile(r"'(?:[^']|'')*+'")
_DAY = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
# A query's `+` is a space; nothing else can stand between a time and its offset.
_MOMENT = re.compile(
    rf"{_DAY}(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{{1,12}})?)?"
    r"(?:Z|[-+ ][01][0-9]:[0-5][0-9])?)?(?![\w.:-])"
)
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.])")
_WORD = re.compile(r"(?:null|true|false)(?![\w/(.])")
_COMPARISON = re.compile(r"[ \t]+(eq|ne|lt|le|gt|ge|has)[ \t]+")
_ARITHMETIC = re.compile(r"[ \t]+(add|sub|mul|div|mod)[ \t]+")
_NOT = re.compile(r"not(?:[ \t]+|(?=\())")
# What Central's parser calls the nodes that neither it nor we can follow.
_ARITHMETIC_TYPES = {
    "add": "AddExpression",
    "sub": "SubExpression",
    "mul": "MulExpression",
    "div": "DivExpression",
    "mod": "ModExpression",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A part of the expression: where it stands in the text and what is written there."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A constant. Its kind is `null`, `boolean`, `number`, `moment` or `string`."""

    kind: str


@dataclass(frozen=True, slots=True)
class Member(Node):
    """A field: names joined by `/`, with `$root/` in front or not."""


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function with its arguments."""

    name: str
    arguments: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """Two operands compared by `eq`, `ne`, `lt`, `le`, `gt`, `ge` or `has`."""

    operator: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Logic(Node):
    """Conditions joined by `and` or by `or`, or one negated (`not`)."""

    operator: str
    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Unsupported(Node):
    """What the grammar knows and no filter may hold; `type` is what Central calls it."""

    type: str


Tree: TypeAlias = Literal | Member | Call | Comparison | Logic | Unsupported
_Found: TypeAlias = tuple[Tree, int] | None


def parse(text: str) -> Tree:
    """Read an expression.

    Raises:
        FilterUnparsable: it is none, or nests deeper than `MAX_DEPTH`.
    """
    found = _Parser(text).condition(_after_gap(text, 0), 0)
    if found is None:
        raise FilterUnparsable(reason="Fail at 0")
    tree, end = found
    if _after_gap(text, end) < len(text):
        raise FilterUnparsable(reason=f"Unexpected character at {end}")
    return tree


def unquoted(text: str) -> str:
    """Give what a string literal says: between the quotes, each doubled quote once."""
    return text[1:-1].replace("''", "'")


class _Parser:
    """Reads what starts at a position: what it is and where it ends, or None if it is not there."""

    def __init__(self, text: str) -> None:
        self._text = text

    def condition(self, at: int, depth: int) -> _Found:
        """Read conditions joined by `or`."""
        return self._joined(at, depth, "or", self._conjunction)

    def _conjunction(self, at: int, depth: int) -> _Found:
        return self._joined(at, depth, "and", self._comparison)

    def _joined(
        self, start: int, depth: int, word: str, read: Callable[[int, int], _Found]
    ) -> _Found:
        found = read(start, depth)
        parts: list[Tree] = []
        end = start
        while found is not None:
            parts.append(found[0])
            end = found[1]
            joint = self._word(end, word)
            found = read(joint, depth) if joint is not None else None
        if len(parts) <= 1:
            return (parts[0], end) if parts else None
        return Logic(start, self._text[start:end], word, tuple(parts)), end

    def _word(self, at: int, word: str) -> int | None:
        """Tell where a word that stands between gaps lets the next thing start."""
        start = _after_gap(self._text, at)
        end = start + len(word)
        after = _after_gap(self._text, end)
        there = at < start and end < after and self._text.startswith(word, start)
        return after if there else None

    def _comparison(self, at: int, depth: int) -> _Found:
        if negation := _NOT.match(self._text, at):
            inner = self._comparison(negation.end(), _deeper(depth, at))
            if inner is not None:
                tree, end = inner
                return Logic(at, self._text[at:end], "not", (tree,)), end
        left = self._operand(at, depth)
        operator = left and _COMPARISON.match(self._text, left[1])
        if not left or not operator:
            return left
        right = self._operand(operator.end(), depth)
        if right is None:
            return left
        text = self._text[at : right[1]]
        return Comparison(at, text, operator[1], left[0], right[0]), right[1]

    def _operand(self, at: int, depth: int) -> _Found:
        """Read an operand; sums and the like are recognised, so as to be refused by name."""
        found = self._primary(at, depth)
        operator = found and _ARITHMETIC.match(self._text, found[1])
        if not found or not operator:
            return found
        right = self._operand(operator.end(), _deeper(depth, at))
        if right is None:
            return found
        type_ = _ARITHMETIC_TYPES[operator[1]]
        return Unsupported(at, self._text[at : right[1]], type_), right[1]

    def _primary(self, at: int, depth: int) -> _Found:
        if self._text.startswith("(", at):
            return self._enclosed(at, _deeper(depth, at))
        for kind, pattern in (("string", _STRING), ("moment", _MOMENT), ("number", _NUMBER)):
            if match := pattern.match(self._text, at):
                return Literal(at, match[0], kind), match.end()
        if match := _WORD.match(self._text, at):
            kind = "null" if match[0] == "null" else "boolean"
            return Literal(at, match[0], kind), match.end()
        if match := _METHOD.match(self._text, at):
            return self._call(at, match.end(), _deeper(depth, at))
        if match := _MEMBER.match(self._text, at):
            return Member(at, match[0]), match.end()
        return None

    def _enclosed(self, at: int, depth: int) -> _Found:
        found = self.condition(_after_gap(self._text, at + 1), depth)
        if found is None:
            return None
        tree, end = found[0], _after_gap(self._text, found[1])
        return (tree, end + 1) if self._text.startswith(")", end) else None

    def _call(self, start: int, at: int, depth: int) -> _Found:
        name = self._text[start : at - 1]
        arguments: list[Tree] = []
        at = _after_gap(self._text, at)
        while not self._text.startswith(")", at):
            if arguments:
                if not self._text.startswith(",", at):
                    return None
                at = _after_gap(self._text, at + 1)
            found = self._operand(at, depth)
            if found is None:
                return None
            arguments.append(found[0])
            at = _after_gap(self._text, found[1])
        return Call(start, self._text[start : at + 1], name, tuple(arguments)), at + 1


def _after_gap(text: str, at: int) -> int:
    gap = _GAP.match(text, at)
    return gap.end() if gap else at


def _deeper(depth: int, at: int) -> int:
    if depth >= MAX_DEPTH:
        raise FilterUnparsable(reason=f"Nested more than {MAX_DEPTH} deep at {at}")
    return depth + 1
