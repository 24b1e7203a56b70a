"""Whatever was submitted is found again in the feed: each value in its row, each row by links."""

from __future__ import annotations

from types import SimpleNamespace
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheaf.data import row, tables
from sheaf.data.extraction import Extraction
from sheaf.forms import schema
from sheaf.forms.schema import Field
from sheaf.odata import resource, rows, select, wkt
from sheaf.odata.feed import within
from sheaf.odata.options import Options
from sheaf.odata.order import Order
from sheaf.odata.paging import Paging
from sheaf.odata.reading import Candidate, One
from sheaf.odata.rows import Writer

ID = "uuid:it's 100%"
NAMES = st.sampled_from(["a", "b", "1st", "two-2", "two.2", "g.h", "g_h"])
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)


@st.composite
def forms(draw, path="", depth=3):
    """The fields of a form: values, groups and repeats, in each other."""
    found = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)):
        kinds = ["string", "structure", "repeat"] if depth else ["string"]
        kind = draw(st.sampled_from(kinds))
        found.append(Field(f"{path}/{name}", kind))
        if kind != "string":
            found += draw(forms(f"{path}/{name}", depth - 1))
    return found


@st.composite
def filled(draw, fields, path=""):
    """The content of an element: for each field below it an element, of a repeat up to three."""
    parts = []
    for field in schema.children(fields).get(path, []):
        times = draw(st.integers(0, 3)) if field.type == "repeat" else 1
        for _ in range(times):
            inner = filled(fields, field.path) if field.structural else TEXTS.map(escape)
            content = draw(inner)
            parts.append(f"<{field.name}>{content}</{field.name}>")
    return "".join(parts)


@st.composite
def submissions(draw):
    fields = draw(forms())
    return fields, f"<data>{draw(filled(fields))}</data>"


class Table:
    """The tables of a form with one submission, as the feed gives them."""

    def __init__(self, fields, text):
        self.fields = tuple(fields)
        self.root = tables.of(fields)
        told = SimpleNamespace(
            id="1" * 16 + "00aa",
            root_id=ID,
            text=text,
            deleted_at=None,
            revision=1,
            root={"submitter_id": None},
            release=lambda: None,
        )
        self.candidate = Candidate(told, Extraction(self.root))

    def named(self, name):
        return next(table for table in self.root.all() if table.name == name)

    def rows(self, table, scope=None, **more):
        """The rows of a table, without what the server knows of the submission."""
        writer = Writer(table, select.read(None, self.fields, table), **more)
        paging = Paging(table, One(self.candidate, None, Order()), None, scope)
        return [writer.write(each.place) for each in paging.rows(Options())]

    def at(self, link):
        """The rows that a link leads to."""
        found = resource.read(link.replace("%25", "%").replace("%20", " ").replace("%3A", ":"))
        assert found.instance_id == ID
        table = self.named(found.table)
        return table, self.rows(table, within(table, found))


def leaves(value):
    """All texts in a row, but for ids and links."""
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from leaves(inner)
        elif not name.startswith("__") and not name.endswith("@odata.navigationLink") and inner:
            yield inner


def links(value):
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from links(inner)
        elif name.endswith("@odata.navigationLink"):
            yield inner


def values(record, table):
    """All texts that a record holds, with those of the rows below it."""
    yield from filter(None, (record.cells[column.index] for column in table.columns))
    for below, held in (record.rows or {}).items():
        for each in held:
            yield from values(each, below)


@settings(max_examples=40)
@given(submissions())
def test_every_value_is_in_the_row_of_one_table(submission):
    found = Table(*submission)
    given_out = [
        text for table in found.root.all() for each in found.rows(table) for text in leaves(each)
    ]
    assert sorted(given_out) == sorted(values(found.candidate.record, found.root))


@settings(max_examples=40)
@given(submissions())
def test_every_row_is_known_to_the_row_above_it(submission):
    found = Table(*submission)
    ids = {ID}
    for table in found.root.all():
        if table.parent is not None:
            above = {each["__id"] for each in found.rows(table.parent)}
            name = select.parent_id_name(table)
            held = found.rows(table)
            assert {each[name] for each in held} <= above
            assert not ids & {each["__id"] for each in held}
            assert len({each["__id"] for each in held}) == len(held)
            ids |= {each["__id"] for each in held}


@settings(max_examples=40)
@given(submissions())
def test_links_lead_to_the_rows_of_the_one_that_holds_them(submission):
    found = Table(*submission)
    for table in found.root.all():
        for each in found.rows(table):
            for link in links(each):
                below, held = found.at(link)
                name = select.parent_id_name(below)
                expected = [one for one in found.rows(below) if one[name] == each["__id"]]
                assert held == expected != []


@settings(max_examples=40)
@given(submissions())
def test_expanded_rows_hold_what_their_links_lead_to(submission):
    found = Table(*submission)

    def check(value):
        for name, inner in value.items():
            if isinstance(inner, dict):
                check(inner)
            elif isinstance(inner, list):
                below, held = found.at(value[f"{name}@odata.navigationLink"])
                assert [each["__id"] for each in inner] == [each["__id"] for each in held]
                parent = select.parent_id_name(below)
                for each, plain in zip(inner, held, strict=True):
                    assert set(plain) - {parent} <= set(each)
                    check(each)

    for table in found.root.all():
        for each, plain in zip(found.rows(table, expand=True), found.rows(table), strict=True):
            assert list(plain)[: len(plain)] == [name for name in each if name in plain]
            check(each)


@settings(max_examples=40)
@given(submissions(), st.data())
def test_what_is_selected_is_given_as_it_is_in_the_whole(submission, data):
    found = Table(*submission)
    table = data.draw(st.sampled_from(list(found.root.all())))
    below = [
        field
        for field in found.fields
        if field.path.startswith(f"{table.path}/") and not _in_repeat(field, table, found.fields)
    ]
    if not below:
        return
    wanted = data.draw(st.lists(st.sampled_from(below), min_size=1, max_size=3))
    names = [
        "/".join(list(schema.way(f.path, table.called))[table.path.count("/") :]) for f in wanted
    ]
    chosen = select.read(",".join(names), found.fields, table)
    writer = Writer(table, chosen)
    above = rows.top(found.candidate.record, ID)
    for place, whole in zip(rows.places(table, above), found.rows(table), strict=True):
        assert _within(writer.write(place), whole)


def _in_repeat(field, table, fields):
    repeats = [each.path for each in fields if each.type == "repeat" and each.path != table.path]
    return any(
        field.path.startswith(f"{path}/") and path.startswith(f"{table.path}/") for path in repeats
    )


def _within(part, whole):
    """Whether all members of one are members of the other, in the same order."""
    assert [name for name in whole if name in part] == list(part)
    return all(
        _within(inner, whole[name]) if isinstance(inner, dict) else inner == whole[name]
        for name, inner in part.items()
    )


def test_a_submission_made_to_fill_the_memory_is_not_expanded(monkeypatch):
    monkeypatch.setattr(row, "MAX_CELLS", 20)
    fields = [Field("/a", "repeat"), Field("/a/b", "string"), Field("/c", "string")]
    found = Table(fields, "<data>" + "<a/>" * 12 + "<c>x</c></data>")
    (held,) = found.rows(found.root, expand=True)
    assert set(held) == {"c", "__id", "a@odata.navigationLink"}
    few = Table(fields, "<data>" + "<a/>" * 3 + "</data>")
    (held,) = few.rows(few.root, expand=True)
    assert len(held["a"]) == 3


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        ({"type": "Point", "coordinates": [1.5, 50.5, 7.25]}, "POINT (1.5 50.5 7.25)"),
        ({"type": "Point", "coordinates": [1, 50], "properties": {}}, "POINT (1 50)"),
        ({"type": "LineString", "coordinates": [[1, 2], [3.5, 4, 5]]}, "LINESTRING (1 2,3.5 4 5)"),
        ({"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [1, 2]]]}, "POLYGON ((1 2,3 4,1 2))"),
    ],
)
def test_places_are_told_as_well_known_text(geometry, expected):
    assert wkt.of(geometry) == expected
