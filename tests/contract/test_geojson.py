"""Submissions on a map (Central: `/submissions.geojson`)."""

from __future__ import annotations

import json
from decimal import Decimal
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sheaf.http import streamed
from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.archives import linked
from tests.exporting import work

FORM = "/v1/projects/1/forms/places"
PATH = f"{FORM}/submissions"
XFORM = """<?xml version="1.0"?>
<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml">
  <h:head><h:title>Places</h:title><model>
    <instance><data id="places" version="{version}">
      <name/><stop><at/><way/></stop>
      <home>{first}<point/><trace/><shape/></home>
      <meta><instanceID/></meta>
    </data></instance>
    <bind nodeset="/data/name" type="string"/>
    <bind nodeset="/data/stop/at" type="geopoint"/>
    <bind nodeset="/data/stop/way" type="geotrace"/>
    {bind}
    <bind nodeset="/data/home/point" type="geopoint"/>
    <bind nodeset="/data/home/trace" type="geotrace"/>
    <bind nodeset="/data/home/shape" type="geoshape"/>
    <bind nodeset="/data/meta/instanceID" type="string"/>
  </model></h:head>
  <h:body><group ref="/data/stop"><repeat nodeset="/data/stop">
    <input ref="/data/stop/at"/><input ref="/data/stop/way"/>
  </repeat></group></h:body>
</h:html>"""
DEFAULT = "/home/point"


def xform(version="1", *, first=""):
    bind = f'<bind nodeset="/data/home/{first}" type="geopoint"/>' if first else ""
    text = XFORM.format(version=version, first=f"<{first}/>" if first else "", bind=bind)
    return text.encode()


def xml(id_, *, stops=(), version="1", deprecated=None, **home):
    old = f"<deprecatedID>{deprecated}</deprecatedID>" if deprecated else ""
    rows = "".join(f"<stop><at>{at}</at><way>{way}</way></stop>" for at, way in stops)
    values = "".join(f"<{name}>{value}</{name}>" for name, value in home.items())
    return (
        f'<data id="places" version="{version}"><name>{id_}</name>{rows}<home>{values}</home>'
        f"<meta><instanceID>{id_}</instanceID>{old}</meta></data>"
    ).encode()


def feature(id_, geometry, path=DEFAULT):
    return {
        "type": "Feature",
        "id": id_,
        "geometry": geometry,
        "properties": path and {"fieldpath": path},
    }


def point(*coordinates):
    return {"type": "Point", "coordinates": list(coordinates)}


def features(answer):
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    read = answer.json
    assert list(read) == ["type", "features"]
    assert read["type"] == "FeatureCollection"
    return read["features"]


@pytest.fixture
def form(cast):
    made = cast.alice.post(f"{cast.FORMS}?publish=true", xform())
    assert made.status == 200, made.text
    return cast.alice


@pytest.fixture
def send(form):
    def send(id_, **said):
        answer = form.post(PATH, xml(id_, **said))
        assert answer.status == 200, answer.text

    return send


def test_submissions_stand_on_a_map_newest_first(form, send):
    assert features(form.get(f"{PATH}.geojson")) == []
    send("one", point="50 1.5 7 3", trace="1 2; 3 4")
    send("two", point="nowhere")
    send("three")
    send("four", point="-90 180")
    answer = form.get(f"{PATH}.geojson")
    expected = [feature("four", point(180, -90)), feature("one", point(1.5, 50, 7))]
    assert json.dumps(features(answer)) == json.dumps(expected)
    assert answer.text == (
        '{"type":"FeatureCollection","features":['
        '{"type":"Feature","id":"four","geometry":{"type":"Point","coordinates":[180,-90]},'
        '"properties":{"fieldpath":"/home/point"}},'
        '{"type":"Feature","id":"one","geometry":{"type":"Point","coordinates":[1.5,50,7]},'
        '"properties":{"fieldpath":"/home/point"}}]}'
    )
    head = form.head(f"{PATH}.geojson")
    assert (head.status, head.body) == (200, b"")
    again = form.get(f"{PATH}.geojson", headers={"if-none-match": answer.headers["etag"]})
    assert again.status == 304


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/point", point(1, 50)),
        ("/home/trace", {"type": "LineString", "coordinates": [[2, 1, 3], [4, 3]]}),
        (
            "/home/shape",
            {"type": "Polygon", "coordinates": [[[2, 1], [4, 3], [6, 5], [2, 1]]]},
        ),
        ("/stop/at", {"type": "MultiPoint", "coordinates": [[0, 60, 0], [0, 70]]}),
        ("/stop/way", {"type": "MultiLineString", "coordinates": [[[2, 1], [4, 3]]]}),
        ("/name", None),
        ("/other", None),
    ],
)
def test_a_field_may_be_chosen(form, send, path, expected):
    send(
        "one",
        point="50 1",
        trace="1 2 3; 3 4",
        shape="1 2; 3 4; 5 6; 1 2",
        stops=[("60 0 0", ""), ("x", "1 2; 3 4"), ("70 0", "1 2")],
    )
    wanted = [] if expected is None else [feature("one", expected, None)]
    assert features(form.get(f"{PATH}.geojson?fieldpath={quote(path)}")) == wanted
    assert features(form.get(f"{PATH}/one.geojson?fieldpath={quote(path)}")) == wanted


def test_one_field_may_be_chosen_for_all(form):
    answer = form.get(f"{PATH}.geojson?fieldpath=/home/point&fieldpath=/home/trace")
    assert (answer.status, answer.json) == (
        400,
        {
            "message": "Parameters of set {/home/point,/home/trace} at most one fieldpath may be "
            "specified",
            "code": 400.41,
            "details": {
                "paramSet": ["/home/point", "/home/trace"],
                "violationText": "at most one fieldpath may be specified",
            },
        },
    )
    same = form.get(f"{PATH}.geojson?fieldpath=/home/point&fieldpath=/home/point")
    assert same.status == 200


def test_several_fields_of_one_submission_are_one_geometry(form, send):
    send("one", point="50 1", trace="1 2; 3 4")
    both = "fieldpath=/home/point&fieldpath=/home/trace&fieldpath=/home/shape"
    line = {"type": "LineString", "coordinates": [[2, 1], [4, 3]]}
    collected = {"type": "GeometryCollection", "geometries": [point(1, 50), line]}
    assert features(form.get(f"{PATH}/one.geojson?{both}")) == [feature("one", collected, None)]


def test_submissions_on_a_map_are_filtered_and_limited(form, send, cast):
    for number, id_ in enumerate(("one", "two", "three", "four")):
        send(id_, point=f"{number} {number}")

    def ids(query):
        return [each["id"] for each in features(form.get(f"{PATH}.geojson?{query}"))]

    assert ids("limit=2") == ["four", "three"]
    assert ids("limit=0") == []
    assert ids("$filter=" + quote("__id eq 'two'")) == ["two"]
    assert ids("$filter=" + quote("contains(name, 'o')") + "&limit=2") == ["four", "two"]
    assert form.delete(f"{PATH}/three").status == 200
    assert ids("") == ["four", "two", "one"]
    assert ids("$filter=" + quote("__system/deletedAt ne null")) == ["three"]
    assert form.get(f"{PATH}.geojson?limit=abc").json["code"] == 400.11
    assert form.get(f"{PATH}.geojson?$filter=nonsense").json["code"] == 501.4
    assert form.get(f"{PATH}/three.geojson").status == 404


@pytest.mark.parametrize(
    "query", ["", "?limit=2&fieldpath=/stop/at", "?$filter=name%20eq%20%27b%27"]
)
def test_a_map_that_takes_too_long_is_drawn_by_a_worker(form, send, monkeypatch, query):
    for id_ in "abc":
        send(id_, point="50 1", stops=[("60 0", "")])
    path = f"{PATH}.geojson{query}"
    expected = form.get(path).body
    monkeypatch.setattr(streamed, "TIME", -1)
    location = form.get(path).headers["location"]
    assert location.startswith(f"{FORM}/exports/")
    work(location.rpartition("/")[2])
    assert linked(form.get(location).headers["location"]) == expected


def test_each_submission_is_read_by_its_own_version_of_the_form(form, send, cast):
    send("one", point="50 1")
    draft = form.post(f"{FORM}/draft?ignoreWarnings=true", xform("2", first="door"))
    assert draft.status == 200, draft.text
    assert form.post(f"{FORM}/draft/publish").status == 200
    send("two", version="2", door="20 0", point="10 1")
    assert features(form.get(f"{PATH}.geojson")) == [
        feature("two", point(0, 20), "/home/door"),
        feature("one", point(1, 50)),
    ]
    chosen = features(form.get(f"{PATH}.geojson?fieldpath=/home/door"))
    assert chosen == [feature("two", point(0, 20), None)]


def test_what_was_edited_stands_where_it_is_now(form, send):
    send("one", point="50 1")
    edited = form.put(f"{PATH}/one", xml("one-2", point="10 2", deprecated="one"))
    assert edited.status == 200, edited.text
    assert features(form.get(f"{PATH}.geojson")) == [feature("one", point(2, 10))]
    # A single one is told under the id of the version that it shows.
    assert features(form.get(f"{PATH}/one.geojson")) == [feature("one-2", point(2, 10))]
    assert features(form.get(f"{PATH}/one/versions/one.geojson")) == [feature("one", point(1, 50))]
    newer = form.get(f"{PATH}/one/versions/one-2.geojson")
    assert features(newer) == [feature("one-2", point(2, 10))]
    assert form.get(f"{PATH}/one/versions/other.geojson").json == NOT_FOUND


def test_who_lists_submissions_sees_the_map(form, send, cast):
    send("one", point="50 1")
    for path, who in (("", "submission.list"), ("/one", "submission.read")):
        assert cast.vera.get(f"{PATH}{path}.geojson").status == 200, who
        assert cast.api.get(f"{PATH}{path}.geojson").json == ANONYMOUS
        assert cast.chelsea.get(f"{PATH}{path}.geojson").json == FORBIDDEN
        assert cast.colin.get(f"{PATH}{path}.geojson").json == FORBIDDEN
    assert form.get(f"{PATH}/other.geojson").json == NOT_FOUND
    assert form.get(f"{FORM.replace('places', 'x')}/submissions.geojson").json == NOT_FOUND


def test_drafts_have_no_map(cast):
    made = cast.alice.post(f"{cast.FORMS}", xform())
    assert made.status == 200, made.text
    assert cast.alice.post(f"{FORM}/draft/submissions", xml("one", point="1 2")).status == 200
    assert cast.alice.get(f"{FORM}/draft/submissions.geojson").json == NOT_FOUND
    assert cast.alice.get(f"{FORM}/draft/submissions/one.geojson").json == NOT_FOUND
    # A form that was never published has no submissions.
    assert features(cast.alice.get(f"{PATH}.geojson")) == []


def test_encrypted_submissions_stand_on_no_map(form):
    envelope = (
        b'<data id="places" version="1" encrypted="yes"><base64EncryptedKey>a</base64EncryptedKey>'
        b"<meta><instanceID>sealed</instanceID></meta>"
        b"<encryptedXmlFile>submission.xml.enc</encryptedXmlFile></data>"
    )
    assert form.post(PATH, envelope).status == 200
    assert features(form.get(f"{PATH}.geojson")) == []
    assert features(form.get(f"{PATH}/sealed.geojson")) == []


DEGREES = st.decimals(-90, 90, places=7, allow_nan=False).map(Decimal.normalize)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(DEGREES, DEGREES), min_size=4, max_size=6))
def test_places_are_found_again_in_the_map_and_the_feed(form, places):
    places = [*places, places[0]]
    text = ";".join(f"{latitude:f} {longitude:f} 0.0 4" for latitude, longitude in places)
    at = [[float(longitude), float(latitude), 0] for latitude, longitude in places]
    first = text.partition(";")[0]
    count = len(form.get(PATH).json)
    id_ = f"n{count}"
    values = {"point": first, "trace": text, "shape": text}
    sent = form.post(PATH, xml(id_, **values, stops=[(first, text)] * 2))
    assert sent.status == 200, sent.text
    expected = {
        "/home/point": ("Point", at[0]),
        "/home/trace": ("LineString", at),
        "/home/shape": ("Polygon", [at]),
        "/stop/at": ("MultiPoint", [at[0], at[0]]),
        "/stop/way": ("MultiLineString", [at, at]),
    }
    for path, (type_, coordinates) in expected.items():
        found = features(form.get(f"{PATH}.geojson?limit=1&fieldpath={path}"))
        assert found == [feature(id_, {"type": type_, "coordinates": coordinates}, None)]
    (row,) = form.get(f"{FORM}.svc/Submissions('{id_}')").json["value"]
    for name, path in (("point", DEFAULT), ("trace", "/home/trace"), ("shape", "/home/shape")):
        assert row["home"][name]["type"] == expected[path][0]
        assert row["home"][name]["coordinates"] == expected[path][1]
