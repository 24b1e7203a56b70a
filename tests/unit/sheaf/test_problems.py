"""How problems word themselves, where more is to it than a template."""

from __future__ import annotations

import pytest

from sheaf import problems


def told(problem):
    return problem.to_api()


def test_a_problem_without_details_has_none():
    assert told(problems.NotFound()) == {
        "message": "Could not find the resource you were looking for.",
        "code": 404.1,
    }
    assert problems.NotFound().status == 404


def test_details_are_the_arguments():
    assert told(problems.UnexpectedValue(field="state", value=True, reason="{value}")) == {
        "message": "Unexpected state value true; {value}",
        "code": 400.8,
        "details": {"field": "state", "value": True, "reason": "{value}"},
    }


def test_a_header_is_shown_where_there_was_one():
    assert (
        told(problems.BadHeader("X-A"))
        == told(problems.BadHeader("X-A", ""))
        == {
            "message": "An expected header field (X-A) did not match the expected format.",
            "code": 400.6,
            "details": {"field": "X-A"},
        }
    )
    assert told(problems.BadHeader("X-A", "{b}")) == {
        "message": "An expected header field (X-A) did not match the expected format (got: {b}).",
        "code": 400.6,
        "details": {"field": "X-A", "value": "{b}"},
    }


def test_a_wrong_type_is_told_of_a_field_or_of_a_value():
    assert told(problems.InvalidDataType("integer", field="limit")) == {
        "message": "Invalid input data type: expected (limit) to be (integer)",
        "code": 400.11,
        "details": {"field": "limit", "expected": "integer"},
    }
    assert told(problems.InvalidDataType("type integer", value="abc")) == {
        "message": 'Invalid input data type: expected "abc" to be (type integer)',
        "code": 400.11,
        "details": {"value": "abc", "expected": "type integer"},
    }


def test_missing_parameters_are_shown_as_node_does():
    problem = problems.MissingParameters(("a", "b", "c"), {"a": None, "c": ["x"], "d": 1})
    assert told(problem) == {
        "message": "Required parameters missing. "
        """Expected (a, b, c), got (a: null, b: undefined, c: ["x"]).""",
        "code": 400.3,
        "details": {"expected": ["a", "b", "c"], "got": {"a": None, "c": ["x"]}},
    }


def test_what_exists_already_is_told_in_lists_beside_a_table():
    assert told(problems.AlreadyExists(table="submissions", formId=1, draft=False)) == {
        "message": "A resource already exists with formId,draft value(s) of 1,f.",
        "code": 409.3,
        "details": {"fields": ["formId", "draft"], "values": ["1", "f"], "table": "submissions"},
    }
    assert told(problems.AlreadyExists(instanceID="x")) == {
        "message": "A resource already exists with instanceID value(s) of x.",
        "code": 409.3,
        "details": {"fields": "instanceID", "values": "x"},
    }


def test_sets_of_parameters_stand_in_braces():
    problem = problems.InvalidQueryCombination(paramSet=["start", "end"], violationText="clash")
    assert str(problem) == "Parameters of set {start,end} clash"


def test_what_is_found_is_given():
    assert problems.found(0) == 0
    with pytest.raises(problems.NotFound):
        problems.found(None)
