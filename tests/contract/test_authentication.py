"""Who asks: the credentials that a request may carry, in Central's order, good and bad."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest

from sheaf.access.sessions import Session
from sheaf.access.users import Email
from sheaf.db import keys, reads
from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import PASSWORD, audits, stored

ME = "/v1/users/current"
PROJECTS = "/v1/projects"
HTTPS_ONLY = {
    "message": "This authentication method is only available over HTTPS",
    "code": 401.3,
}
UNKNOWN = "a" * 64
PLAIN = {"x-forwarded-proto": "http"}


def token_of(person) -> str:
    return person.headers["authorization"].removeprefix("Bearer ")


def basic(text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    return f"Basic {b64encode(raw).decode()}"


GOOD = basic(f"alice@example.org:{PASSWORD}")


@pytest.fixture
def said(cast):
    """Ask who one is, with these headers."""
    _ = cast.alice

    def ask(path=ME, /, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cast.api.get(path, headers=named)

    return ask


@pytest.fixture
def key(cast):
    """The token of an app user that may read project 1."""
    token = cast.token("unassigned")
    path = f"{PROJECTS}/1/assignments/viewer/{cast.users['unassigned']['id']}"
    assert cast.alice.post(path).status == 200
    return token


def test_a_bearer_token_says_who_asks(cast, said):
    token = token_of(cast.alice)
    for scheme in ("Bearer", "bearer", "BEARER"):
        answer = said(authorization=f"{scheme} {token}")
        assert (answer.status, answer.json["email"]) == (200, "alice@example.org")
    assert said(authorization=f"Bearer {token}", **{"x-forwarded-proto": "http"}).status == 200


def test_malformed_bearer_tokens_say_nothing(cast, said):
    token = token_of(cast.alice)
    for value in (
        UNKNOWN,
        "",
        " ",
        f" {token}",
        f"{token} ",
        f"{token}, {token}",
        token[:-1],
        token.swapcase(),
        "undefined",
        "é😀",
        "\0",
        "x" * 9000,
    ):
        answer = said(authorization=f"Bearer {value}")
        assert (answer.status, answer.json) == (401, ANONYMOUS), value


def test_unknown_schemes_say_nothing_and_hide_the_cookie(cast, said):
    cookie = f"__Host-session={quote(token_of(cast.alice), safe='')}"
    assert said(cookie=cookie).status == 200
    for value in ("Digest username=alice", "Bearer", "Basic", "Token abc", token_of(cast.alice)):
        answer = said(authorization=value, cookie=cookie)
        assert (answer.status, answer.json) == (401, ANONYMOUS), value
    assert said(authorization="", cookie=cookie).status == 200, "a blank header is none"


def test_basic_says_who_asks_and_opens_no_session(cast, said):
    before = stored()
    for value in (
        GOOD,
        GOOD.replace("Basic", "basic"),
        GOOD.rstrip("="),
        basic(f"ALICE@example.org:{PASSWORD}"),
    ):
        answer = said(authorization=value)
        assert (answer.status, answer.json["email"]) == (200, "alice@example.org"), value
    assert stored() == before


def test_a_password_may_hold_colons(cast):
    body = {"email": "dora@example.org", "password": "a:b:c:purple-monkey: "}
    cast.alice.post("/v1/users", body)
    value = basic(f"{body['email']}:{body['password']}")
    assert cast.api.get(ME, headers={"authorization": value}).json["email"] == body["email"]


def test_malformed_basic_says_nothing(said):
    for value in (
        "Basic ",
        "Basic %%%",
        "Basic é",
        "Basic 😀",
        "Basic A",
        basic("alice@example.org"),
        basic(f":{PASSWORD}"),
        basic("alice@example.org:"),
        basic("alice@example.org:wrong"),
        basic(f"alice@example.org:{PASSWORD} "),
        basic(f"nobody@example.org:{PASSWORD}"),
        basic(b"\xff\xfe:\xff"),
        basic("\0:\0"),
        basic("é" * 600 + ":x"),
        basic(f"alice@example.org:{'x' * 6000}"),
    ):
        answer = said(authorization=value)
        assert (answer.status, answer.json) == (401, ANONYMOUS), value


def test_basic_and_cookies_want_https(cast, said):
    cookie = f"__Host-session={quote(token_of(cast.alice), safe='')}"
    for headers in ({"authorization": GOOD}, {"cookie": cookie}):
        for way in ("http", "HTTPS", ""):
            answer = said(**headers, **{"x-forwarded-proto": way})
            assert (answer.status, answer.json) == (401, HTTPS_ONLY)
        assert said(**headers).status == 200


def test_what_was_verified_once_has_no_force_when_the_password_or_the_user_is_gone(cast, said):
    old = basic(f"chelsea@example.org:{PASSWORD}")
    chelsea = cast.chelsea
    mine = f"/v1/users/{cast.users['chelsea']['id']}"
    for _ in range(2):
        assert said(authorization=old).status == 200
    new = "purple monkey dishwasher"
    assert chelsea.put(f"{mine}/password", {"old": PASSWORD, "new": new}).status == 200
    assert said(authorization=old).json == ANONYMOUS
    assert said(authorization=basic(f"chelsea@example.org:{new}")).status == 200
    assert cast.alice.delete(mine).status == 200
    assert said(authorization=basic(f"chelsea@example.org:{new}")).json == ANONYMOUS


def test_an_address_whose_user_is_gone_says_nothing(said):
    Email(*keys.email("ghost@example.org"), actor_id=999).save()
    assert said(authorization=basic(f"ghost@example.org:{PASSWORD}")).json == ANONYMOUS


def test_an_expired_session_says_nothing(cast, said):
    session = reads.get(Session.ref(keys.session(token_of(cast.alice))))
    session.expires_at = session.created_at - 1
    session.save()
    cookie = f"__Host-session={quote(token_of(cast.alice), safe='')}"
    assert said(authorization=f"Bearer {token_of(cast.alice)}").json == ANONYMOUS
    assert said(cookie=cookie).json == ANONYMOUS


def test_the_session_of_a_deleted_user_says_nothing(cast, said):
    chelsea = cast.chelsea
    cast.alice.delete(f"/v1/users/{cast.users['chelsea']['id']}")
    assert chelsea.get(ME).json == ANONYMOUS
    assert said(cookie=f"__Host-session={quote(token_of(chelsea), safe='')}").json == ANONYMOUS


def test_nobody_is_told_nothing_even_of_what_is_not_there(cast):
    _ = cast.alice
    before = stored()
    for method, path in (
        ("GET", ME),
        ("GET", "/v1/users/999"),
        ("GET", "/v1/users/abc"),
        ("PATCH", "/v1/projects/1"),
        ("DELETE", "/v1/projects/99"),
        ("GET", "/v1/projects/1/forms/nope"),
        ("POST", "/v1/projects"),
        ("POST", "/v1/assignments/nobody/nobody"),
    ):
        answer = cast.api.request(method, path, {"name": 5} if method != "GET" else None)
        assert (answer.status, answer.json) == (401, ANONYMOUS), path
    assert stored() == before


# Cookies


def test_a_cookie_says_who_reads_and_who_changes_but_not_who_posts(cast, said):
    token = quote(token_of(cast.alice), safe="")
    browser = cast.api.acting({"cookie": f"other=1; __Host-session={token}; __csrf=x"})
    assert browser.get(ME).json["email"] == "alice@example.org"
    assert browser.head(ME).status == 200
    assert browser.patch("/v1/projects/1", {"name": "A"}).status == 200
    before = stored()
    answer = browser.post(PROJECTS, {"name": "B"})
    assert (answer.status, answer.json) == (401, ANONYMOUS)
    assert stored() == before
    assert browser.delete("/v1/projects/1").json == {"success": True}


def test_unknown_and_malformed_cookies_say_nothing(cast, said):
    token = token_of(cast.alice)
    for cookie in (
        f"__Host-session={UNKNOWN}",
        "__Host-session=",
        "__Host-session",
        "=;=;;",
        f"session={token}",
        f"__host-session={token}",
        "__Host-session=%zz",
        "__Host-session=%ff%00",
        f"__Host-session={'x' * 9000}",
        "😀=😀",
    ):
        answer = said(cookie=cookie)
        assert (answer.status, answer.json) == (401, ANONYMOUS), cookie
    assert said(cookie=f"__Host-session={token}").status == 200, "unquoted is right too"


@pytest.fixture
def browser(cast):
    """Alice's browser and the CSRF token of its session."""
    _ = cast.alice
    body = {"email": "alice@example.org", "password": PASSWORD}
    opened = cast.api.post("/v1/sessions", body).json
    cookie = f"__Host-session={quote(opened['token'], safe='')}"
    return cast.api.acting({"cookie": cookie}), opened["csrf"]


def test_a_script_of_our_own_origin_may_post(browser):
    client, _ = browser
    own = {"X-Requested-With": "XMLHttpRequest"}
    assert client.post(PROJECTS, {"name": "B"}, headers=own).status == 200
    for other in ("xmlhttprequest", "", "fetch"):
        answer = client.post(PROJECTS, {"name": "B"}, headers={"X-Requested-With": other})
        assert answer.json == ANONYMOUS


def test_the_token_in_json_lets_a_browser_post(browser):
    client, csrf = browser
    for given in (csrf, quote(csrf, safe="")):
        assert client.post(PROJECTS, {"name": "B", "__csrf": given}).json["name"] == "B"
    for given in ("", "nope", None, 5, [csrf], {"a": csrf}, csrf[:-1], csrf + "=", csrf.lower()):
        answer = client.post(PROJECTS, {"name": "B", "__csrf": given})
        assert (answer.status, answer.json) == (401, ANONYMOUS), given
    assert [row["details"] for row in audits("project.create")[1:]] == [
        {"data": {"name": "B"}},
        {"data": {"name": "B"}},
    ]


def test_the_token_in_a_form_lets_a_browser_post(browser):
    client, csrf = browser
    where = "/v1/assignments/viewer/5"
    form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}

    def send(body):
        return client.post(where, body.encode(), headers=form).status

    for wrong in ("", "__csrf=", "__csrf=nope", f"_csrf={csrf}", "__csrf", "&&==%zz", "\ufffd"):
        assert send(wrong) == 401, wrong
    assert send(f"a=b&__csrf={quote(csrf, safe='')}") == 200
    assert client.post(where, f"__csrf={csrf}".encode()).status == 401, "of no known kind"


def test_the_token_in_a_multipart_field_lets_a_browser_post(browser):
    client, csrf = browser
    where = "/v1/assignments/viewer/5"

    def send(*parts, boundary="X", kind='multipart/form-data; boundary="X"'):
        body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
        return client.post(where, body.encode(), headers={"content-type": kind}).status

    name = 'Content-Disposition: form-data; name="__csrf"'
    other = 'Content-Disposition: form-data; name="a"; filename="f"\r\n\r\nzzz'
    for parts in (
        (),
        (other,),
        (f"{name}\r\n\r\nnope",),
        (f"{name}\r\n\r\n",),
        (name,),
        (f'{name}; filename="f"\r\n\r\n{csrf}',),
        (f"{other}\r\n{name}\r\n\r\n{csrf}",),
    ):
        assert send(*parts) == 401, parts
    whole = f"{name}\r\n\r\n{csrf}"
    assert send(whole, kind="multipart/form-data") == 401
    assert send(whole, kind='multipart/form-data; boundary=""') == 401
    assert send(whole, kind="multipart/form-data; boundary=Y") == 401
    assert send(other, f"Content-Type: text/plain\r\n{whole}") == 200
    client.delete(where)
    assert send(whole, kind="Multipart/Form-Data; charset=utf-8; Boundary=X") == 200


def test_xml_posted_with_a_cookie_alone_is_refused(cast, browser):
    from tests.cast import xml

    client, csrf = browser
    cast.form()
    body = xml("one", name=csrf)
    for kind in ("text/xml", "application/xml", "text/plain"):
        answer = client.post(cast.SUBMISSIONS, body, headers={"content-type": kind})
        assert (answer.status, answer.json) == (401, ANONYMOUS)
    answer = client.post(cast.SUBMISSIONS, body, headers={"X-Requested-With": "XMLHttpRequest"})
    assert answer.status == 200


def test_broken_json_posted_with_a_cookie_is_told(browser):
    client, _ = browser
    answer = client.post(PROJECTS, b"{nope", headers={"content-type": "application/json"})
    assert (answer.status, answer.json["code"]) == (400, 400.1)


# Tokens in the address


def test_the_token_of_an_app_user_may_stand_in_the_query(cast, key):
    answer = cast.api.get(f"{PROJECTS}/1?st={quote(key, safe='')}")
    assert (answer.status, answer.json["id"]) == (200, 1)
    assert cast.api.get(f"{PROJECTS}/1?st={key}").status == 200
    assert cast.api.get(f"{ME}?st={key}").json == NOT_FOUND


def test_the_token_in_the_query_comes_before_all_else(cast, key):
    alice = cast.alice
    assert alice.get(f"{ME}?st={key}").json == NOT_FOUND, "the app user asks, not Alice"
    assert alice.get(f"{ME}?st={UNKNOWN}").json == FORBIDDEN
    assert alice.get(f"{ME}?st=x").json == ANONYMOUS
    cookie = {"cookie": f"__Host-session={quote(token_of(alice), safe='')}"}
    assert cast.api.get(f"{ME}?st={key}", headers=cookie).json == NOT_FOUND
    assert cast.api.get(f"{PROJECTS}/1?st={key}", headers={"authorization": "?"}).status == 200


def test_bearer_comes_before_cookies(cast):
    cookie = {"cookie": f"__Host-session={quote(token_of(cast.alice), safe='')}"}
    assert cast.chelsea.get(ME, headers=cookie).json["email"] == "chelsea@example.org"
    unknown = {"authorization": f"Bearer {UNKNOWN}"}
    assert cast.api.get(ME, headers=cookie | unknown).json == ANONYMOUS


def test_malformed_tokens_in_the_query_say_nothing(cast, key):
    for token in ("", "x", key[:-1], key + "a", "é" * 64, "a" * 63 + "%00", "a" * 63 + "_"):
        answer = cast.api.get(f"{PROJECTS}?st={token}")
        assert (answer.status, answer.json) == (401, ANONYMOUS), token


def test_unknown_tokens_and_those_of_users_in_the_query_are_forbidden(cast, key):
    session = reads.get(Session.ref(keys.session(key)))
    for token in (UNKNOWN, quote(token_of(cast.alice), safe="")):
        answer = cast.api.get(f"{PROJECTS}?st={token}")
        assert (answer.status, answer.json) == (403, FORBIDDEN)
    session.delete()
    assert cast.api.get(f"{PROJECTS}?st={key}").json == FORBIDDEN, "revoked"


def test_of_a_repeated_token_the_last_counts(cast, key):
    assert cast.api.get(f"{PROJECTS}/1?st={UNKNOWN}&st={key}").status == 200
    assert cast.api.get(f"{PROJECTS}/1?st={key}&st={UNKNOWN}").json == FORBIDDEN
