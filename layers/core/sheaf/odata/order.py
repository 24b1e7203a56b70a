"""`$orderby`: the order of submissions, by what the server knows of them.

Nulls come first when a field ascends and last when it descends; submissions that are equal in all
fields follow their age, in the direction of the first field. All as with ODK Central.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sheaf.data import members
from sheaf.data.constants import TEXT
from sheaf.data.members import SUBMISSION_DATE, Operand
from sheaf.data.record import Stored
from sheaf.odata.tokens import Keys
from sheaf.problems import FilterFieldUnsupported, InvalidSkipToken

# A submission in an order: its id and its keys.
Entry = tuple[str, Keys]


@dataclass(frozen=True, slots=True)
class Clause:
    """A field, and whether it descends."""

    operand: Operand
    descending: bool


@dataclass(frozen=True, slots=True)
class Order:
    """An order of submissions; without clauses, newest first.

    Attributes:
        clauses: the fields, the most important first.
        descending: whether age decides the rest newest first.
    """

    clauses: tuple[Clause, ...] = ()
    descending: bool = True

    def keys(self, stored: Stored) -> Keys:
        """Give the keys of a submission."""
        return [clause.operand.read(stored, _no_rows) for clause in self.clauses]

    def sort(self, entries: list[Entry]) -> None:
        """Put submissions in order."""
        entries.sort(key=lambda entry: entry[0], reverse=self.descending)
        for at in reversed(range(len(self.clauses))):
            entries.sort(
                key=lambda entry, at=at: _rank(entry[1][at]),  # type: ignore[misc]
                reverse=self.clauses[at].descending,
            )

    def comes_after(self, entry: Entry, last: Entry) -> bool:
        """Whether a submission comes after another.

        Raises:
            InvalidSkipToken: the keys of the other are none of this order.
        """
        self._check(last[1])
        for clause, own, other in zip(self.clauses, entry[1], last[1], strict=True):
            if own != other:
                return (_rank(own) < _rank(other)) is clause.descending
        return (entry[0] < last[0]) is self.descending and entry[0] != last[0]

    def _check(self, keys: Keys) -> None:
        fit = len(keys) == len(self.clauses) and all(
            key is None or type(key) is (str if clause.operand.type == TEXT else int)
            for key, clause in zip(keys, self.clauses, strict=True)
        )
        if not fit:
            raise InvalidSkipToken


def read(text: str | None, *, rooted: bool) -> Order:
    """Read `$orderby`: `field [asc|desc]`, parted by commas.

    Args:
        text: the parameter.
        rooted: whether it is about the submissions themselves, and not rows of a repeat, from
            where their fields are reached as `$root/Submissions/…`.

    Raises:
        FilterFieldUnsupported (501.5): for a field or a direction that there is not.
    """
    if text is None:
        return Order()
    clauses = [_clause(part, rooted=rooted) for part in text.split(",")]
    descending = clauses[0].descending
    if clauses[0].operand is members.SYSTEM[SUBMISSION_DATE]:
        clauses = []
    return Order(tuple(clauses), descending)


def _clause(text: str, *, rooted: bool) -> Clause:
    words = text.split() or [""]
    direction = words[1] if len(words) > 1 else "asc"
    if direction.lower() not in ("asc", "desc"):
        raise FilterFieldUnsupported(text=direction)
    name = words[0]
    bare = name.removeprefix(members.PREFIX)
    if bare not in members.SYSTEM or (bare == name and not rooted):
        raise FilterFieldUnsupported(text=name)
    return Clause(members.SYSTEM[bare], direction.lower() == "desc")


def _rank(key: Any) -> tuple[bool, Any]:
    """Let null come before all else."""
    return (key is not None, key)


def _no_rows() -> members.Rows:
    raise AssertionError("an order looks at what the server knows, not into submissions")
