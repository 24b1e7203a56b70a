"""The kernel and its three wire forms, with the smallest of handlers."""

from __future__ import annotations

import json
import logging
from xml.etree import ElementTree as ET

import pytest

from sheaf import problems
from sheaf.access import actors, sessions
from sheaf.access.sessions import Session
from sheaf.db import keys
from sheaf.http.endpoint import anonymous, endpoint, odata, openrosa, openrosa_message
from sheaf.http.response import Response
from tests.api import answer_of

TOKEN = "T" * 64
OPENROSA = {
    "content-language": "en",
    "x-openrosa-version": "1.0",
    "x-openrosa-accept-content-length": "4400000",
}
CACHING = {"cache-control": "private, no-cache", "vary": "Accept-Encoding, Origin"}


def event(method="GET", *, path="/v1/x", route=None, query="", variables=None, **headers):
    return {
        "routeKey": route or f"{method} {path}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "requestContext": {
            "domainName": "api.example.org",
            "http": {"method": method},
            "requestId": "r1",
        },
        "pathParameters": variables or {},
    }


def ask(handler, *args, **kwargs):
    return answer_of(handler(event(*args, **kwargs), None))


def shown(answer, *without):
    return {name: value for name, value in answer.headers.items() if name not in without}


@pytest.fixture
def known(aws):
    """Credentials of an app user."""
    actor = actors.new("field_key", "tablet 1")
    actor.save()
    Session(
        *keys.session(TOKEN),
        actor_id=actor.id,
        csrf="c",
        created_at=actor.created_at,
        expires_at=actor.created_at + sessions.LIFE,
    ).save()
    return {"authorization": f"Bearer {TOKEN}"}


class Thing:
    def to_api(self):
        return {"näme": "🦄", "none": None}


def test_values_are_written_as_centrals():
    for result, body in (
        (None, '{"success":true}'),
        ({"a": 1.5, "b": [None, True]}, '{"a":1.5,"b":[null,true]}'),
        (Thing(), '{"näme":"🦄","none":null}'),
        ([Thing()], '[{"näme":"🦄","none":null}]'),
        ([], "[]"),
        ("text", '"text"'),
    ):
        answer = ask(anonymous(lambda _, result=result: result))
        assert (answer.status, answer.text) == (200, body)
        assert answer.headers["content-type"] == "application/json; charset=utf-8"


def test_a_response_is_given_as_it_is():
    whole = Response(b"\xff\x00", "image/png", 201, {"X-A": "b", "Cache-Control": "c"}, ("d=e",))
    answer = ask(anonymous(lambda _: whole))
    assert (answer.status, answer.body, answer.cookies) == (201, b"\xff\x00", ["d=e"])
    assert shown(answer, "etag", "vary") == {
        "x-a": "b",
        "cache-control": "c",
        "content-type": "image/png",
    }
    empty = ask(anonymous(lambda _: Response(status=204)))
    assert (empty.status, empty.body, empty.headers) == (204, b"", CACHING)
    strong = ask(anonymous(lambda _: Response(b"x", "a/b", headers={"ETag": '"1"'})))
    assert strong.headers["etag"] == '"1"'


def test_a_problem_is_told_in_full():
    def refuse(_):
        raise problems.OutdatedCopy(deprecatedId="a<b")

    answer = ask(anonymous(refuse))
    assert answer.status == 409
    assert answer.json == {
        "message": "You tried to update a submission, but the copy you were editing (a<b) is now "
        "out of date. Please get the new version that has been submitted, and make your edits "
        "again.",
        "code": 409.9,
        "details": {"deprecatedId": "a<b"},
    }


def test_a_handler_that_asks_nobody_who_he_is_is_not_served(known):
    answer = ask(endpoint(lambda _: {"secret": 1}), **known)
    assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})
    answer = ask(endpoint(lambda request: request.auth.actor_id), **known)
    assert (answer.status, answer.json) == (200, 5)


def test_a_bug_is_told_to_the_operator_and_not_to_the_client(caplog):
    def stumble(_):
        return {}["secret-key"]

    answer = ask(anonymous(stumble), path="/v1/x", query="q=private", authorization="Bearer z")
    assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})
    failed, line = caplog.records
    assert (failed.levelno, failed.route, failed.request_id) == (logging.ERROR, "GET /v1/x", "r1")
    assert failed.exc_info[0] is KeyError
    assert (line.msg, line.status, line.route) == ("request", 500, "GET /v1/x")
    assert not hasattr(line, "code")
    assert "private" not in caplog.text
    assert "Bearer" not in caplog.text


def test_each_request_is_one_line_of_the_log(known, caplog):
    def refuse(request):
        request.authenticate()
        raise problems.NotFound

    ask(endpoint(refuse), **known)
    (line,) = caplog.records
    assert (line.status, line.code, line.actor, line.request_id) == (404, 404.1, 5, "r1")
    assert line.ms >= 0


def test_a_reading_route_takes_get_and_head_alone():
    for kind in (anonymous, openrosa, odata):
        handler = kind(lambda _: pytest.fail("served"))
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get"):
            answer = ask(handler, method, route="ANY /v1/x", x_openrosa_version="1.0")
            assert answer.status == 404, (kind, method)
    for method in ("GET", "HEAD"):
        assert ask(anonymous(lambda _: 1), method, route="ANY /v1/x").status == 200


def test_a_key_in_the_path_says_who_asks(known):
    handler = endpoint(lambda request: request.auth.actor.type)
    route = "GET /v1/key/{token}/x"
    path = f"/v1/key/{TOKEN}/x"
    other = {"authorization": "Bearer nobody", "cookie": "__Host-session=nobody"}
    variables = {"token": TOKEN}
    answer = ask(handler, path=path, route=route, variables=variables, **other)
    assert (answer.status, answer.json) == (200, "field_key")
    answer = ask(handler, path=path, route=route, variables=variables, query="st=x")
    assert answer.status == 200, "the path comes before the query"
    for token, code in (("x", 401.2), ("", 401.2), ("T" * 65, 401.2), ("U" * 64, 403.1)):
        answer = ask(handler, path=path, route=route, variables={"token": token}, **known)
        assert answer.json["code"] == code, token


def test_a_path_that_only_looks_like_a_key_says_nothing(known):
    handler = endpoint(lambda request: request.auth.actor.type)
    answer = ask(
        handler,
        path=f"/v1/sessions/a/key/{TOKEN}/b",
        route="GET /v1/sessions/{token}",
        variables={"token": TOKEN},
    )
    assert answer.json["code"] == 401.2


# OpenRosa


def test_openrosa_wants_its_version_before_anything_else():
    handler = openrosa(lambda _: pytest.fail("served"))
    for headers, text in (
        ({}, "format."),
        ({"x_openrosa_version": ""}, "format."),
        ({"x_openrosa_version": "2.0"}, "format (got: 2.0)."),
        ({"x_openrosa_version": "1"}, "format (got: 1)."),
        ({"x_openrosa_version": "1.0, 1.0"}, "format (got: 1.0, 1.0)."),
        (
            {"x_openrosa_version": "<&\"'/`=\x00\x1b>"},
            "format (got: &lt;&amp;&quot;&#39;&#x2F;&#x60;&#x3D;\ufffd\ufffd&gt;).",
        ),
    ):
        answer = ask(handler, "POST", authorization="Bearer nobody", **headers)
        assert answer.status == 400
        assert shown(answer, "etag") == {
            "cache-control": "no-store",
            "vary": "*",
            "content-type": "text/xml; charset=utf-8",
        }
        assert answer.text == (
            '\n  <OpenRosaResponse xmlns="http://openrosa.org/http/response" items="0">\n'
            '    <message nature="error">An expected header field (X-OpenRosa-Version) did not '
            f"match the expected {text}</message>\n"
            "  </OpenRosaResponse>"
        )
        assert ET.fromstring(answer.text)[0].get("nature") == "error"


def test_openrosa_tells_who_is_unknown_without_its_headers(aws):
    handler = openrosa(lambda request: request.auth)
    answer = ask(handler, x_openrosa_version="1.0")
    assert answer.status == 401
    assert shown(answer, "etag") == CACHING | {"content-type": "text/xml; charset=utf-8"}
    assert "Could not authenticate with the provided credentials." in answer.text


def test_openrosa_answers_who_is_known_with_its_headers(known):
    def greet(request):
        request.authenticate()
        return openrosa_message("", 'full "submission" upload!', status=201)

    answer = ask(openrosa(greet), "POST", x_openrosa_version="1.0", **known)
    assert answer.status == 201
    assert shown(answer, "etag", "cache-control", "vary") == OPENROSA | {
        "content-type": "text/xml; charset=utf-8"
    }
    assert answer.text == (
        '\n  <OpenRosaResponse xmlns="http://openrosa.org/http/response" items="0">\n'
        '    <message nature="">full &quot;submission&quot; upload!</message>\n'
        "  </OpenRosaResponse>"
    )

    def nothing(request):
        request.authenticate()
        return Response(status=204)

    head = ask(openrosa(nothing), "HEAD", x_openrosa_version="1.0", **known)
    assert (head.status, head.body, head.headers) == (204, b"", CACHING | OPENROSA)

    def refuse(request):
        request.authenticate()
        raise problems.AuthenticationFailed

    forced = ask(openrosa(refuse), x_openrosa_version="1.0", **known)
    assert (forced.status, forced.headers["x-openrosa-version"]) == (401, "1.0")


def test_openrosa_tells_a_bug_in_json():
    answer = ask(openrosa(lambda _: 1 / 0), x_openrosa_version="1.0")
    assert (answer.status, answer.json) == (500, {"message": "Internal Server Error"})


# OData


def test_odata_tells_problems_of_a_json_document_in_json(known):
    def refuse(request):
        request.authenticate()
        raise problems.NotAcceptable(allowed=["application/json", "json"])

    answer = ask(odata(refuse), path="/v1/projects/1/forms/a.svc/Submissions", **known)
    assert answer.status == 406
    assert answer.json == {
        "message": "Requested format not acceptable; this resource allows: application/json,json.",
        "code": 406.1,
        "details": {"allowed": ["application/json", "json"]},
    }
    assert answer.headers["odata-version"] == "4.0"
    nobody = ask(odata(lambda request: request.auth), path="/v1/a.svc")
    assert (nobody.json["code"], "odata-version" in nobody.headers) == (401.2, False)


def test_odata_tells_problems_of_the_metadata_in_xml(known):
    for problem, error in (
        (
            problems.NotFound(),
            '<error code="404.1">\n'
            "  <message>Could not find the resource you were looking for.</message>\n"
            "  <details></details>\n",
        ),
        (
            problems.SelectUnknown(property="<&\x00>"),
            '<error code="400.23">\n'
            "  <message>Could not find a property named &#39;&lt;&amp;\ufffd&gt;&#39;</message>\n"
            "  <details>{&quot;property&quot;: &quot;&lt;&amp;\\u0000&gt;&quot;}</details>\n",
        ),
    ):

        def refuse(request, problem=problem):
            request.authenticate()
            raise problem

        answer = ask(odata(refuse), path="/v1/projects/1/forms/a.svc/$metadata", **known)
        assert answer.status == problem.status
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"
        assert answer.text == f'<?xml version="1.0" encoding="UTF-8"?>\n{error}</error>'
        assert ET.fromstring(answer.text).get("code") == str(problem.code)


def test_the_codes_of_problems_are_numbers_on_the_wire():
    def refuse(_):
        raise problems.InvalidDataType("integer", field="limit")

    text = ask(anonymous(refuse)).text
    assert '"code":400.11,' in text
    assert json.loads(text)["code"] == 400.11
