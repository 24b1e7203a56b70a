"""Values taken out of submissions: the two ways agree on any text."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sheaf.data import tables
from sheaf.data.extraction import Extraction, Record, walk
from sheaf.forms import xform
from sheaf.forms.schema import Field
from sheaf.problems import UnexpectedValue

DATA = Path(__file__).parents[3] / "data"
CLINIC = xform.read((DATA / "forms/clinic-visit.xml").read_bytes()).fields
FILLED = (DATA / "submissions/clinic-visit.xml").read_text(encoding="utf-8")
# As devices send it: without the CDATA and the repeated element that the file tries as well.
PLAIN = FILLED.replace("<![CDATA[B&B]]>", "B&amp;B").replace("</consent><consent>", "")
ROOT = tables.of(CLINIC)


def told(record: Record | None) -> object:
    """A record as plain values."""
    if record is None:
        return None
    rows = {
        table.path: [told(each) for each in rows] for table, rows in (record.rows or {}).items()
    }
    cells = {index: text for index, text in record.cells.items() if text}
    return cells, rows, record.several


def both(text: str, root: tables.Table = ROOT) -> object:
    """Read a text both ways where it is plain, else the scanner's; see that they agree."""
    extraction = Extraction(root)
    slow = told(extraction._slow(text))
    for _ in range(2):  # the second time with what was learnt
        try:
            assert told(extraction._quick(text)) == slow
        except _irregular():
            pass
    return slow


def _irregular() -> type[Exception]:
    from sheaf.data.extraction import _IrregularError

    return _IrregularError


def quick(text: str, root: tables.Table = ROOT) -> object:
    """Read a text that must be plain."""
    extraction = Extraction(root)
    first = told(extraction._quick(text))
    assert told(extraction._quick(text)) == first == told(extraction._slow(text))
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
    assert told(Extraction(SMALL).read(text))[0] == cells


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


def test_rows_are_walked_with_their_keys():
    text = "<d><g><r><s/></r><r><c>1</c><s/><s><d>2</d></s></r></g></d>"
    record = Extraction(SMALL).read(text)
    *_, deepest = SMALL.all()

    def name(above, table, number):
        return f"{above}/{'/'.join(table.way)}[{number + 1}]"

    found = [(key, above, row.cells) for row, key, above in walk(record, deepest, "i", name)]
    assert found == [
        ("i/g/r[1]/s[1]", "i/g/r[1]", {}),
        ("i/g/r[2]/s[1]", "i/g/r[2]", {}),
        ("i/g/r[2]/s[2]", "i/g/r[2]", {0: "2"}),
    ]
    assert [key for _, key, _ in walk(record, SMALL, "i", name)] == ["i"]


def test_an_envelope_holds_no_data():
    text = (DATA / "submissions/clinic-visit-encrypted.xml").read_text(encoding="utf-8")
    assert Extraction(ROOT).read(text) is None
    assert Extraction(ROOT).read("<d><consent>base64EncryptedKey</consent></d>") is not None


def test_unreasonable_depth_is_refused():
    with pytest.raises(UnexpectedValue):
        Extraction(SMALL).read("<x>" * 2000 + "</x>" * 2000)


def test_what_is_learnt_is_bounded():
    extraction = Extraction(SMALL)
    for number in range(2000):
        assert told(extraction.read(f"<d n='{number}'><a>{number}</a></d>"))[0] == {0: str(number)}
    assert len(extraction._top) <= 500


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
