"""What a request says, read from API Gateway's events."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.http.request import CLIENT_LIMIT, Request
from sheaf.problems import Problem


def request(body=b"", query="", cookies=None, path=None, **headers):
    made = {
        "rawPath": "/v1/x",
        "rawQueryString": query,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {"http": {"method": "POST"}},
        "pathParameters": path,
        "body": b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    return Request.from_event(made | ({} if cookies is None else {"cookies": cookies}))


def test_the_least_that_an_event_holds_is_enough():
    read = Request.from_event({"rawPath": "/", "requestContext": {"http": {"method": "GET"}}})
    assert (read.method, read.raw_path, read.raw_body, read.route) == ("GET", "/", b"", "$default")
    assert (read.query, read.json, read.cookies, read.notes) == ({}, {}, {}, None)
    assert not read.extended
    assert not read.authenticated


def test_a_body_may_come_as_text():
    read = Request.from_event(
        {
            "rawPath": "/",
            "requestContext": {"http": {"method": "POST"}},
            "body": '{"a":"é"}',
            "isBase64Encoded": False,
        }
    )
    assert read.json == {"a": "é"}


def test_cookies_come_in_a_list_or_in_a_header():
    for read in (
        request(cookies=["a=1", "b=x=y", " c = 3 "]),
        request(cookie="a=1; b=x=y; c = 3 "),
    ):
        assert read.cookies == {"a": "1", "b": "x=y", "c": "3"}
    assert request(cookies=["", ";;", "a"]).cookies == {}


def test_header_names_are_compared_without_regard_to_case():
    read = Request.from_event(
        {
            "rawPath": "/",
            "requestContext": {"http": {"method": "GET"}},
            "headers": {"X-Extended-Metadata": "True", "X-ACTION-NOTES": "a%20b"},
        }
    )
    assert (read.extended, read.notes) == (True, "a b")


def test_the_content_type_is_read_with_its_parameters():
    read = request(content_type=' Text/XML ; x; CharSet="UTF-8"; boundary=a=b')
    assert (read.content_type, read.charset, read.parameter("boundary")) == (
        "text/xml",
        "UTF-8",
        "a=b",
    )
    assert (request().content_type, request().charset) == ("", None)


def test_what_the_client_calls_itself_is_cut():
    read = request(query="deviceID=" + "d" * 300, odk_client="central/1", user_agent="u" * 300)
    assert read.device_id == "d" * CLIENT_LIMIT
    assert read.user_agent == f"central/1 {'u' * 300}"[:CLIENT_LIMIT]
    assert (request(query="deviceID=").device_id, request(user_agent="").user_agent) == (None, None)


def test_suffixes_are_split_off_a_variable():
    for value, expected in (
        ("a.xml", ("a", ".xml")),
        ("a.b.xlsx", ("a.b", ".xlsx")),
        ("a.XML", ("a.XML", "")),
        (".xml", (".xml", "")),
        ("a", ("a", "")),
        ("a.xml.xml", ("a.xml", ".xml")),
    ):
        read = request(path={"id": value, "other": "x.xml"})
        path, suffix = read.suffixed("id", ".xml", ".xlsx")
        assert (path, suffix) == ({"id": expected[0], "other": "x.xml"}, expected[1])


@given(st.binary(max_size=60))
def test_no_body_breaks_the_reading_of_json(body):
    read = request(body=body, content_type="application/json")
    try:
        assert isinstance(read.json, dict)
    except Problem as problem:
        assert problem.code == 400.1


@given(
    st.recursive(
        st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ).filter(lambda value: isinstance(value, (dict, list)))
)
def test_json_is_read_as_it_was_written(value):
    import json

    try:
        read = request(body=json.dumps(value).encode()).json
    except Problem as problem:
        assert problem.code == 400.1
        with pytest.raises(UnicodeEncodeError):
            json.dumps(value, ensure_ascii=False).encode()
    else:
        assert read == (value if isinstance(value, dict) else {})


@given(st.text(max_size=40))
def test_no_note_breaks_its_decoding(value):
    read = request(x_action_notes=value)
    try:
        assert isinstance(read.notes, str)
    except Problem as problem:
        assert problem.code == 400.6


@given(st.text(max_size=60))
def test_no_header_breaks_its_reading(value):
    read = request(
        query="q=1", cookie=value, content_type=value, if_none_match=value, user_agent=value
    )
    assert isinstance(read.cookies, dict)
    assert read.content_type == read.content_type.lower()
    assert read.charset is None or isinstance(read.charset, str)
    assert read.has('"1"') in (True, False)
