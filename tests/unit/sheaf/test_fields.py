"""Reading what clients send: every reader gives its type or a Problem, whatever came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf import fields
from sheaf.problems import (
    InvalidDataType,
    MissingParameter,
    OutOfRange,
    Problem,
    UnexpectedValue,
    ValueTooLong,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_numbers_are_postgresqls_integers():
    for text, number in (("0", 0), ("7", 7), ("-3", -3), ("007", 7), ("2147483647", 2**31 - 1)):
        assert fields.number(text) == number
    for text in ("", " ", "a", "1.0", "1e3", "+1", "--1", "1 ", "\u0661", "1\n", "0x1", "²", "1_0"):
        with pytest.raises(InvalidDataType) as caught:
            fields.number(text)
        assert caught.value.details == {"value": text, "expected": "type integer"}
    for text in ("2147483648", "-2147483648", "99999999999", "9" * 5000, "-" + "9" * 5000):
        with pytest.raises(OutOfRange) as caught:
            fields.number(text)
        assert caught.value.details == {"value": text, "type": "integer"}


def test_counts_are_not_negative():
    for text, number in (("0", 0), ("25", 25), ("99999999999", 99_999_999_999)):
        assert fields.count({"limit": text}, "limit") == number
    assert fields.count({}, "limit") is None
    for text in ("", "abc", "-1", "-0", "1.5", "\u0661", "9" * 12, "9" * 5000, " 1"):
        with pytest.raises(InvalidDataType) as caught:
            fields.count({"limit": text}, "limit")
        assert str(caught.value) == ("Invalid input data type: expected (limit) to be (integer)")
        assert caught.value.details == {"field": "limit", "expected": "integer"}


def test_flags_are_on_when_they_say_true():
    assert [fields.flag({"a": text}, "a") for text in ("true", "True", "TRUE")] == [True] * 3
    assert [fields.flag({"a": text}, "a") for text in ("", "1", "yes", "false")] == [False] * 4
    assert fields.flag({}, "a") is False


def test_texts_are_texts():
    for value in ("", "a", "🦄" * 3):
        assert fields.text({"a": value}, "a", longest=3) == value
    for body in ({}, {"a": None}):
        assert fields.optional_text(body, "a") is None
        with pytest.raises(MissingParameter):
            fields.text(body, "a")
    for value in (0, False, 1.5, [], {}, ["a"], "a\0"):
        with pytest.raises(InvalidDataType) as caught:
            fields.text({"a": value}, "a")
        assert caught.value.details == {"field": "a", "expected": "string"}
    with pytest.raises(ValueTooLong) as too_long:
        fields.optional_text({"a": "🦄" * 4}, "a", longest=3)
    assert too_long.value.details == {"maxLength": "3"}


def test_truths_are_truths():
    for value in (True, False, None):
        assert fields.optional_flag({"a": value}, "a") is value
    assert fields.optional_flag({}, "a") is None
    for value in (0, 1, "true", [], {}):
        with pytest.raises(InvalidDataType):
            fields.optional_flag({"a": value}, "a")


def test_lists_of_texts_are_that():
    assert fields.texts({"a": ["b", ""]}, "a") == ["b", ""]
    assert fields.texts({"a": []}, "a") == []
    assert fields.texts({}, "a") is fields.texts({"a": None}, "a") is None
    for value in ("b", ["b", 1], {"b": 1}, [None], [["b"]], True):
        with pytest.raises(InvalidDataType):
            fields.texts({"a": value}, "a")


def test_a_choice_is_one_of_few():
    assert fields.choice("open", "state", ("open", "closed"), "no") == "open"
    for value, shown in (
        ("Open", "Open"),
        ("", ""),
        (True, "true"),
        (None, "null"),
        (5, "5"),
        ([1, "a", None], "1,a,null"),
        ({"a": 1}, "[object Object]"),
    ):
        with pytest.raises(UnexpectedValue) as caught:
            fields.choice(value, "state", ("open", "closed"), "not a recognized state name")
        assert str(caught.value) == (f"Unexpected state value {shown}; not a recognized state name")
        assert caught.value.details["value"] == value


@given(JSON)
def test_no_value_breaks_a_reader(value):
    body = {"a": value}
    for read in (
        fields.text,
        fields.optional_text,
        fields.optional_flag,
        fields.texts,
        lambda body, name: fields.choice(body[name], name, ("x",), "no"),
    ):
        try:
            read(body, "a")
        except Problem as problem:
            assert problem.status == 400
            assert str(problem)


@given(st.text(max_size=30))
def test_no_text_breaks_a_number(text):
    for read in (fields.number, lambda text: fields.count({"a": text}, "a")):
        try:
            assert isinstance(read(text), int)
        except Problem as problem:
            assert problem.status == 400
