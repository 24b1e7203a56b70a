"""Values taken out of submissions: the two ways agree on any text."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sheaf.data import outlines, tables, values
from sheaf.data.extraction import Extraction
from sheaf.data.outlines import IrregularError
from sheaf.data.values import Record
from sheaf.forms import xform
from sheaf.forms.schema import Field
from sheaf.problems import UnexpectedValue

DATA = Path(__file__).parents[3] / "data"
CLINIC = xform.read((DATA / "forms/clinic-visit.xml").read_bytes()).fields
FILLED = (DATA / "submissions/clinic-visit.xml").read_text(encoding="utf-8")
# As devices send it: without the CDATA and the repeated element that the file tries as well.
PLAIN = FILLED.replace("<![CDATA[B&B]]>", "B&amp;B").replace("</consent><consent>", "")
ROOT = tables.of(CLINIC)


def cells(record: Record, table: tables.Table) -> dict[int, str]:
    """The texts of a row that are not empty, by column."""
    return {column.index: text for column in table.columns if (text := record.cells[column.index])}


def told(record: Record | None, table: tables.Table = ROOT) -> object:
    """A record as plain values."""
    if record is None:
        return None
    rows = {
        below.path: [told(each, below) for each in rows]
        for below, rows in (record.rows or {}).items()
    }
    return cells(record, table), rows, record.several


def both(text: str, root: tables.Table = ROOT) -> object:
    """Read a text both ways where it is plain, else the scanner's; see that they agree."""
    extraction = Extraction(root)
    scanned = told(extraction._scanned(text), root)
    # The second time by the outline that was learnt, and from the third on by its pattern.
    for _ in range(4):
        with suppress(IrregularError):
            assert told(extraction._outlines.read(text), root) == scanned
    return scanned


def quick(text: str, root: tables.Table = ROOT) -> object:
    """Read a text that must be plain."""
    extraction = Extraction(root)
    first = told(extraction._outlines.read(text), root)
    for _ in range(4):
        assert told(extraction._outlines.read(text), root) == first
    assert told(extraction._scanned(text), root) == first
    return first


def test_a_filled_form_is_plain_and_all_its_values_are_found():
    cells, rows, several = quick(PLAIN)
    assert cells == {
        0: "2024-05-04T09:30:00.000+07",
        1: "2024-05-04",
        2: "50.5 1.5 7 0",
        3: "Ada & B&B \U0001f600",
        4: " 7 ",
        5: "31.50",
        6: "cough fever",
        7: "\n      ada <1>.jpg\n    ",
        8: "1 2 3 4; 5 6 7 0;",
        9: "1 2; 3 4; x y; 1 2",
        10: "yes, gladly",
        11: "uuid:0c8e8bd8-3a3f-4a3c-9f5e-2f6f1f1c2f11",
        12: "Ada & co",
        13: "audit.csv",
    }
    assert several is None
    assert rows == {
        "/household": [
            (
                {0: "Elm"},
                {
                    "/household/visit": [
                        ({0: "2024-01-01", 1: "first.jpg"}, {}, None),
                        ({0: "2024-01-02", 1: "first.jpg"}, {}, None),
                    ]
                },
                None,
            ),
            ({}, {"/household/visit": [({1: "second.jpg"}, {}, None)]}, None),
        ]
    }


def test_an_unusual_text_takes_the_other_way_to_the_same_values():
    cells, rows, several = told(Extraction(ROOT).read(FILLED))
    assert (cells, rows) == quick(PLAIN)[:2]
    assert several == {10: ["yes", ", gladly"]}


SMALL = tables.of(
    [
        Field("/a", "string"),
        Field("/g", "structure"),
        Field("/g/b", "string"),
        Field("/g/r", "repeat"),
        Field("/g/r/c", "string"),
        Field("/g/r/s", "repeat"),
        Field("/g/r/s/d", "string"),
    ]
)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("<d><a>1</a></d>", {0: "1"}),
        ("<?xml version='1.0'?>\n<d id='x' version=\"1\"><a>1</a></d>", {0: "1"}),
        ("<d><p:a>1</p:a></d>", {0: "1"}),
        ("<d><a  x='>'>1</a></d>", {0: "1"}),
        ("<d><a>x &amp; y &#65; &nbsp; &amp;amp;</a></d>", {0: "x & y A &nbsp; &amp;"}),
        ("<d><a>one</a><g/><a>two</a></d>", {0: "onetwo"}),
        ("<d><a>one</a><a>&am</a><a>p;</a></d>", {0: "one&amp;"}),
        ("<d><g><b>1</b></g><g><b>2</b></g></d>", {1: "12"}),
        ("<d><a>1</a></d><d><a>2</a></d>", {0: "1"}),
        ("<d><a>1</a>\r\n<a>\r</a></d>", {0: "1\r"}),
        ("<d><a> </a></d>", {0: " "}),
        ("<d><a>a > b ]]> c</a></d>", {0: "a > b ]]> c"}),
        ("<d><x><a>no</a></x><a>1</a></d>", {0: "1"}),
        ("<d><a>1<a>no</a>2</a></d>", {0: "12"}),
        ("<d><a>1<!-- < -->2</a></d>", {0: "12"}),
        ("<d><a>1 < 2</a></d>", {0: "1 < 2"}),
        ("<d><a>1</b></a></d>", {0: "1"}),
        ("<d><a>1", {0: "1"}),
        ("<d><a>1</a >\n</d >", {0: "1"}),
        ("<d/>", {}),
        ("</d><d><a>1</a></d>", {0: "1"}),
        ("none", {}),
        ("", {}),
    ],
)
def test_texts_are_read_as_the_scanner_reads_them(text, cells):
    assert both(text, SMALL)[0] == cells
    assert told(Extraction(SMALL).read(text), SMALL)[0] == cells


def test_rows_are_found_empty_ones_too_and_groups_may_come_twice():
    text = "<d><g><r/><r><c>1</c><s/><s><d>2</d></s></r></g><g><r><c/></r></g></d>"
    assert quick(text, SMALL) == (
        {},
        {
            "/g/r": [
                ({}, {}, None),
                ({0: "1"}, {"/g/r/s": [({}, {}, None), ({0: "2"}, {}, None)]}, None),
                ({}, {}, None),
            ]
        },
        None,
    )


def test_all_rows_of_a_table_are_found():
    text = "<d><g><r><s/></r><r><c>1</c><s/><s><d>2</d></s></r></g></d>"
    record = Extraction(SMALL).read(text)
    *_, deepest = SMALL.all()
    assert [cells(row, deepest) for row in values.rows(deepest, record)] == [{}, {}, {0: "2"}]
    assert list(values.rows(SMALL, record)) == [record]


def test_an_envelope_holds_no_data():
    text = (DATA / "submissions/clinic-visit-encrypted.xml").read_text(encoding="utf-8")
    assert Extraction(ROOT).read(text) is None
    assert Extraction(ROOT).read("<d><consent>base64EncryptedKey</consent></d>") is not None


def test_unreasonable_depth_is_refused():
    with pytest.raises(UnexpectedValue):
        Extraction(SMALL).read("<x>" * 2000 + "</x>" * 2000)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Patterns are made of outlines that were met twice."""
    monkeypatch.setattr(outlines, "_OFTEN", 2)


def test_what_is_learnt_is_bounded(monkeypatch):
    monkeypatch.setattr(outlines, "_KEPT", 1000)
    extraction = Extraction(SMALL)
    learnt = extraction._outlines
    for number in range(2000):
        found = extraction.read(f"<d n='{number}'><a>{number}</a></d>")
        assert cells(found, SMALL) == {0: str(number)}
        assert len(learnt._known) <= 250
    assert len(learnt._top) <= 500


def test_of_the_outlines_that_are_met_often_some_have_patterns():
    extraction = Extraction(SMALL)
    learnt = extraction._outlines
    for number in range(100):
        for _ in range(3):
            found = extraction.read(f"<d n='{number}'><a>{number}&lt;</a><a/></d><!-- x -->")
            assert cells(found, SMALL) == {0: f"{number}<"}
    assert learnt._made == 20
    # The last of those still gives what it gave.
    assert cells(extraction.read("<d n='19'><a>1</a><a/></d><!-- x --> "), SMALL) == {0: "1"}
    assert learnt._pattern.fullmatch("<d n='19'><a>1</a><a/></d><!-- x -->")


def test_texts_of_very_many_tags_or_cells_are_read_in_the_other_way(monkeypatch):
    text = f"<d><g>{'<r><c>1</c></r>' * 50}</g></d>"
    expected = quick(text, SMALL)
    for name, bound in (("_LONGEST", 100), ("_WIDEST", 40)):
        with monkeypatch.context() as bounded:
            bounded.setattr(outlines, name, bound)
            with pytest.raises(IrregularError):
                Extraction(SMALL)._outlines.read(text)
            assert told(Extraction(SMALL).read(text), SMALL) == expected


TAGS = "<a>|</a>|<a/>|<g>|</g>|<b>|</b>|<r>|</r>|<r/>|<c>|</c>|<s>|</s>|<x>|</x>|<p:a>|</p:a>"
ODD = """<a y='>'>|<a y="1">|</a >|<a|>|<|/>|]]>|<![CDATA[|<!--|-->|<?pi ?>|<?pi|?>|</>|<>|"|'|="""
BITS = [
    *TAGS.split("|"),
    *ODD.split("|"),
    "<!DOCTYPE d>",
    "text",
    " ",
    "\r\n",
    "\n",
    "\0",
    "\ufffd",
]
BITS += ["&amp;", "&", "amp;", "&#x41;", "é"]


@settings(max_examples=400)
@example(["<d>", "<a>", "x", "</a>", "</d>"])
@given(st.lists(st.sampled_from(["<d>", "</d>", *BITS]), max_size=30))
def test_the_quick_way_agrees_on_any_text(bits):
    both("".join(["<d>", *bits, "</d>"]), SMALL)
    both("".join(bits), SMALL)


@settings(max_examples=400)
@given(st.data())
def test_the_quick_way_agrees_on_filled_forms_with_something_wrong(data):
    text = PLAIN
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 3))
        text = text[:at] + data.draw(st.sampled_from(["", *BITS])) + text[at + cut :]
    both(text)
