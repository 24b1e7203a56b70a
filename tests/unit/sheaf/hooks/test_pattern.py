"""Filters: the part of EventBridge's patterns that hooks know."""

import pytest

from sheaf.hooks import pattern
from sheaf.hooks.pattern import PatternError

EVENT = {
    "type": "submission.update",
    "sequence": 3,
    "replay": False,
    "notes": None,
    "data": {
        "submission": {
            "district": "north-west",
            "age": 31,
            "weight": 70.5,
            "members": [{"name": "Ada", "age": 7}, {"name": "Bo", "age": 40}],
            "tags": [],
            "__system": {"reviewState": "approved", "edits": 0},
        }
    },
}


def of(**members):
    """A pattern for the data of the submission."""
    return {"data": {"submission": members}}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"type": ["submission.update"]}, True),
        ({"type": ["submission.create", "submission.update"]}, True),
        ({"type": ["submission.create"]}, False),
        ({"sequence": [3]}, True),
        ({"sequence": [3.0]}, True),
        ({"sequence": ["3"]}, False),
        ({"replay": [False]}, True),
        ({"replay": [0]}, False),
        ({"notes": [None]}, True),
        ({"none": [None]}, False),
        ({"type": ["submission.update"], "sequence": [4]}, False),
        (of(__system={"reviewState": ["approved"]}), True),
        (of(__system={"reviewState": ["rejected"], "edits": [0]}), False),
        (of(district=[{"prefix": "north-"}]), True),
        (of(district=[{"prefix": "south-"}, "north-west"]), True),
        (of(district=[{"suffix": "-west"}]), True),
        (of(district=[{"suffix": "-east"}]), False),
        (of(age=[{"prefix": "3"}]), False),
        (of(district=[{"anything-but": "north-west"}]), False),
        (of(district=[{"anything-but": ["east", "west"]}]), True),
        (of(district=[{"anything-but": {"prefix": "north"}}]), False),
        (of(district=[{"anything-but": {"suffix": "east"}}]), True),
        (of(nowhere=[{"anything-but": "x"}]), False),
        (of(age=[{"numeric": [">=", 18, "<", 65]}]), True),
        (of(age=[{"numeric": [">", 31]}]), False),
        (of(weight=[{"numeric": ["=", 70.5]}]), True),
        (of(age=[{"numeric": ["<", 0]}, {"numeric": [">", 30]}]), True),
        (of(district=[{"numeric": [">", 0]}]), False),
        ({"replay": [{"numeric": ["=", 0]}]}, False),
        (of(age=[{"exists": True}]), True),
        (of(nowhere=[{"exists": True}]), False),
        (of(nowhere=[{"exists": False}]), True),
        (of(nowhere={"deeper": [{"exists": False}]}), True),
        (of(age={"deeper": [{"exists": False}]}), True),
        ({"notes": [{"exists": False}]}, True),
        ({"notes": [{"exists": True}]}, False),
        (of(tags=[{"exists": False}]), True),
        (of(members={"name": ["Bo"]}), True),
        (of(members={"name": ["Cy"]}), False),
        # One row must fit the whole.
        (of(members={"name": ["Ada"], "age": [{"numeric": [">", 18]}]}), False),
        (of(members={"name": ["Bo"], "age": [{"numeric": [">", 18]}]}), True),
        (of(tags={"name": ["x"]}), False),
    ],
)
def test_what_matches(wanted, expected):
    pattern.check(wanted)
    assert pattern.matches(wanted, EVENT) is expected


def test_one_element_of_a_list_suffices():
    assert pattern.matches({"a": [2]}, {"a": [1, 2]})
    assert not pattern.matches({"a": [3]}, {"a": [1, 2]})
    assert pattern.matches({"a": [{"prefix": "x"}]}, {"a": ["y", "xy"]})


@pytest.mark.parametrize(
    ("wrong", "path", "reason"),
    [
        ([], "", "must be an object"),
        ("type", "", "must be an object"),
        (None, "", "must be an object"),
        ({}, "", "at least one member"),
        ({"data": {}}, "data", "at least one member"),
        ({"type": "submission.create"}, "type", "must be an object, or a list"),
        ({"type": None}, "type", "must be an object, or a list"),
        ({"type": []}, "type", "at least one value"),
        ({"a": {"b": {"c": 3}}}, "a.b.c", "must be an object, or a list"),
        ({"type": [["x"]]}, "type", "list in a list"),
        ({"type": [{"wildcard": "*"}]}, "type", "knows the rules"),
        ({"type": [{}]}, "type", "knows the rules"),
        ({"type": [{"prefix": "a", "suffix": "b"}]}, "type", "one to an object"),
        ({"type": [{"prefix": 3}]}, "type", "'prefix'"),
        ({"type": [{"prefix": ""}]}, "type", "'prefix'"),
        ({"type": [{"anything-but": []}]}, "type", "'anything-but'"),
        ({"type": [{"anything-but": [["x"]]}]}, "type", "'anything-but'"),
        ({"type": [{"anything-but": {"numeric": ["=", 1]}}]}, "type", "'anything-but'"),
        ({"n": [{"numeric": []}]}, "n", "'numeric'"),
        ({"n": [{"numeric": [">"]}]}, "n", "'numeric'"),
        ({"n": [{"numeric": ["!=", 3]}]}, "n", "'numeric'"),
        ({"n": [{"numeric": [">", "3"]}]}, "n", "'numeric'"),
        ({"n": [{"numeric": [">", True]}]}, "n", "'numeric'"),
        ({"n": [{"numeric": [[], 3]}]}, "n", "'numeric'"),
        ({"n": [{"exists": "yes"}]}, "n", "'exists'"),
        ({"type": ["x" * 2048]}, "", "2048 characters"),
    ],
)
def test_what_is_no_pattern(wrong, path, reason):
    with pytest.raises(PatternError) as raised:
        pattern.check(wrong)
    assert raised.value.path == path
    assert reason in str(raised.value)


def test_the_longest_pattern_and_the_deepest():
    pattern.check({"type": ["x" * (2048 - len('{"type":[""]}'))]})
    deep = {"a": ["x"]}
    for _ in range(pattern.DEEPEST - 1):
        deep = {"a": deep}
    pattern.check(deep)
    with pytest.raises(PatternError, match="too deep"):
        pattern.check({"a": deep})
