"""Sheets: every value that was submitted can be found again, whatever it is."""

import csv
import io
import os
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local import filler
from sheaf.data import sheets, tables
from sheaf.data.extraction import Extraction
from sheaf.data.record import Stored
from sheaf.data.sheets import Style
from sheaf.forms import xform
from sheaf.forms.schema import Field
from sheaf.submissions import markup

DATA = Path(__file__).parents[3] / "data"
FIELDS = (
    Field("/name", "string"),
    Field("/g", "structure"),
    Field("/g/place", "geopoint"),
    Field("/r", "repeat"),
    Field("/r/a", "string"),
    Field("/r/s", "repeat"),
    Field("/r/s/b", "string"),
)
ID = "178000000000000000aa"


def stored(instance_id="uuid:1"):
    return Stored({"sk": {"S": ID}, "v": {"S": instance_id}, "f": {"S": "1"}})


def exported(text, fields, style=None):
    """The rows of all sheets of a submission, read as other programs read them."""
    root = tables.of(fields)
    record = Extraction(root).read(text)
    top, *below = sheets.of(root, "F", style or Style())
    lines = {sheet.table: (sheet, []) for sheet in below}
    sheets.add(lines, record, "uuid:1", {})
    line = top.submission(stored(), record, status="", submitter="", files={})
    found = {}
    for sheet, written in ((top, [line]), *lines.values()):
        reading = csv.DictReader(io.StringIO("".join([sheet.header, *written]), newline=""))
        found[sheet.name] = list(reading)
    return found


# XML cannot hold control characters, and the carriage return of a text is the reader's to keep.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20) | st.sampled_from(
    ["a\nb", "a\rb", 'say "x"', "a,b", "\U0001f600", "=1+1", "x" * 100_000, " pad ", "&amp;", "<"]
)


@settings(max_examples=150)
@given(TEXTS, st.lists(st.tuples(TEXTS, st.lists(TEXTS, max_size=3)), max_size=3))
def test_every_text_is_found_again_in_its_place(name, repeats):
    def repeat(text, inner):
        within = "".join(f"<s><b>{escape(each)}</b></s>" for each in inner)
        return f"<r><a>{escape(text)}</a>{within}</r>"

    body = "".join(repeat(*each) for each in repeats)
    found = exported(f"<d><name>{escape(name)}</name>{body}</d>", FIELDS)
    assert [row["name"] for row in found["F"]] == [name]
    assert [row["a"] for row in found["F-r"]] == [text for text, _ in repeats]
    assert [(row["b"], row["PARENT_KEY"]) for row in found["F-s"]] == [
        (text, f"uuid:1/r[{number}]")
        for number, (_, inner) in enumerate(repeats, 1)
        for text in inner
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1 2 3 4", ["1", "2", "3", "4"]),
        (" 1  2 ", ["1", "2", "", ""]),
        ("1 2 3 4 5", ["1", "2", "3", "4"]),
        ("somewhere", ["somewhere", "", "", ""]),
    ],
)
def test_a_place_has_four_columns(text, parts):
    (row,) = exported(f"<d><g><place>{text}</place></g></d>", FIELDS)["F"]
    names = ("Latitude", "Longitude", "Altitude", "Accuracy")
    assert [row[f"g-place-{name}"] for name in names] == parts


def test_names_may_be_short():
    (row,) = exported("<d><g><place>1 2</place></g></d>", FIELDS, Style(group_paths=False))["F"]
    assert (row["place-Latitude"], row["place-Longitude"]) == ("1", "2")


SAMPLES = sorted(Path(os.environ.get("SHEAF_SAMPLES", "/nowhere")).glob("forms/*.xml"))


@pytest.mark.parametrize(
    "path", [*sorted(DATA.glob("forms/*.xml")), *SAMPLES], ids=lambda p: p.stem
)
def test_forms_that_are_filled_are_read_back(path):
    raw = path.read_bytes()
    if b":meta>" not in raw and b"<meta>" not in raw:
        return
    fields = xform.read(raw).fields
    filled = filler.fill(raw, seed=7)
    text = filled.xml.decode()
    found = exported(text, fields)
    cells = "\0".join(
        value for rows in found.values() for row in rows for value in row.values() if value
    )
    wanted = {each.path for each in fields if not each.structural and each.type != "geopoint"}
    said = list(markup.texts(text, wanted))
    assert said
    for field_path, pieces in said:
        value = "".join(piece.value for piece in pieces)
        assert value in cells, field_path
