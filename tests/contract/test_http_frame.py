"""The frame of every route: headers, caching, errors, what no route takes, hostile input."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from base64 import b64encode

import pytest

from sheaf.access.actors import Actor
from sheaf.db import keys, reads
from tests.answers import ANONYMOUS, NOT_FOUND
from tests.api import InProcess
from tests.cast import PASSWORD, audits, stored
from tests.wire import Wire, refusal

PROJECTS = "/v1/projects"
ONE = "/v1/projects/1"
ALICE = {"email": "alice@example.org", "password": PASSWORD}
JSON = {"content-type": "application/json"}


def etag(body: bytes) -> str:
    """Express's weak ETag."""
    digest = b64encode(hashlib.sha1(body).digest()).decode()[:27]
    return f'W/"{len(body):x}-{digest}"'


def unparsable(length: int) -> dict:
    return {
        "message": f"Could not parse the given data ({length} chars) as json.",
        "code": 400.1,
        "details": {"format": "json", "rawLength": length},
    }


@pytest.fixture
def nobody():
    """A client of an API whose table nobody may read, because it is not asked for."""
    return InProcess()


# Headers


def test_what_is_read_may_be_kept_and_asked_for_again(cast):
    answer = cast.alice.get(ONE)
    assert answer.headers == {
        "cache-control": "private, no-cache",
        "vary": "Accept-Encoding, Origin",
        "etag": etag(answer.body),
        "content-type": "application/json; charset=utf-8",
    }


def test_what_is_changed_is_not_kept(cast):
    for answer in (
        cast.alice.post(PROJECTS, {"name": "Wells"}),
        cast.alice.patch(ONE, {"name": "Wells"}),
        cast.alice.put("/v1/users/5/password", {}),
        cast.alice.delete(ONE),
    ):
        assert answer.headers == {
            "cache-control": "no-store",
            "vary": "*",
            "etag": etag(answer.body),
            "content-type": "application/json; charset=utf-8",
        }


def test_errors_carry_the_same_headers(cast, nobody):
    for answer, control, vary in (
        (nobody.get(PROJECTS), "private, no-cache", "Accept-Encoding, Origin"),
        (nobody.get("/v1/nope"), "private, no-cache", "Accept-Encoding, Origin"),
        (nobody.get("/v1/sessions/restore"), "no-store", "Accept-Encoding, Origin"),
        (nobody.post(PROJECTS, {}), "no-store", "*"),
        (cast.chelsea.get(ONE), "private, no-cache", "Accept-Encoding, Origin"),
    ):
        assert answer.headers == {
            "cache-control": control,
            "vary": vary,
            "etag": etag(answer.body),
            "content-type": "application/json; charset=utf-8",
        }


def test_a_project_or_form_called_sessions_may_be_kept(cast):
    cast.form("sessions")
    answer = cast.alice.get(f"{ONE}/forms/sessions/submissions")
    assert answer.headers["cache-control"] == "private, no-cache"


def test_what_the_client_has_is_not_sent_again(cast):
    tag = cast.alice.get(ONE).headers["etag"]
    strong = tag.removeprefix("W/")
    for given in (tag, strong, "*", f'"x", {tag}', f"{tag},W/y"):
        for method in ("GET", "HEAD"):
            answer = cast.alice.request(method, ONE, headers={"If-None-Match": given})
            assert (answer.status, answer.body) == (304, b""), given
            assert answer.headers == {
                "cache-control": "private, no-cache",
                "vary": "Accept-Encoding, Origin",
                "etag": tag,
            }
    for given in ("", '"x"', "W/", tag[:-2], strong.strip('"')):
        assert cast.alice.get(ONE, headers={"If-None-Match": given}).status == 200, given


def test_errors_and_changes_are_sent_whatever_the_client_has(cast, nobody):
    tag = nobody.get(PROJECTS).headers["etag"]
    assert nobody.get(PROJECTS, headers={"If-None-Match": tag}).json == ANONYMOUS
    answer = cast.alice.patch(ONE, {}, headers={"If-None-Match": "*"})
    assert (answer.status, answer.json["id"]) == (200, 1)


def test_a_change_gives_another_etag(cast):
    before = cast.alice.get(ONE).headers["etag"]
    cast.alice.patch(ONE, {"name": "Wells"})
    answer = cast.alice.get(ONE, headers={"If-None-Match": before})
    assert (answer.status, answer.json["name"]) == (200, "Wells")


def test_head_is_get_without_its_body(cast, nobody):
    for client, path in (
        (cast.alice, ONE),
        (cast.alice, "/v1/roles"),
        (cast.alice, "/v1/users/current"),
        (nobody, ONE),
        (nobody, "/v1/nope"),
        (cast.chelsea, ONE),
    ):
        whole, head = client.get(path), client.head(path)
        assert (head.status, head.body) == (whole.status, b"")
        assert head.headers == whole.headers | {"content-length": str(len(whole.body))}


def test_what_is_long_is_compressed_for_who_can_read_it(cast):
    plain = cast.alice.get("/v1/roles")
    assert len(plain.body) > 1024
    for accept in ("gzip", "br, GZIP;q=0.5", "*", "deflate, gzip, br", "gzip;q=0.001"):
        answer = cast.alice.get("/v1/roles", headers={"Accept-Encoding": accept})
        assert gzip.decompress(answer.body) == plain.body, accept
        assert answer.headers == plain.headers | {"content-encoding": "gzip"}
    for accept in ("", "br", "gzip;q=0", "gzip; q=0.000, br", "identity", "x-gzipped"):
        answer = cast.alice.get("/v1/roles", headers={"Accept-Encoding": accept})
        assert (answer.body, answer.headers) == (plain.body, plain.headers), accept
    short = cast.alice.get(ONE, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in short.headers
    tag = {"Accept-Encoding": "gzip", "If-None-Match": plain.headers["etag"]}
    assert cast.alice.get("/v1/roles", headers=tag).status == 304


# What no route takes


def test_paths_without_a_version_are_told_to_have_one(nobody):
    for path in (
        "/",
        "/projects",
        "/v1",
        "/v2",
        "/V1/projects",
        "/vx/projects",
        "//v1/a",
        "/v1x/a",
    ):
        answer = nobody.get(path)
        assert answer.status == 404
        assert answer.json == {
            "message": "Expected an API version (eg /v1) at the start of the request URL.",
            "code": 404.2,
        }, path


def test_paths_of_another_version_are_told_which_there_is(nobody):
    for got in ("2", "0", "10", "999999999999"):
        answer = nobody.get(f"/v{got}/projects")
        assert answer.status == 404
        assert answer.json == {
            "message": f"Unexpected an API version (accepts: 1) (got: {got}).",
            "code": 404.3,
            "details": {"got": got},
        }


def test_unknown_paths_and_methods_are_not_found(nobody):
    for method, path in (
        ("GET", "/v1/nope"),
        ("GET", "/v1/Projects"),
        ("GET", "/v1/"),
        ("POST", "/v1/nope"),
        ("GET", "/v1/sessions"),
        ("PUT", PROJECTS),
        ("PUT", ONE),
        ("DELETE", PROJECTS),
        ("OPTIONS", PROJECTS),
        ("OPTIONS", ONE),
        ("PATCH", "/v1/roles"),
        ("POST", "/v1/users/current"),
        ("TRACE", "/v1/users/current"),
        ("GET", "/v1/projects/1/assignments/viewer/5"),
        ("GET", "/v1/" + "x" * 9000),
        ("GET", "/v1/%00%ff%F0%9F%A6%84"),
    ):
        answer = nobody.request(method, path)
        assert (answer.status, answer.json) == (404, NOT_FOUND), (method, path)


def test_a_trailing_slash_leads_to_the_path_without(cast, nobody):
    answer = nobody.get(f"{PROJECTS}/?forms=true&q=%20")
    location = f"{PROJECTS}?forms=true&q=%20"
    assert (answer.status, answer.body.decode()) == (
        308,
        f"Permanent Redirect. Redirecting to {location}",
    )
    assert answer.headers == {
        "cache-control": "private, no-cache",
        "vary": "Accept-Encoding, Origin, Accept",
        "location": location,
        "content-type": "text/plain; charset=utf-8",
    }
    assert cast.alice.get(location).status == 200
    posted = nobody.post(f"{PROJECTS}///", {"name": "Wells"})
    assert (posted.status, posted.headers["location"]) == (308, PROJECTS)
    assert (posted.headers["cache-control"], posted.headers["vary"]) == ("no-store", "*")
    odd = nobody.get("/v1/a%20b%3F%23%2525%0d%0aX:/é/")
    assert odd.headers["location"] == "/v1/a%20b%3F%23%2525%0D%0AX:/%C3%A9"
    assert nobody.get("/v1//evil.example/").headers["location"] == "/v1//evil.example"


def test_a_browser_is_sent_elsewhere_in_html(nobody):
    page = nobody.get("/v1/a&b/", headers={"Accept": "text/html,application/xml;q=0.9,*/*;q=0.8"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text == "<p>Permanent Redirect. Redirecting to /v1/a&amp;b</p>"
    head = nobody.head("/v1/a&b/", headers={"Accept": "text/html"})
    assert (head.status, head.body) == (308, b"")


# Notes


def test_notes_are_kept_with_every_row_that_a_request_writes(cast):
    alice = cast.alice
    for given, kept in (
        ("caf%C3%A9%20%F0%9F%A6%84", "café 🦄"),
        ("plain text", "plain text"),
        ("%00", "\0"),
        ("a+b%2Bc%25", "a+b+c%"),
        ("", ""),
        ("é", "é"),
        ("x" * 9000, "x" * 9000),
    ):
        before = len(audits())
        body = {"email": f"d{before}@example.org", "password": "purple monkey dishwasher"}
        answer = alice.post("/v1/users", body, headers={"X-Action-Notes": given})
        assert answer.status == 200, given
        assert [row["notes"] for row in audits()[before:]] == [kept, kept]


def test_notes_that_do_not_decode_stop_the_request(cast):
    alice, chelsea = cast.alice, cast.chelsea
    before = stored()
    for given in ("%", "%4", "%zz", "ok%20%", "%ff", "%c3%28", "%ED%A0%80", "%+1", "%\u0660\u0660"):
        for method, path in (("POST", PROJECTS), ("PATCH", ONE), ("DELETE", ONE), ("GET", ONE)):
            body = None if method == "GET" else {"name": "Wells"}
            answer = alice.request(method, path, body, headers={"X-Action-Notes": given})
            assert answer.status == 400
            assert answer.json == {
                "message": "An expected header field (x-action-notes) did not match the expected "
                "format.",
                "code": 400.6,
                "details": {"field": "x-action-notes"},
            }, given
    notes = {"X-Action-Notes": "%"}
    assert cast.api.patch(ONE, {}, headers=notes).json == ANONYMOUS
    assert chelsea.patch("/v1/projects/9", {}, headers=notes).json["code"] == 400.6
    assert stored() == before


# JSON


@pytest.mark.parametrize("route", [("POST", PROJECTS), ("PATCH", ONE), ("POST", "/v1/sessions")])
def test_what_says_that_it_is_json_and_is_not_is_told(cast, route):
    alice = cast.alice
    before = stored()
    for body, length in (
        (b"nope", 4),
        (b"{", 1),
        (b'{"name":"x"}}', 13),
        (b"{'name':'x'}", 12),
        (b'{"name":}', 9),
        (b'{"name":NaN}', 12),
        (b'{"name":-Infinity}', 18),
        (b'{"name":1e999}', 14),
        (b'{"name":' + b"9" * 5000 + b"}", 5009),
        (b'"name"', 6),
        (b"null", 4),
        (b"5", 1),
        ('{"é🦄'.encode(), 5),
        (b'{"name":"\xff\xfe', 11),
        (b"\xef\xbb\xbf{}", 3),
        (b'{"name":"\\ud800"}', 17),
        (b'{"\\udfff":1}', 12),
        (b'{"name":"a\nb"}', 14),
        (b"[" * 100_000, 100_000),
        (b'{"a":' * 40_000, 200_000),
        (b"[" * 50_000 + b"]" * 50_000, 100_000),
        (b"[" * 102 + b"]" * 102, 204),
        (b'{"name":' * 102 + b"1" + b"}" * 102, 919),
        ("{}".encode("utf-16"), 6),
    ):
        answer = alice.request(*route, body, headers=JSON)
        assert answer.status == 400, body[:40]
        assert answer.json == unparsable(length), body[:40]
    assert stored() == before


def test_json_may_be_nested_as_deep_as_anybody_needs(cast):
    body = b'{"name":"Wells","x":' + b"[" * 98 + b"]" * 98 + b"}"
    assert cast.alice.post(PROJECTS, body, headers=JSON).status == 200


def test_json_of_more_than_250_kb_is_too_large(cast):
    too_large = {"message": "Request body too large.", "code": 400.36}
    before = stored() if cast.alice else None
    for size in (250 * 1024 + 1, 1_000_000):
        body = b'{"name":"' + b"x" * (size - 11) + b'"}'
        assert len(body) == size
        answer = cast.alice.post(PROJECTS, body, headers=JSON)
        assert (answer.status, answer.json) == (400, too_large)
    assert stored() == before
    body = b'{"name":"Wells","x":"' + b"x" * (250 * 1024 - 23) + b'"}'
    assert len(body) == 250 * 1024
    assert cast.alice.post(PROJECTS, body, headers=JSON).status == 200


def test_only_json_is_read_as_json(cast):
    body = b'{"name":"Wells"}'
    for kind in ("application/json; charset=utf-8", "APPLICATION/JSON", "application/x+json"):
        answer = cast.alice.post(PROJECTS, body, headers={"content-type": kind})
        assert answer.status == 200, kind
    for kind in ("text/plain", "application/xml", "text/html; a=json", ";", "é"):
        answer = cast.alice.post(PROJECTS, body, headers={"content-type": kind})
        expected = 200 if kind == ";" else 400
        assert answer.status == expected, kind
    assert cast.alice.post(PROJECTS, body).status == 200, "who says nothing means JSON"
    for blank in (b"", b" \n"):
        answer = cast.alice.post(PROJECTS, blank, headers=JSON)
        assert answer.json["message"] == "Required parameter name missing."


def test_compressed_json_is_not_read(cast):
    body = gzip.compress(b'{"name":"Wells"}')
    for encoding in ("gzip", "br", "GZIP"):
        answer = cast.alice.post(PROJECTS, body, headers=JSON | {"content-encoding": encoding})
        assert (answer.status, answer.json) == (
            400,
            {"message": "Encoding not supported.", "code": 400.37},
        )
    plain = JSON | {"content-encoding": "identity"}
    assert cast.alice.post(PROJECTS, b'{"name":"Wells"}', headers=plain).status == 200


def test_of_a_repeated_parameter_the_last_counts(cast):
    alice = cast.alice
    assert "formList" in alice.get(f"{PROJECTS}?forms=false&forms=True").json[0]
    assert "formList" not in alice.get(f"{PROJECTS}?forms=true&forms=false").json[0]
    assert "formList" not in alice.get(f"{PROJECTS}?forms=true&forms").json[0]
    for odd in ("?", "?&", "?=", "?%", "?%zz=%zz", "?a[b]=c", "?forms[]=true", "?\ufffd=%ff"):
        assert alice.get(PROJECTS + odd).status == 200, odd


def test_extended_metadata_is_asked_for_in_any_case(cast):
    for value in ("true", "True", "TRUE"):
        answer = cast.alice.get("/v1/users/current", headers={"X-Extended-Metadata": value})
        assert "verbs" in answer.json
    for value in ("false", "1", "", " true", "true, true"):
        answer = cast.alice.get("/v1/users/current", headers={"X-Extended-Metadata": value})
        assert "verbs" not in answer.json, value


# Failures


@pytest.mark.parametrize("code", ["AccessDeniedException", "InternalServerError", "Other"])
def test_what_nobody_foresaw_is_a_500_without_a_code(cast, code):
    alice = cast.alice
    before = stored()
    for method, path, body in (
        ("GET", ONE, None),
        ("HEAD", ONE, None),
        ("GET", PROJECTS, None),
        ("POST", PROJECTS, {"name": "Wells"}),
        ("PATCH", ONE, {"name": "Wells"}),
        ("DELETE", ONE, None),
        ("POST", "/v1/sessions", ALICE),
        ("DELETE", "/v1/sessions/current", None),
    ):
        with Wire(before=lambda _: refusal(code)):
            answer = alice.request(method, path, body)
        shown = b"" if method == "HEAD" else b'{"message":"Internal Server Error"}'
        assert (answer.status, answer.body) == (500, shown), path
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        expected = "private, no-cache" if method in ("GET", "HEAD") else "no-store"
        assert answer.headers["cache-control"] == expected
    assert stored() == before
    assert alice.get(ONE).status == 200


WRITES = (
    ("PATCH", ONE, {"name": "Wells"}),
    ("DELETE", ONE, None),
    ("POST", "/v1/users", {"email": "d@example.org"}),
    ("PATCH", "/v1/users/5", {"email": "a@example.org"}),
    ("PUT", "/v1/users/5/password", {"old": PASSWORD, "new": "purple monkey dishwasher"}),
    ("DELETE", "/v1/users/5", None),
    ("POST", "/v1/assignments/viewer/5", None),
    ("DELETE", "/v1/assignments/admin/5", None),
    ("POST", "/v1/sessions", ALICE),
    ("DELETE", "/v1/sessions/current", None),
)


@pytest.mark.parametrize(
    ("code", "status", "problem"),
    [
        ("AccessDeniedException", 500, {"message": "Internal Server Error"}),
        (
            "ThrottlingException",
            503,
            {
                "message": "The server is busy with other changes to the same data. "
                "Please try again.",
                "code": 503.1,
            },
        ),
    ],
)
def test_a_write_that_fails_changes_nothing(cast, code, status, problem):
    alice = cast.alice
    before = stored("A#"), stored("T#"), stored("EMAILS"), stored("PROJECTS"), audits()
    for method, path, body in WRITES:
        wire = Wire(
            before=lambda number: (
                refusal(code) if wire.names[number] == "TransactWriteItems" else None  # noqa: B023
            )
        )
        with wire:
            answer = alice.request(method, path, body)
        assert (answer.status, answer.json) == (status, problem), path
        assert "TransactWriteItems" in wire.names
    after = stored("A#"), stored("T#"), stored("EMAILS"), stored("PROJECTS"), audits()
    assert after == before


def test_a_throttle_that_does_not_end_says_so_for_reads_too(cast):
    alice = cast.alice
    for call, path in (("BatchGetItem", ONE), ("Query", PROJECTS)):
        wire = Wire(
            before=lambda number: (
                refusal("ThrottlingException") if wire.names[number] == call else None  # noqa: B023
            )
        )
        with wire:
            answer = alice.get(path)
        assert call in wire.names
        assert (answer.status, answer.json["code"]) == (503, 503.1), path


# Hostile input


ODD = (
    "%00",
    "%0d%0aX-Evil:%201",
    "%ED%A0%80",
    "%FF",
    "..%2F..",
    "%2F",
    "%25",
    "%252F",
    "'%22%3E%3Cscript%3E",
    "%F0%9F%A6%84",
    "1%20OR%201=1",
    "-",
    "%D9%A1",
    "1e3",
    "0x1",
    "NaN",
    "undefined",
    "9" * 5000,
    "-" + "9" * 5000,
    "x" * 9000,
)


def test_odd_ids_get_a_clear_answer_and_change_nothing(cast):
    alice = cast.alice
    before = stored()
    for odd in ODD:
        for method, path in (
            ("GET", f"/v1/users/{odd}"),
            ("PATCH", f"/v1/users/{odd}"),
            ("DELETE", f"/v1/users/{odd}"),
            ("PUT", f"/v1/users/{odd}/password"),
            ("GET", f"/v1/roles/{odd}"),
            ("GET", f"/v1/projects/{odd}"),
            ("PATCH", f"/v1/projects/{odd}"),
            ("DELETE", f"/v1/projects/{odd}"),
            ("GET", f"/v1/assignments/{odd}"),
            ("POST", f"/v1/assignments/{odd}/5"),
            ("DELETE", f"/v1/assignments/admin/{odd}"),
            ("GET", f"/v1/projects/{odd}/assignments"),
            ("GET", f"/v1/projects/1/forms/{odd}/assignments"),
            ("POST", f"/v1/projects/1/forms/{odd}/assignments/viewer/5"),
            ("DELETE", f"/v1/sessions/{odd}"),
        ):
            answer = alice.request(method, path, None if method == "GET" else {})
            assert answer.status in (400, 403, 404), (method, path, answer.text)
            assert set(answer.json) <= {"message", "code", "details"}
            assert int(answer.json["code"]) == answer.status
    assert stored() == before


def test_members_of_every_wrong_type_get_a_clear_answer(cast):
    alice = cast.alice
    before = stored()
    deep = json.loads("[" * 90 + "]" * 90)
    for value in (0, -1, 1.5, 1e300, 10**300, True, False, [], {}, [None], {"a": "b"}, deep):
        for method, path, member in (
            ("POST", "/v1/sessions", "email"),
            ("POST", "/v1/sessions", "password"),
            ("POST", "/v1/users", "email"),
            ("POST", "/v1/users", "password"),
            ("PATCH", "/v1/users/5", "email"),
            ("PATCH", "/v1/users/5", "displayName"),
            ("PUT", "/v1/users/5/password", "old"),
            ("PUT", "/v1/users/5/password", "new"),
            ("POST", PROJECTS, "name"),
            ("POST", PROJECTS, "description"),
            ("PATCH", ONE, "name"),
            ("PATCH", ONE, "archived"),
        ):
            if member == "archived" and isinstance(value, bool):
                continue
            body = {"email": "d@example.org", "password": PASSWORD, "old": PASSWORD, "name": "W"}
            answer = alice.request(method, path, body | {member: value})
            assert answer.status in (400, 401), (path, member, value)
            assert int(answer.json["code"]) == answer.status
    assert stored() == before


def test_headers_of_every_kind_are_borne(cast):
    alice = cast.alice
    for name in ("Accept", "Accept-Encoding", "If-None-Match", "User-Agent", "Cookie", "Origin"):
        for value in ("", ",", ";", "é🦄", "\0", "x" * 9000, "a;q=z", '"', "W/", "%zz"):
            answer = alice.get("/v1/roles", headers={name: value})
            assert answer.status == 200, (name, value)


def test_many_requests_at_once_do_not_mix_up_who_asks(cast):
    people = {name: getattr(cast, name) for name in ("alice", "bob", "chelsea")}
    wrong, barrier = [], threading.Barrier(len(people))

    def ask(name, person):
        barrier.wait()
        for _ in range(10):
            answer = person.get("/v1/users/current").json
            if answer.get("email") != f"{name}@example.org":
                wrong.append((name, answer))

    threads = [threading.Thread(target=ask, args=each) for each in people.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_actor_is_read_anew_for_each_request(cast):
    chelsea = cast.chelsea
    number = cast.users["chelsea"]["id"]
    cast.alice.post(f"{ONE}/assignments/viewer/{number}")
    assert chelsea.get(ONE).status == 200
    cast.alice.delete(f"{ONE}/assignments/viewer/{number}")
    assert chelsea.get(ONE).status == 403
    assert reads.get(Actor.ref(keys.actor(number))).grants is None
