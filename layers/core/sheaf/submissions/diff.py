"""What an edit changed, node by node, as ODK Central's `/diffs` tells it. No I/O here.

A change is `{old, new, path}`; `old` is absent from an addition and `new` from a removal, since an
empty text is something else. A path is made of names and, for a row of a repeat, `[name, n]`; n
counts from 0 in the old list, but in the new one for an added row. What came or went as a whole is
told as a whole. Changes stand in the order of the old document, additions to a group at its end.

Rows are aligned by what they hold (see `alignment`). Where a stretch of rows was replaced by as
many, each is the new state of the one in its place; by fewer or more, those that are least like any
on the other side are told as removed or added, and the rest are paired in order.

All of it costs time in proportion to the submission, but for telling apart rows that differ; that
has a limit, beyond which rows are paired as they come and groups that differ are told whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

from sheaf.forms.schema import Field
from sheaf.submissions.alignment import Effort, Hunk, hunks
from sheaf.submissions.tree import Forest, Node

# Steps, of which a second has some millions. Edits by hand take a few thousand.
EFFORT = 1_000_000

_Part: TypeAlias = str | list[str | int]
_Path: TypeAlias = tuple[_Part, ...]


def between(old: str, new: str, fields: Iterable[Field]) -> list[dict[str, Any]]:
    """Tell what changed from one version of a submission to the next.

    Args:
        old: the XML of the one, decoded (`markup.decode`).
        new: the XML of the other.
        fields: of the form, to know its groups and repeats: Central asks the published version.

    Raises:
        UnexpectedValue: unreasonable depth (see `markup.scan`).
    """
    forest = Forest(fields)
    return _compared(forest.grow(old), forest.grow(new))


def history(
    versions: Iterable[tuple[str, str]], fields: Iterable[Field]
) -> dict[str, list[dict[str, Any]]]:
    """Tell what each version of a submission changed, newest first; the first changed nothing.

    Args:
        versions: instanceId and XML of each, newest first.
        fields: as for `between`.
    """
    forest = Forest(fields)
    grown = ((instance_id, forest.grow(text)) for instance_id, text in versions)
    return {
        instance_id: _compared(before, now) for (instance_id, now), (_, before) in pairwise(grown)
    }


@dataclass(frozen=True, slots=True)
class _Change:
    path: _Path
    old: Node | None = None
    new: Node | None = None

    @property
    def weight(self) -> int:
        """How much of the submission it concerns."""
        return sum(node.count for node in (self.old, self.new) if node)

    def to_api(self) -> dict[str, Any]:
        sides = {"old": self.old, "new": self.new}
        shown: dict[str, Any] = {side: node.value for side, node in sides.items() if node}
        return shown | {"path": list(self.path)}


# Steps of a comparison: a change, or what is to be compared before going on. A generator that ran
# another within itself would hand each change up through all levels of the tree.
_Steps: TypeAlias = Iterator["_Change | _Steps"]


def _compared(old: Node, new: Node) -> list[dict[str, Any]]:
    comparison = _Comparison(Effort(EFFORT))
    return [change.to_api() for change in _changes(comparison.nodes(old, new, ()))]


def _changes(steps: _Steps) -> Iterator[_Change]:
    """Yield the changes among steps, and among those that they lead to."""
    stack = [steps]
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
        elif isinstance(step, _Change):
            yield step
        else:
            stack.append(step)


@dataclass(frozen=True, slots=True)
class _Comparison:
    effort: Effort

    def nodes(self, old: Node, new: Node, path: _Path) -> _Steps:
        """Compare two states of a text, a group or a row."""
        if old.mark == new.mark:
            return
        before, now = old.kids, new.kids
        if (
            isinstance(before, Mapping)
            and isinstance(now, Mapping)
            and self.effort.spend(len(path) * (len(before) + len(now)))
        ):
            yield self._groups(before, now, path)
        else:
            yield _Change(path, old, new)

    def _groups(self, old: Mapping[str, Node], new: Mapping[str, Node], path: _Path) -> _Steps:
        for name in [*old, *(name for name in new if name not in old)]:
            before, now = old.get(name), new.get(name)
            if before is None or now is None:
                yield _Change((*path, name), before, now)
            elif before.mark == now.mark:
                continue  # and no path is made for it
            elif isinstance(before.kids, tuple) and isinstance(now.kids, tuple):
                yield self._rows(before.kids, now.kids, path, name)
            else:
                yield self.nodes(before, now, (*path, name))

    def _rows(self, old: Sequence[Node], new: Sequence[Node], path: _Path, name: str) -> _Steps:
        marks = [row.mark for row in old], [row.mark for row in new]
        for hunk in hunks(*marks, self.effort):
            yield self._hunk(old, new, hunk, path, name)

    def _hunk(
        self, old: Sequence[Node], new: Sequence[Node], hunk: Hunk, path: _Path, name: str
    ) -> _Steps:
        at, new_at = hunk.start, hunk.new_start
        before, now = old[at : hunk.end], new[new_at : hunk.new_end]
        fewer = len(now) < len(before)
        single = self._single(before, now) if fewer else self._single(now, before)
        for number in range(max(len(before), len(now))):
            if number not in single:
                yield self.nodes(old[at], new[new_at], (*path, [name, at]))
                at, new_at = at + 1, new_at + 1
            elif fewer:
                yield _Change((*path, [name, at]), old=old[at])
                at += 1
            else:
                yield _Change((*path, [name, new_at]), new=new[new_at])
                new_at += 1

    def _single(self, more: Sequence[Node], fewer: Sequence[Node]) -> set[int]:
        """Choose which of some rows, by number, have no counterpart among fewer ones.

        Those are the least like any of them; of rows alike, the later ones.
        """
        spare = len(more) - len(fewer)
        steps = sum(1 + row.count for row in more) * len(fewer)
        steps += sum(1 + row.count for row in fewer) * len(more)
        if not spare or not fewer or not self.effort.spend(steps):
            return set(range(len(fewer), len(more)))
        likest = [min(self._difference(row, other) for other in fewer) for row in more]
        worst = sorted(range(len(more)), key=lambda number: (likest[number], number))
        return set(worst[len(fewer) :])

    def _difference(self, old: Node, new: Node) -> int:
        return sum(change.weight for change in _changes(self.nodes(old, new, ())))
