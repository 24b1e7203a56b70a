"""CSV as text."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.data import delimited


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (["a", "b"], "a,b\n"),
        (["", ""], ",\n"),
        (["a,b", "c"], '"a,b",c\n'),
        (['say "x"'], '"say ""x"""\n'),
        (["a\nb", "c\rd", "e\r\nf"], '"a\nb","c\rd","e\r\nf"\n'),
        ([" a ", "\t"], " a ,\t\n"),
        (["é", "\U0001f600"], "é,\U0001f600\n"),
    ],
)
def test_values_are_quoted_when_they_must_be(values, text):
    assert delimited.line(values) == text


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), min_size=1))
def test_what_is_written_is_read_again(table):
    text = "".join(map(delimited.line, table))
    assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == table


def test_what_would_be_computed_is_guarded_and_numbers_are_not():
    values = ["=1+1", "+x", "-x", "@x", "\tx", "\rx", "-1.5", "+3", "-.5e3", "x=1", "", "'=x"]
    assert delimited.guarded(values) == [
        "'=1+1", "'+x", "'-x", "'@x", "'\tx", "'\rx", "-1.5", "+3", "-.5e3", "x=1", "", "'=x",
    ]  # fmt: skip
