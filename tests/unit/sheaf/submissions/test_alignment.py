"""What two lists have in common."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.submissions.alignment import Effort, Hunk, hunks

LISTS = st.lists(st.integers(0, 4), max_size=12)
PLENTY = 1_000_000


def align(old, new, effort=PLENTY):
    return list(hunks(old, new, Effort(effort)))


def common(old, new):
    """The length of the longest common subsequence, by the book's table."""
    best = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, left in enumerate(old):
        for j, right in enumerate(new):
            longest = max(best[i][j + 1], best[i + 1][j])
            best[i + 1][j + 1] = best[i][j] + 1 if left == right else longest
    return best[-1][-1]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([], [], []),
        ([1, 2, 3], [1, 2, 3], []),
        ([1, 2, 3], [1, 3], [Hunk(1, 2, 1, 1)]),
        ([1, 3], [1, 2, 3], [Hunk(1, 1, 1, 2)]),
        ([1, 2, 3], [1, 9, 3], [Hunk(1, 2, 1, 2)]),
        ([1, 2, 3, 4], [9, 1, 3, 8, 7], [Hunk(0, 0, 0, 1), Hunk(1, 2, 2, 2), Hunk(3, 4, 3, 5)]),
        ([1], [2], [Hunk(0, 1, 0, 1)]),
        ([1, 2], [], [Hunk(0, 2, 0, 0)]),
        # Of rows alike, the last one is gone.
        ([1, 1, 1], [1, 1], [Hunk(2, 3, 2, 2)]),
        ([1, 2, 3, 4, 5], [5, 1, 2, 3, 4], [Hunk(0, 0, 0, 1), Hunk(4, 5, 5, 5)]),
    ],
    ids=[
        "empty", "equal", "removed", "added", "changed", "mixed", "other", "all gone", "alike",
        "moved",
    ],
)  # fmt: skip
def test_hunks_tell_where_lists_differ(old, new, expected):
    assert align(old, new) == expected


def between_hunks(old, new, found):
    """What is left of both lists without the hunks."""
    left, right = list(old), list(new)
    for hunk in reversed(found):
        del left[hunk.start : hunk.end]
        del right[hunk.new_start : hunk.new_end]
    return left, right


@given(LISTS, LISTS)
def test_what_lies_between_hunks_is_the_longest_there_is(old, new):
    left, right = between_hunks(old, new, align(old, new))
    assert left == right
    assert len(left) == common(old, new)


@given(LISTS, LISTS, st.integers(0, 30))
def test_little_effort_finds_less_and_nothing_wrong(old, new, effort):
    found = align(old, new, effort)
    left, right = between_hunks(old, new, found)
    assert left == right
    assert all(hunk.end > hunk.start or hunk.new_end > hunk.new_start for hunk in found)


def test_effort_is_spent_only_on_what_both_lists_hold():
    effort = Effort(3)
    old = [*range(1000), *range(5000, 9000)]
    new = [*range(1000), *range(9000, 13000)]
    assert list(hunks(old, new, effort)) == [Hunk(1000, 5000, 1000, 5000)]
    assert effort.left == 3


def test_lists_made_to_take_hours_take_no_more_than_the_effort():
    effort = Effort(50_000)
    found = list(hunks(list(range(100_000)), list(reversed(range(100_000))), effort))
    assert found == [Hunk(0, 100_000, 0, 100_000)]
    # The round in which it ran out is not taken from what is left.
    assert effort.left < 1000
