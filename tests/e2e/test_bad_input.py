"""Bad input over real HTTP: Central's clear errors, never a 500, and nothing changed."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.cast import xml
from tests.e2e.project import Project

LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">
<!ENTITY lol3 "&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;">]>
<data id="simple" version="1"><name>&lol3;</name><meta><instanceID>laughs</instanceID></meta></data>
"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE data [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<data id="simple" version="1"><name>&x;</name><meta><instanceID>outside</instanceID></meta></data>
"""
MISSING_FORM_ID = {
    "message": "Required parameter form ID xml attribute missing.",
    "code": 400.2,
    "details": {"field": "form ID xml attribute"},
}


@pytest.fixture(scope="module")
def project(stack) -> Project:
    return Project.new(stack)


@pytest.fixture(autouse=True)
def _nothing_changes(project):
    """Whatever a test sends, the list is the same after it, but for what it says itself."""
    project.submit("stays")
    before = project.api.get(project.submissions).json
    allowed: set[str] = set()
    yield allowed
    after = project.api.get(project.submissions).json
    assert [each for each in after if each["instanceId"] not in allowed] == before
    for instance_id in allowed:
        project.api.delete(project.path(instance_id))


@pytest.mark.parametrize(
    "body",
    [b"", b"not xml", b"{}", b"\x00\x01\x02\xff\xfe", b"<", b"<data>", "<data/>".encode("utf-16")],
    ids=["empty", "words", "json", "binary", "bracket", "no id", "utf-16 without id"],
)
def test_what_is_no_submission_is_refused(project, body):
    answer = project.api.post(project.submissions, body)
    assert (answer.status, answer.json) == (400, MISSING_FORM_ID)


def test_entities_are_kept_as_written_and_never_expanded(project, _nothing_changes):
    for body, name in ((LAUGHS, "laughs"), (OUTSIDE, "outside")):
        _nothing_changes.add(name)
        assert project.api.post(project.submissions, body).status == 200
        assert project.api.get(project.path(name, ".xml")).body == body


def test_a_hundred_thousand_nested_elements_are_refused(project):
    body = b'<data id="simple" version="1">' + b"<a>" * 100_000
    answer = project.api.post(project.submissions, body)
    assert (answer.status, answer.json["code"]) == (400, 400.8)
    assert answer.json["details"]["reason"] == "elements may be nested 1000 deep at most."


def test_a_body_of_ten_megabytes_is_refused_by_the_platform(project):
    answer = project.api.post(project.submissions, b"x" * 10_600_000)
    assert (answer.status, answer.json) == (413, {"message": "Request Entity Too Large"})


def test_a_body_that_a_function_cannot_take_is_refused(project):
    answer = project.api.post(project.submissions, b"<data>" + b"x" * 7_000_000)
    # API Gateway's own answer when Lambda's 6 MB are exceeded; the client cannot be told more.
    assert answer.status in (413, 500)


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16", "utf-8", "shift_jis", "no-such"])
def test_any_encoding_is_kept_byte_for_byte(project, encoding, _nothing_changes):
    known = "utf-8" if encoding == "no-such" else encoding
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + xml(f"in-{encoding}").decode()
    body = text.encode(known)
    _nothing_changes.add(f"in-{encoding}")
    assert project.api.post(project.submissions, body).status == 200
    assert project.api.get(project.path(f"in-{encoding}", ".xml")).body == body


@pytest.mark.parametrize("body", [b"{", b"[", b'{"reviewState":', b"nul", b"\xff", b"{'a':1}"])
def test_broken_json_is_refused(project, body):
    answer = project.api.patch(project.path("stays"), body, {"content-type": "application/json"})
    length = len(body.decode(errors="replace"))
    assert (answer.status, answer.json) == (
        400,
        {
            "message": f"Could not parse the given data ({length} chars) as json.",
            "code": 400.1,
            "details": {"format": "json", "rawLength": length},
        },
    )


ODD_IDS = ["a/b", "a b", "a'b\"c", "😂 صادق", "%2F", "a%b", "a#b", "a?b=c", "..", "a;b", "+", "~"]


@pytest.mark.parametrize("odd", ODD_IDS)
def test_an_odd_id_is_an_id_like_any_other(project, odd, _nothing_changes):
    assert project.api.get(project.path(odd)).json["code"] == 404.1
    _nothing_changes.add(odd)
    made = project.submit(odd)
    assert made.status == 200
    assert made.json["instanceId"] == odd
    assert project.api.get(project.path(odd)).json["instanceId"] == odd
    assert project.api.get(project.path(odd, ".xml")).body == xml(odd)
    review = project.api.patch(project.path(odd), {"reviewState": "approved"})
    assert review.json["reviewState"] == "approved"


ODD_PATHS = [
    "/v1/projects/1e9",
    "/v1/projects/-1",
    "/v1/projects/٣",
    "/v1/projects/0",
    "/v1/projects/%00",
    "/v1/projects/1/forms/%F0%9F%98%82",
    "/v1/projects/1/forms/" + "x" * 2000,
    "/v1/projects/1/forms/simple/submissions/" + "y" * 3000,
    "/v1/users/99",
    "/v1/users/none",
    "/v1/roles/13",
    "/v1/roles/²",
    "/v1/nothing",
    "/v1",
    "/v1/",
    "/",
    "/favicon.ico",
    "/v1/projects/%",
    "/v1/projects/%zz",
]


@pytest.mark.parametrize("path", ODD_PATHS)
def test_an_odd_path_is_answered_in_central_s_form(project, path):
    for method in ("GET", "PATCH", "DELETE", "PUT"):
        answer = project.api.request(method, quote(path, safe="/%"))
        assert answer.status in (308, 400, 404), (method, answer.text)
        if answer.status != 308:
            assert set(answer.json) <= {"message", "code", "details"}
            assert int(answer.json["code"]) == answer.status


WRONG_TYPES: list[Any] = [1, 1.5, True, [], {}, "", "x" * 100_000, [[[[]]]], {"a": {"b": 1}}]


@pytest.mark.parametrize("value", WRONG_TYPES, ids=lambda value: json.dumps(value)[:20])
def test_a_review_state_of_another_kind_is_refused(project, value):
    answer = project.api.patch(project.path("stays"), {"reviewState": value})
    assert (answer.status, answer.json["code"]) == (400, 400.8)
    assert answer.json["details"]["value"] == value
