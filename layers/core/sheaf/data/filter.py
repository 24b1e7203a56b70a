"""`$filter`: one meaning of it for the feed, exports and maps.

What ODK Central filters by (`__id` and five of the `__system` fields), and beyond it the fields of
the form. A name means what it means in the rows of the table: `age`, `group/name`; from the rows
of a repeat, a submission's own fields are reached as `$root/Submissions/…`, Central's only so.

Types are those of the form: `int` and `decimal` compare as numbers, `date` and `dateTime` as
moments (UTC where no offset is given), all else as text, by code point. A value that cannot be read
in its type counts as null, as it does in the rows. Logic is SQL's: `eq` and `ne` take null for a
value like any other, other comparisons with null are neither true nor false, and what is not true
is left out. Moments of the server are compared to the millisecond, which is all that it shows.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sheaf import clock
from sheaf.data import constants, expression, logic
from sheaf.data.bounds import Bounds
from sheaf.data.constants import BOOLEAN, MOMENT, NUMBER, TEXT
from sheaf.data.expression import Call, Comparison, Literal, Logic, Member, Tree, Unsupported
from sheaf.data.members import DELETED_AT, Members, Operand, Read, Rows, Told, bare
from sheaf.data.tables import Table
from sheaf.problems import FilterUnsupported

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}
# What Central's parser calls a comparison.
_TYPES = {
    "eq": "EqualsExpression",
    "ne": "NotEqualsExpression",
    "lt": "LesserThanExpression",
    "le": "LesserOrEqualsExpression",
    "gt": "GreaterThanExpression",
    "ge": "GreaterOrEqualsExpression",
    "has": "HasExpression",
}
_TESTS: dict[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_PARTS = frozenset({"year", "month", "day", "hour", "minute", "second"})


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that is ready to be asked.

    Attributes:
        paths: the form's fields that it looks at; without any it needs no values.
        mentions_deleted: it names `__system/deletedAt`, so what is in the trash takes part.
        bounds: where submissions that pass can lie.
    """

    paths: frozenset[str]
    mentions_deleted: bool
    bounds: Bounds
    _test: Read = field(repr=False)

    def matches(self, told: Told, rows: Callable[[], Rows]) -> bool:
        """Whether a row passes.

        Args:
            told: what the server tells of the submission to which it belongs.
            rows: gives the submission's row of the root table, and the row in question; called
                only when one of the form's fields is looked at.
        """
        return self._test(told, rows) is True


def read(text: str, table: Table) -> Filter:
    """Make a filter of an expression, for the rows of a table.

    Raises:
        FilterUnparsable (400.18), FilterUnsupported (501.4), FilterFieldUnsupported (501.5): it
            cannot be followed.
        InvalidDataType (400.11): a constant does not fit what it is compared with.
    """
    tree = expression.parse(text)
    compiler = _Compiler(Members(table))
    test = compiler.condition(tree)
    bounds = Bounds.of(tree)
    bounds.trashed &= compiler.mentions_deleted
    return Filter(frozenset(compiler.paths), compiler.mentions_deleted, bounds, test)


class _Compiler:
    """Turns a tree into functions of a row, and notes what they look at."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._now = clock.micros() // 1000 * 1000
        self.paths: set[str] = set()
        self.mentions_deleted = False

    def condition(self, tree: Tree) -> Read:
        """Make a function that gives True, False or None (unknown)."""
        if isinstance(tree, Logic):
            parts = [self.condition(part) for part in tree.parts]
            return logic.JOINTS[tree.operator](parts)
        if isinstance(tree, Comparison):
            return self._comparison(tree)
        if isinstance(tree, Call) and tree.name in _TESTS:
            return self._text_test(tree)
        # Central's parser has no other name for a value where a condition should be.
        raise _unsupported(tree, "CommonExpression")

    def _comparison(self, tree: Comparison) -> Read:
        if tree.operator == "has":
            raise _unsupported(tree)
        left, right = self._pair(tree.left, tree.right)
        if left.type != right.type:
            raise _unsupported(tree)
        if tree.operator in _ORDERS:
            return logic.both(_ORDERS[tree.operator], left.read, right.read)
        return logic.equal(left.read, right.read, wanted=tree.operator == "eq")

    def _pair(self, left: Tree, right: Tree) -> tuple[Operand, Operand]:
        """Compile both sides of a comparison; a constant takes the type of the other side."""
        if isinstance(left, Literal) and isinstance(right, Literal):
            type_ = _common(left, right)
            return _constant(left, type_), _constant(right, type_)
        if isinstance(left, Literal):
            operand = self._operand(right)
            return _constant(left, operand.type), operand
        operand = self._operand(left)
        if isinstance(right, Literal):
            return operand, _constant(right, operand.type)
        return operand, self._operand(right)

    def _operand(self, tree: Tree) -> Operand:
        if isinstance(tree, Member):
            return self._member(tree)
        if isinstance(tree, Call) and tree.name not in _TESTS:
            return self._function(tree)
        if isinstance(tree, Unsupported):
            raise _unsupported(tree)
        return Operand(BOOLEAN, self.condition(tree))

    def _member(self, tree: Member) -> Operand:
        operand, path = self._members.find(tree)
        self.mentions_deleted |= bare(tree) == DELETED_AT
        if path is not None:
            self.paths.add(path)
        return operand

    def _function(self, tree: Call) -> Operand:
        if tree.name == "now" and not tree.arguments:
            now = self._now
            return Operand(MOMENT, lambda *_: now)
        if tree.name in _PARTS and len(tree.arguments) == 1:
            (argument,) = tree.arguments
            operand = self._typed(argument, MOMENT)
            if operand is not None:
                return Operand(NUMBER, logic.part(tree.name, operand.read))
        raise _unsupported(tree)

    def _text_test(self, tree: Call) -> Read:
        sides = [self._typed(argument, TEXT) for argument in tree.arguments]
        if len(sides) != 2 or sides[0] is None or sides[1] is None:
            raise _unsupported(tree)
        return logic.both(_TESTS[tree.name], sides[0].read, sides[1].read)

    def _typed(self, tree: Tree, type_: str) -> Operand | None:
        """Compile an argument that must be of a type; None when it is of another."""
        if isinstance(tree, Literal):
            return _constant(tree, type_)
        operand = self._operand(tree)
        return operand if operand.type == type_ else None


def _common(left: Literal, right: Literal) -> str:
    """Choose the type in which two constants are compared: a text can be read as most others."""
    types = (constants.type_of(left), constants.type_of(right))
    return types[1] if types[0] == TEXT else types[0]


def _constant(literal: Literal, type_: str) -> Operand:
    value = constants.value(literal, type_)
    return Operand(type_, lambda *_: value)


def _unsupported(tree: Tree, type_: str | None = None) -> FilterUnsupported:
    """Refuse a part of the expression by the name that Central's parser has for it."""
    if type_ is None and isinstance(tree, Unsupported):
        type_ = tree.type
    if type_ is None and isinstance(tree, Comparison):
        type_ = _TYPES[tree.operator]
    return FilterUnsupported(at=tree.at, type=type_ or "MethodCallExpression", text=tree.text)
