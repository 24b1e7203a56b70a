"""Places as maps take them. The cases are those of Central's own tests, and more."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.data import geometry

POINTS = [
    ("", None),
    ("nope", None),
    ("170 80", None),
    ("90 190", None),
    ("90 180", [180, 90]),
    ("90\t \t180", [180, 90]),
    ("-90 -180", [-180, -90]),
    ("90.01 180", None),
    ("-90 -180.01", None),
    ("90 180 notanaltitude", None),
    ("1.23 4.56 7.89", [4.56, 1.23, 7.89]),
    ("-1.23 -4.56 -7.89", [-4.56, -1.23, -7.89]),
    ("-1.23 -4.56 -7.89 0.01", [-4.56, -1.23, -7.89]),
    ("-1.23 -4.56 -7.89 11", [-4.56, -1.23, -7.89]),
    ("-1.23 -4.56 -7.89 -11", None),
    ("-1.23 -4.56 -7.89 notaprecision", None),
    ("1 2 3 4 5", None),
    (f"1 2 {'9' * 400}", None),
    ("\n  50.5 1.50 7 0\n", [1.5, 50.5, 7]),
    ("1e1 2", None),
    ("+1 2", None),
    (".5 2", None),
    ("\u0661 \u0662", None),
]
LINES = [
    ("1 2", None),
    ("1 2 3 4;", None),
    ("1 2 3 4;5 6 7 8", [[2, 1, 3], [6, 5, 7]]),
    ("1 2 3 4;\t5 6 7 8", [[2, 1, 3], [6, 5, 7]]),
    ("1 2 3 4\t; 5 6 7 8", [[2, 1, 3], [6, 5, 7]]),
    ("1 2 3 4; 5 6 7 8  ;   11 12    \t  ;13 14", [[2, 1, 3], [6, 5, 7], [12, 11], [14, 13]]),
    ("1 2 3 4; nope, 5 6 7 8", None),
    ("1 2;;3 4", None),
    # Collect ends each point with one.
    ("1 2 0 0; 3 4 0 0; ", [[2, 1, 0], [4, 3, 0]]),
    ("", None),
    (";", None),
]
SHAPES = [
    ("1 2; 3 4", None),
    ("1 2; 3 4; 5 6", None),
    ("1 2; 3 4; 5 6; 7 8", None),
    ("1 2; 3 4; 5 6; 1 2", [[[2, 1], [4, 3], [6, 5], [2, 1]]]),
    ("1 2; 3 4; 5 6; 1 2;", [[[2, 1], [4, 3], [6, 5], [2, 1]]]),
]


@pytest.mark.parametrize(
    ("type_", "name", "text", "expected"),
    [("geopoint", "Point", *case) for case in POINTS]
    + [("geotrace", "LineString", *case) for case in LINES]
    + [("geoshape", "Polygon", *case) for case in SHAPES],
)
def test_a_value_is_a_geometry_or_none(type_, name, text, expected):
    found = geometry.of(type_, text)
    assert found == (None if expected is None else {"type": name, "coordinates": expected})


def test_values_of_a_repeat_are_one_geometry():
    assert geometry.of_many("geopoint", ["60 0 0 0", "nope", "", "70 0 0 0"]) == {
        "type": "MultiPoint",
        "coordinates": [[0, 60, 0], [0, 70, 0]],
    }
    assert geometry.of_many("geotrace", ["61 1; 62 2"]) == {
        "type": "MultiLineString",
        "coordinates": [[[1, 61], [2, 62]]],
    }
    assert geometry.of_many("geoshape", ["1 2; 3 4; 5 6; 1 2"]) == {
        "type": "MultiPolygon",
        "coordinates": [[[[2, 1], [4, 3], [6, 5], [2, 1]]]],
    }
    assert geometry.of_many("geopoint", ["", "nope"]) is None
    assert geometry.of_many("geopoint", []) is None


DEGREES = st.decimals(-90, 90, places=6, allow_nan=False)


@given(st.lists(st.tuples(DEGREES, DEGREES), min_size=2, max_size=5))
def test_what_was_submitted_is_found_again(places):
    text = "; ".join(f"{latitude:f} {longitude:f} 0 1.5" for latitude, longitude in places)
    found = geometry.of("geotrace", text)
    assert found["coordinates"] == [
        [float(longitude), float(latitude), 0] for latitude, longitude in places
    ]


@given(st.text(st.sampled_from("0123456789.- ;x\t"), max_size=40))
def test_any_text_is_a_geometry_on_earth_or_none(text):
    for type_ in geometry.TYPES:
        found = geometry.of(type_, text)
        if found is not None:
            numbers = re.findall(r"-?[0-9.]+", str(found["coordinates"]))
            assert all(abs(float(number)) < 10**40 for number in numbers)
