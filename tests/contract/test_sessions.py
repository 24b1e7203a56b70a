"""Sessions: logging in, being remembered, logging out (Central: `/sessions`)."""

from __future__ import annotations

import re
import threading
from base64 import b64encode
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

import pytest

from sheaf.access import actors
from sheaf.access.sessions import Session
from sheaf.access.users import Email
from sheaf.db import keys, reads
from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import PASSWORD, audits, is_time, stored

SESSIONS = "/v1/sessions"
RESTORE = f"{SESSIONS}/restore"
CURRENT = f"{SESSIONS}/current"
ALICE = {"email": "alice@example.org", "password": PASSWORD}
TOKEN = re.compile("[A-Za-z0-9!$]{64}")
UNKNOWN = "a" * 64
CLEARED = [
    "__Host-session=null; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT;"
    " HttpOnly; Secure; SameSite=Strict",
    "__csrf=null; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; SameSite=Strict",
]


def token_of(person) -> str:
    return person.headers["authorization"].removeprefix("Bearer ")


def moment(iso: str) -> datetime:
    return datetime.strptime(iso, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def with_password(cast):
    """Alice without a session."""
    credentials = b64encode(f"alice@example.org:{PASSWORD}".encode()).decode()
    return cast.api.acting({"authorization": f"Basic {credentials}"})


def test_login_gives_a_token_and_two_cookies(cast):
    _ = cast.alice
    answer = cast.api.post(SESSIONS, ALICE)
    said = answer.json
    assert answer.status == 200
    assert list(said) == ["token", "csrf", "createdAt", "expiresAt"]
    assert TOKEN.fullmatch(said["token"])
    assert TOKEN.fullmatch(said["csrf"])
    assert said["token"] != said["csrf"]
    life = moment(said["expiresAt"]) - moment(said["createdAt"])
    assert life.total_seconds() == 24 * 60 * 60
    session, csrf = answer.cookies
    name, path, until, *rest = session.split("; ")
    assert unquote(name) == f"__Host-session={said['token']}"
    assert (path, rest) == ("Path=/", ["HttpOnly", "Secure", "SameSite=Strict"])
    expires = parsedate_to_datetime(until.removeprefix("Expires="))
    assert expires == moment(said["expiresAt"]).replace(microsecond=0)
    name, path, csrf_until, *rest = csrf.split("; ")
    assert unquote(name) == f"__csrf={said['csrf']}"
    assert (path, csrf_until, rest) == ("Path=/", until, ["Secure", "SameSite=Strict"])
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "*"


def test_login_is_told_in_the_audit_log_with_client_and_notes(cast):
    alice = cast.alice.get("/v1/users/current").json
    headers = {"User-Agent": "central/tests", "X-Action-Notes": "from%20home"}
    assert cast.api.post(SESSIONS, ALICE, headers=headers).status == 200
    first, row = audits("user.session.create")
    user = reads.get(actors.Actor.ref(keys.actor(alice["id"])))
    assert row == {
        "actorId": alice["id"],
        "action": "user.session.create",
        "acteeId": user.actee_id,
        "details": {"userAgent": "central/tests"},
        "loggedAt": row["loggedAt"],
        "notes": "from home",
    }
    assert is_time(row["loggedAt"])
    assert (first["details"], first["notes"]) == ({}, None)


def test_login_is_remembered_of_the_user(cast):
    alice = cast.alice
    before = alice.get("/v1/users/current").json["lastLoginAt"]
    again = cast.api.post(SESSIONS, ALICE).json
    after = alice.get("/v1/users/current").json["lastLoginAt"]
    assert before < after == again["createdAt"]


def test_an_address_is_compared_without_regard_to_case(cast):
    _ = cast.alice
    body = {"email": "aLiCe@Example.ORG", "password": PASSWORD}
    assert cast.api.post(SESSIONS, body).status == 200


def test_neither_token_nor_password_is_stored(cast):
    token = token_of(cast.alice)
    table = repr(stored())
    assert token not in table
    assert PASSWORD not in table


def test_login_without_address_or_password_tells_what_came(cast):
    for said, shown in (
        ({}, "email: undefined, password: undefined"),
        ({"email": "a@b"}, "email: 'a@b', password: undefined"),
        ({"password": "x"}, "email: undefined, password: 'x'"),
        ({"email": "a@b", "password": None}, "email: 'a@b', password: null"),
        ({"email": "", "password": "x"}, "email: '', password: 'x'"),
        ({"email": 5, "password": ""}, "email: 5, password: ''"),
        ({"email": {"a": [1]}}, """email: {"a": [1]}, password: undefined"""),
    ):
        answer = cast.api.post(SESSIONS, said | {"other": 1})
        assert answer.status == 400
        assert answer.json == {
            "message": f"Required parameters missing. Expected (email, password), got ({shown}).",
            "code": 400.3,
            "details": {"expected": ["email", "password"], "got": said},
        }


def test_wrong_credentials_are_refused_and_leave_no_trace(cast):
    _ = cast.alice
    before = stored()
    for said in (
        {"password": "wrong"},
        {"password": PASSWORD + " "},
        {"password": 123},
        {"password": []},
        {"password": {}},
        {"password": True},
        {"password": "x" * 200_000},
        {"email": "nobody@example.org"},
        {"email": 5},
        {"email": ["alice@example.org"]},
        {"email": "a" * 5000},
        {"email": "\0"},
        {"email": "é" * 600},
    ):
        answer = cast.api.post(SESSIONS, ALICE | said)
        assert (answer.status, answer.json, answer.cookies) == (401, ANONYMOUS, []), said
    assert stored() == before


def test_a_user_without_a_password_cannot_log_in(cast):
    cast.alice.post("/v1/users", {"email": "dora@example.org"})
    for password in ("None", "null", "undefined", " "):
        body = {"email": "dora@example.org", "password": password}
        assert cast.api.post(SESSIONS, body).json == ANONYMOUS


def test_an_address_whose_user_is_gone_does_not_log_in(cast):
    _ = cast.alice
    Email(*keys.email("ghost@example.org"), actor_id=999).save()
    body = {"email": "ghost@example.org", "password": PASSWORD}
    assert cast.api.post(SESSIONS, body).json == ANONYMOUS


def test_bad_notes_stop_a_login(cast):
    _ = cast.alice
    before = stored()
    answer = cast.api.post(SESSIONS, ALICE, headers={"X-Action-Notes": "%zz"})
    assert (answer.status, answer.json["code"]) == (400, 400.6)
    assert stored() == before


def test_restore_tells_of_the_session(cast):
    _ = cast.alice
    opened = cast.api.post(SESSIONS, ALICE).json
    answer = cast.api.bearer(opened["token"]).get(RESTORE)
    assert answer.status == 200
    assert answer.json == {name: opened[name] for name in ("createdAt", "expiresAt")}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["vary"] == "Accept-Encoding, Origin"


def test_restore_wants_a_session(cast):
    _ = cast.alice
    assert cast.api.get(RESTORE).json == ANONYMOUS
    basic = with_password(cast)
    assert (basic.get(RESTORE).status, basic.get(RESTORE).json) == (404, NOT_FOUND)


def test_logout_ends_the_session_and_clears_the_cookies(cast):
    alice, other = cast.alice, cast.login("alice")
    before = audits()
    answer = alice.delete(CURRENT)
    assert (answer.status, answer.json) == (200, {"success": True})
    assert answer.cookies == CLEARED
    assert alice.get("/v1/users/current").json == ANONYMOUS
    assert alice.delete(CURRENT).json == ANONYMOUS
    assert other.get("/v1/users/current").status == 200
    assert audits() == before, "a user's logout is no matter for the audit log"


def test_logout_without_a_session_is_not_found(cast):
    _ = cast.alice
    assert cast.api.delete(CURRENT).json == ANONYMOUS
    answer = with_password(cast).delete(CURRENT)
    assert (answer.status, answer.json, answer.cookies) == (404, NOT_FOUND, [])


@pytest.mark.parametrize("path", [CURRENT, None])
def test_of_many_logouts_at_once_one_succeeds(cast, path):
    alice = cast.alice
    path = path or f"{SESSIONS}/{token_of(alice)}"
    answers = []
    barrier = threading.Barrier(4)

    def log_out():
        barrier.wait()
        answers.append(alice.delete(path))

    threads = [threading.Thread(target=log_out) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sorted(answer.status for answer in answers)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {401, 403}
    assert stored("T#") == []


def test_a_session_is_ended_by_its_token(cast):
    alice, other = cast.alice, cast.login("alice")
    answer = alice.delete(f"{SESSIONS}/{token_of(other)}")
    assert (answer.status, answer.json, answer.cookies) == (200, {"success": True}, [])
    assert other.get(RESTORE).json == ANONYMOUS
    own = alice.delete(f"{SESSIONS}/{token_of(alice)}")
    assert (own.status, own.json, own.cookies) == (200, {"success": True}, CLEARED)
    assert alice.get(RESTORE).json == ANONYMOUS


def test_a_token_that_is_unknown_or_anothers_is_forbidden(cast):
    alice, chelsea = cast.alice, cast.chelsea
    for person, token in (
        (alice, UNKNOWN),
        (alice, "no token"),
        (alice, "x" * 6000),
        (alice, "%F0%9F%A6%84"),
        (chelsea, token_of(alice)),
    ):
        answer = person.delete(f"{SESSIONS}/{token}")
        assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert alice.get(RESTORE).status == 200
    assert cast.api.delete(f"{SESSIONS}/{UNKNOWN}").json == ANONYMOUS


def test_an_administrator_may_end_anothers_session(cast):
    chelsea = cast.chelsea
    assert cast.alice.delete(f"{SESSIONS}/{token_of(chelsea)}").json == {"success": True}
    assert chelsea.get(RESTORE).json == ANONYMOUS


def test_the_end_of_an_app_users_session_is_told_in_the_audit_log(cast):
    alice = cast.alice
    device, token = cast.unassigned, cast.token("unassigned")
    assert device.delete(CURRENT).json == FORBIDDEN
    assert device.delete(f"{SESSIONS}/{token}").json == FORBIDDEN
    answer = alice.delete(f"{SESSIONS}/{token}", headers={"X-Action-Notes": "lost%20it"})
    assert answer.json == {"success": True}
    (row,) = audits("field_key.session.end")
    assert (row["actorId"], row["details"], row["notes"]) == (
        cast.users["alice"]["id"],
        None,
        "lost it",
    )
    assert device.get("/v1/projects").json == ANONYMOUS


def test_a_session_expires(cast):
    alice = cast.alice
    session = reads.get(Session.ref(keys.session(token_of(alice))))
    session.expires_at = session.created_at - 1
    session.save()
    assert alice.get(RESTORE).json == ANONYMOUS
    assert alice.delete(f"{SESSIONS}/{token_of(alice)}").json == ANONYMOUS


def test_the_table_forgets_a_session_when_it_has_expired(cast):
    _ = cast.alice
    opened = cast.api.post(SESSIONS, ALICE).json
    (item,) = stored(keys.session(opened["token"])[0])
    assert int(item["ttl"]["N"]) == int(moment(opened["expiresAt"]).timestamp())
