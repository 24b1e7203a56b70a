"""What a filter says of where its submissions lie, so that others need not be read.

Only conditions that all must hold are looked at: the whole filter, or the parts of its topmost
`and`. Most filters that programs write are of this kind: a span of days, or what is in the trash.
"""

from __future__ import annotations

from dataclasses import dataclass

from sheaf.data import constants
from sheaf.data.expression import Comparison, Literal, Logic, Member, Tree
from sheaf.data.members import DELETED_AT, SUBMISSION_DATE, bare

_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
# Moments of creation are compared as shown, to the millisecond, which may be that much earlier.
_SHOWN = 1000


@dataclass(slots=True)
class Bounds:
    """Where submissions that pass can lie.

    Attributes:
        live, trashed: whether anything that is not deleted, or deleted, can pass.
        since, until: micros that the creation is not before, and before; None for no bound.
    """

    live: bool = True
    trashed: bool = True
    since: int | None = None
    until: int | None = None

    @classmethod
    def of(cls, tree: Tree) -> Bounds:
        """Read them off a filter that is known to be sound."""
        bounds = cls()
        all_hold = tree.parts if isinstance(tree, Logic) and tree.operator == "and" else (tree,)
        for part in all_hold:
            negated = isinstance(part, Logic) and part.operator == "not"
            inner = part.parts[0] if isinstance(part, Logic) and negated else part
            if isinstance(inner, Comparison):
                bounds._learn(inner, negated=negated)
        return bounds

    def _learn(self, condition: Comparison, *, negated: bool) -> None:
        member, literal, operator = condition.left, condition.right, condition.operator
        if isinstance(member, Literal):
            member, literal = literal, member
            operator = _MIRRORED.get(operator, operator)
        if not (isinstance(member, Member) and isinstance(literal, Literal)):
            return
        if bare(member) == DELETED_AT and literal.kind == "null" and operator in ("eq", "ne"):
            if (operator == "eq") is negated:
                self.live = False
            else:
                self.trashed = False
        elif bare(member) == SUBMISSION_DATE and literal.kind != "null" and not negated:
            self._narrow(operator, constants.value(literal, constants.MOMENT))

    def _narrow(self, operator: str, moment: int) -> None:
        if operator in ("gt", "ge", "eq"):
            self.since = moment if self.since is None else max(self.since, moment)
        if operator in ("lt", "le", "eq"):
            end = moment + _SHOWN
            self.until = end if self.until is None else min(self.until, end)
