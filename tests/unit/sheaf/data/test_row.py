"""A submission's data as OData tells it."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.data import row
from sheaf.forms import xform
from sheaf.forms.schema import Field
from sheaf.problems import UnexpectedValue

DATA = Path(__file__).parents[3] / "data"
FORM = xform.read((DATA / "forms/clinic-visit.xml").read_bytes())
CHILDREN = (
    Field("/name", "string"),
    Field("/children", "structure"),
    Field("/children/child", "repeat"),
    Field("/children/child/name", "string"),
    Field("/children/child/toys", "structure"),
    Field("/children/child/toys/toy", "repeat"),
    Field("/children/child/toys/toy/name", "string"),
)


def test_a_row_holds_all_that_was_submitted():
    text = (DATA / "submissions/clinic-visit.xml").read_text(encoding="utf-8")
    read = row.read(text, FORM.fields, instance_id="first")
    assert read == {
        "start": "2024-05-04T09:30:00.000+07:00",
        "seen_at": "2024-05-04",
        "place": {
            "type": "Point",
            "coordinates": [1.5, 50.5, 7],
            "properties": {"accuracy": 0},
        },
        "patient": {
            "full_name": "Ada & B&B \U0001f600",
            "age": 7,
            "weight": 31.5,
            "symptoms": "cough fever",
            "portrait": "\n      ada <1>.jpg\n    ",
        },
        "household": [
            {
                "street": "Elm",
                "visit": [
                    {
                        "day": "2024-01-01",
                        "photo": "first.jpg",
                        "__id": sha1("Submissions#first%%household#0%%visit#0"),
                    },
                    {
                        "day": "2024-01-02",
                        "photo": "first.jpg",
                        "__id": sha1("Submissions#first%%household#0%%visit#1"),
                    },
                ],
                "__id": sha1("Submissions#first%%household#0"),
            },
            {
                "street": None,
                "visit": [
                    {
                        "day": None,
                        "photo": "second.jpg",
                        "__id": sha1("Submissions#first%%household#1%%visit#0"),
                    }
                ],
                "__id": sha1("Submissions#first%%household#1"),
            },
        ],
        "route": {
            "type": "LineString",
            "coordinates": [[2, 1, 3], [6, 5, 7]],
            "properties": {"accuracies": [4, None]},
        },
        "field": {"type": "Polygon", "coordinates": [[[2, 1], [4, 3], [2, 1]]]},
        "consent": "yes, gladly",
        "meta": {
            "instanceID": "uuid:0c8e8bd8-3a3f-4a3c-9f5e-2f6f1f1c2f11",
            "instanceName": "Ada & co",
            "audit": "audit.csv",
        },
    }
    assert list(read) == [
        "start",
        "seen_at",
        "place",
        "patient",
        "route",
        "field",
        "consent",
        "meta",
        "household",
    ]


def sha1(way: str) -> str:
    return hashlib.sha1(way.encode()).hexdigest()


def test_rows_of_repeats_have_the_ids_that_central_gives_them():
    # The ids are those of Central's own tests of its `doubleRepeat` form (test/unit/data/odata.js).
    text = (
        "<data><meta><instanceID>double</instanceID></meta><name>Vick</name><children>"
        "<child><name>Alice</name></child>"
        "<child><name>Bob</name><toys><toy><name>Sparkle</name></toy></toys></child>"
        "</children></data>"
    )
    children = [
        {"name": "Alice", "toys": {}, "__id": "46ebf42ee83ddec5028c42b2c054402d1e700208"},
        {
            "name": "Bob",
            "toys": {
                "toy": [{"name": "Sparkle", "__id": "a9058d7b2ed9557205ae53f5b1dc4224043eca2a"}]
            },
            "__id": "b6e93a81a53eed0566e65e472d4a4b9ae383ee6d",
        },
    ]
    assert row.read(text, CHILDREN) == {"name": "Vick", "children": {"child": children}}


def test_ids_count_within_the_parent_row_even_when_a_group_comes_twice():
    text = "<d><children><child/></children><children><child/></children></d>"
    children = row.read(text, CHILDREN, instance_id="double")["children"]["child"]
    assert [child["__id"] for child in children] == [
        "46ebf42ee83ddec5028c42b2c054402d1e700208",
        "b6e93a81a53eed0566e65e472d4a4b9ae383ee6d",
    ]


def test_a_bare_submission_has_every_field_but_no_repeats():
    assert row.read("<d/>", CHILDREN) == {"name": None, "children": {}}
    assert row.read("no markup", CHILDREN) == {"name": None, "children": {}}


def test_an_encrypted_envelope_has_no_row():
    text = (DATA / "submissions/clinic-visit-encrypted.xml").read_text(encoding="utf-8")
    assert row.read(text, FORM.fields) == {}


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("int", "  7 ", 7),
        ("int", "-12abc", -12),
        ("int", "3.9", 3),
        ("int", "abc", None),
        ("int", "9" * 20, int("9" * 20)),
        ("int", "9" * 5000, None),
        ("decimal", "7", 7),
        ("decimal", "-7.50kg", -7.5),
        ("decimal", ".5", 0.5),
        ("decimal", "1e3", 1000),
        ("decimal", "1e400", None),
        ("decimal", "NaN", None),
        ("decimal", "-0.0", 0),
        ("decimal", "1e21", 1e21),
        ("geopoint", "50.5 1.5", {"type": "Point", "coordinates": [1.5, 50.5]}),
        (
            "geopoint",
            "50.5 1.5 x 3",
            {"type": "Point", "coordinates": [1.5, 50.5], "properties": {"accuracy": 3}},
        ),
        ("geopoint", "50.5", None),
        ("geopoint", "here it is", None),
        ("geotrace", "nowhere", None),
        ("geotrace", "1 2;3 4", {"type": "LineString", "coordinates": [[2, 1], [4, 3]]}),
        ("geoshape", ";", None),
        ("dateTime", " 2024-01-01T00:00:00.000-03 ", "2024-01-01T00:00:00.000-03:00"),
        ("dateTime", "2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00.000Z"),
        ("dateTime", "2024-01-01T00:00:00.000+05:30", "2024-01-01T00:00:00.000+05:30"),
        ("dateTime", "2024-01-01", "2024-01-01"),
        ("date", " 2024-01-01", " 2024-01-01"),
        ("boolean", "true", "true"),
        ("unknown", "as it &lt;is&gt;", "as it <is>"),
        ("string", " ", " "),
        ("string", "", None),
    ],
)
def test_values_have_the_types_of_their_fields(type_, text, value):
    read = row.read(f"<d><a>{text}</a></d>", [Field("/a", type_)])
    assert read == {"a": value}
    assert json.dumps(read) == json.dumps({"a": value})


def test_the_last_of_several_numbers_counts_and_an_empty_one_does_not():
    fields = [Field("/a", "int")]
    assert row.read("<d><a>1</a><a>2</a><a/></d>", fields) == {"a": 2}


def test_a_value_within_a_value_and_within_the_unknown_is_left_out():
    text = "<d><name>A<name>no</name>B<child><x/></child></name><x><name>no</name></x></d>"
    assert row.read(text, CHILDREN) == {"name": "AB", "children": {}}


def test_names_that_would_become_one_are_told_apart():
    fields = [
        Field("/a-b", "structure"),
        Field("/a-b/c", "string"),
        Field("/a_b", "repeat"),
        Field("/a.b", "string"),
    ]
    text = "<d><a.b>x</a.b><a_b/><a-b><c>y</c></a-b></d>"
    assert row.read(text, fields, instance_id="i") == {
        "a_b_34fafd": {"c": "y"},
        "a_b_69f664": "x",
        "a_b": [{"__id": sha1("Submissions#i%%a_b#0")}],
    }


def test_a_submission_made_to_fill_the_memory_is_refused():
    wide = [Field("/r", "repeat"), *(Field(f"/r/f{number}", "string") for number in range(999))]
    text = "<d>" + "<r/>" * 1000 + "</d>"
    with pytest.raises(UnexpectedValue) as caught:
        row.read(text, wide)
    assert caught.value.details == {
        "field": "submission size",
        "value": 1_000_002,
        "reason": "a submission may have 1000000 values at most.",
    }


def test_many_elements_of_one_field_are_joined():
    fields = [Field("/a", "string")]
    assert row.read("<d>" + "<a>x</a>" * 20_000 + "</d>", fields) == {"a": "x" * 20_000}


BITS = st.sampled_from(
    [
        "<name>",
        "</name>",
        "<children>",
        "</children>",
        "<child>",
        "</child>",
        "<toys>",
        "<toy>",
        "x",
    ]
)


@given(st.lists(BITS).map("".join))
def test_any_markup_makes_a_row(bits):
    read = row.read(f"<d>{bits}", CHILDREN)
    assert set(read) == {"name", "children"}
    assert json.loads(json.dumps(read)) == read
