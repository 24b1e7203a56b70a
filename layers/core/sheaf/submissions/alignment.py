"""What two lists have in common, in order: the longest common subsequence (Myers, 1986).

The greedy algorithm takes time with the square of the difference. Lists made to differ in all
places at once would take hours, so the effort is limited; beyond it only the equal beginning and
end count as common.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Effort:
    """How many steps a computation may still take."""

    left: int

    def spend(self, steps: int) -> bool:
        """Take so many steps from what is left; False, and nothing taken, if they are not there."""
        if steps > self.left:
            return False
        self.left -= steps
        return True


@dataclass(frozen=True, slots=True)
class Hunk:
    """A stretch where two lists differ: `old[start:end]` stands for `new[new_start:new_end]`."""

    start: int
    end: int
    new_start: int
    new_end: int


def hunks(old: Sequence[int], new: Sequence[int], effort: Effort) -> Iterator[Hunk]:
    """Yield where two lists differ, from the beginning to the end."""
    start = new_start = 0
    for at, new_at in [*_common(old, new, effort), (len(old), len(new))]:
        if at > start or new_at > new_start:
            yield Hunk(start, at, new_start, new_at)
        start, new_start = at + 1, new_at + 1


def _common(old: Sequence[int], new: Sequence[int], effort: Effort) -> list[tuple[int, int]]:
    """Give the places (in the one list, in the other) of what both have in common."""
    shorter = min(len(old), len(new))
    head = 0
    while head < shorter and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < shorter - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    # What the other list does not hold at all is part of no match and need not be searched.
    here, there = set(old), set(new)
    left = [at for at in range(head, len(old) - tail) if old[at] in there]
    right = [at for at in range(head, len(new) - tail) if new[at] in here]
    matched = _matched([old[at] for at in left], [new[at] for at in right], effort)
    return [
        *((at, at) for at in range(head)),
        *((left[at], right[new_at]) for at, new_at in matched),
        *((len(old) - at, len(new) - at) for at in range(tail, 0, -1)),
    ]


def _matched(old: list[int], new: list[int], effort: Effort) -> list[tuple[int, int]]:
    """Give the matches of a shortest edit script; none when it takes too much effort."""
    reached = _search(old, new, effort)
    if reached is None:
        return []
    matches: list[tuple[int, int]] = []
    at, diagonal = len(old), len(old) - len(new)
    for edits in range(len(reached), -1, -1):
        before, begun = _edit(reached[edits - 1], edits, diagonal) if edits else (0, 0)
        matches += [(place, place - diagonal) for place in range(at - 1, begun - 1, -1)]
        if edits:
            at, diagonal = reached[edits - 1][before], before
    matches.reverse()
    return matches


def _search(old: list[int], new: list[int], effort: Effort) -> list[dict[int, int]] | None:
    """Tell how far into `old` one gets by 0, 1, 2… edits, by diagonal, short of getting through."""
    reached: list[dict[int, int]] = []
    for edits in range(len(old) + len(new) + 1):
        row: dict[int, int] = {}
        steps = 0
        for diagonal in range(-edits, edits + 1, 2):
            begun = at = _edit(reached[-1], edits, diagonal)[1] if edits else 0
            while at < len(old) and at - diagonal < len(new) and old[at] == new[at - diagonal]:
                at += 1
            if at >= len(old) and at - diagonal >= len(new):
                return reached
            row[diagonal] = at
            steps += 1 + at - begun
        reached.append(row)
        if not effort.spend(steps):
            return None
    raise AssertionError("deleting all and inserting all gets through")


def _edit(reached: dict[int, int], edits: int, diagonal: int) -> tuple[int, int]:
    """Choose the edit that leads furthest on a diagonal: from which, and where in `old` it ends."""
    inserting = diagonal == -edits or (
        diagonal != edits and reached[diagonal - 1] < reached[diagonal + 1]
    )
    if inserting:
        return diagonal + 1, reached[diagonal + 1]
    return diagonal - 1, reached[diagonal - 1] + 1
