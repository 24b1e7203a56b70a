"""Users: creating, finding, changing, deleting them (Central: `/users`)."""

from __future__ import annotations

import threading
from base64 import b64encode

import pytest

from sheaf.access.actors import Actor
from sheaf.access.roles import _ADMINISTER
from sheaf.db import keys, reads
from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import PASSWORD, audits, is_time, stored

USERS = "/v1/users"
NEW = "purple monkey dishwasher"
TOO_SHORT = {
    "message": "The password or passphrase provided does not meet the required length.",
    "code": 400.21,
}
TOO_LONG = {
    "message": "The password or passphrase provided exceeds the maximum length.",
    "code": 400.38,
}
TOO_WEAK = {"message": "The password provided is too weak.", "code": 400.44}


def missing(field: str) -> dict:
    return {
        "message": f"Required parameter {field} missing.",
        "code": 400.2,
        "details": {"field": field},
    }


def no_text(field: str) -> dict:
    return {
        "message": f"Invalid input data type: expected ({field}) to be (string)",
        "code": 400.11,
        "details": {"field": field, "expected": "string"},
    }


def too_long(limit: int) -> dict:
    return {
        "message": "Length of value too long for a field",
        "code": 400.13,
        "details": {"maxLength": str(limit)},
    }


def taken(email: str) -> dict:
    return {
        "message": f"A resource already exists with email,deleted value(s) of {email},false.",
        "code": 409.3,
        "details": {
            "fields": ["email", "deleted"],
            "values": [email, "false"],
            "table": "users",
        },
    }


def path(cast, name: str) -> str:
    return f"{USERS}/{cast.users[name]['id']}"


def actee_of(cast, name: str) -> str:
    return reads.get(Actor.ref(keys.actor(cast.users[name]["id"]))).actee_id


def login(cast, email: str, password: str) -> int:
    return cast.api.post("/v1/sessions", {"email": email, "password": password}).status


# Creating


def test_a_created_user_is_shown_whole(cast):
    answer = cast.alice.post(
        USERS, {"email": "Dora@example.org", "displayName": "Dora", "password": NEW, "id": 1}
    )
    said = answer.json
    assert answer.status == 200
    assert said == {
        "email": "Dora@example.org",
        "lastLoginAt": None,
        "id": cast.users["alice"]["id"] + 1,
        "type": "user",
        "displayName": "Dora",
        "createdAt": said["createdAt"],
        "updatedAt": None,
        "deletedAt": None,
    }
    assert is_time(said["createdAt"])
    assert login(cast, "dora@EXAMPLE.org", NEW) == 200


def test_the_first_user_is_number_five(cast):
    _ = cast.alice
    assert cast.users["alice"]["id"] == 5


def test_a_created_user_stands_in_the_audit_log(cast):
    alice = cast.alice
    before = len(audits())
    dora = alice.post(
        USERS,
        {"email": "dora@example.org", "password": NEW},
        headers={"X-Action-Notes": "new%20hand"},
    ).json
    created, password = audits()[before:]
    dora_actee = reads.get(Actor.ref(keys.actor(dora["id"]))).actee_id
    assert created == {
        "actorId": cast.users["alice"]["id"],
        "action": "user.create",
        "acteeId": dora_actee,
        "details": {"data": {"actorId": dora["id"], "email": "dora@example.org", "password": None}},
        "loggedAt": created["loggedAt"],
        "notes": "new hand",
    }
    assert is_time(created["loggedAt"])
    assert password == created | {
        "action": "user.update",
        "details": {"data": {"password": True}},
        "loggedAt": password["loggedAt"],
    }


def test_who_has_no_name_is_called_by_the_address(cast):
    for number, name in enumerate((None, "")):
        email = f"d{number}@example.org"
        answer = cast.alice.post(USERS, {"email": email, "displayName": name, "password": ""})
        assert answer.json["displayName"] == email
        assert login(cast, email, "") == 400
    assert len(audits("user.update")) == 1, "alice alone has a password"


def test_a_new_user_must_be_well_described(cast):
    alice = cast.alice
    before = stored()
    email = {"email": "dora@example.org"}
    for body, problem in (
        ({}, missing("email")),
        ({"email": None}, missing("email")),
        ({"email": ""}, missing("email")),
        ({"email": 5}, no_text("email")),
        ({"email": ["dora@example.org"]}, no_text("email")),
        ({"email": "do\0ra@example.org"}, no_text("email")),
        ({"email": "d" * 321}, too_long(320)),
        ({"email": "🦄" * 300, "displayName": "U"}, too_long(320)),
        ({"email": "d" * 65}, too_long(64)),
        (email | {"displayName": 5}, no_text("displayName")),
        (email | {"displayName": {"a": 1}}, no_text("displayName")),
        (email | {"displayName": "D\0ra"}, no_text("displayName")),
        (email | {"displayName": "D" * 65}, too_long(64)),
        (email | {"password": 1234567890}, no_text("password")),
        (email | {"password": []}, no_text("password")),
        (email | {"password": {}}, no_text("password")),
        (email | {"password": NEW + "\0"}, no_text("password")),
        (email | {"password": "Xk7$9q!zP"}, TOO_SHORT),
        (email | {"password": NEW * 3 + "x"}, TOO_LONG),
        (email | {"password": "é" * 37}, TOO_LONG),
        (email | {"password": "password123"}, TOO_WEAK),
    ):
        answer = alice.post(USERS, body)
        assert (answer.status, answer.json) == (400, problem), body
    assert stored() == before


def test_an_address_and_a_name_may_be_as_long_as_their_columns(cast):
    body = {"email": "é" * 320, "displayName": "🦄" * 64}
    answer = cast.alice.post(USERS, body)
    assert (answer.status, answer.json["email"], answer.json["displayName"]) == (
        200,
        body["email"],
        body["displayName"],
    )


def test_an_address_is_taken_once_whatever_its_case(cast):
    alice = cast.alice
    before = stored("A#"), audits()
    answer = alice.post(USERS, {"email": "ALICE@example.org", "password": NEW})
    assert (answer.status, answer.json) == (409, taken("ALICE@example.org"))
    assert (stored("A#"), audits()) == before


def test_of_many_who_want_an_address_one_gets_it(cast):
    alice, answers = cast.alice, []
    barrier = threading.Barrier(4)

    def create():
        barrier.wait()
        answers.append(alice.post(USERS, {"email": "dora@example.org"}))

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409]
    assert len(audits("user.create")) == 2
    assert [each["email"] for each in alice.get(USERS).json] == [
        "alice@example.org",
        "dora@example.org",
    ]


def test_only_administrators_create_users(cast):
    before = len(audits("user.create"))
    assert cast.api.post(USERS, {"email": "d@example.org"}).json == ANONYMOUS
    for person in (cast.chelsea, cast.bob):
        answer = person.post(USERS, {"email": 5})
        assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert len(audits("user.create")) == before + 3, "alice, bob and chelsea themselves"


# Finding


def test_users_are_listed_by_address(cast):
    alice = cast.alice
    for email, name in (("zoe@example.org", "Anna"), ("BOB@example.org", "Zed")):
        alice.post(USERS, {"email": email, "displayName": name})
    answer = alice.get(USERS)
    assert answer.status == 200
    assert [each["email"] for each in answer.json] == [
        "alice@example.org",
        "BOB@example.org",
        "zoe@example.org",
    ]
    assert answer.json[0] == alice.get("/v1/users/current").json


def test_users_are_found_by_words_of_name_or_address(cast):
    alice = cast.alice
    for email, name in (("zoe@survey.net", "Anna Lee"), ("anna@example.org", "Zed")):
        alice.post(USERS, {"email": email, "displayName": name})

    def found(query):
        return [each["email"] for each in alice.get(f"{USERS}?q={query}").json]

    everybody = ["alice@example.org", "anna@example.org", "zoe@survey.net"]
    assert found("ANNA") == ["anna@example.org", "zoe@survey.net"]
    assert found("anna%20survey") == ["zoe@survey.net", "anna@example.org"]
    assert found("anna+lee") == ["zoe@survey.net", "anna@example.org"]
    assert found("") == found("%20") == everybody
    assert found("nobody") == []
    assert found("anna@EXAMPLE.org") == ["anna@example.org"]
    assert found("x" * 5000) == found("%00") == found("%ED%A0%80") == []


def test_who_may_not_list_users_finds_one_by_the_whole_address(cast):
    alice, chelsea = cast.alice.get("/v1/users/current").json, cast.chelsea
    for query in ("", "?q=", "?q=alice", "?q=example.org", "?q=nobody@example.org"):
        assert chelsea.get(USERS + query).json == []
    assert chelsea.get(f"{USERS}?q=ALICE@example.org").json == [alice]
    assert chelsea.get(f"{USERS}?q=x&q=alice@example.org").json == [alice]
    for query in ("", "?q=alice@example.org"):
        assert cast.api.get(USERS + query).json == ANONYMOUS


def test_a_user_is_shown_to_administrators_and_to_himself(cast):
    alice, chelsea = cast.alice, cast.chelsea
    known = alice.get(path(cast, "chelsea"))
    assert known.status == 200
    assert known.json == cast.users["chelsea"] | {"lastLoginAt": known.json["lastLoginAt"]}
    assert is_time(known.json["lastLoginAt"])
    assert chelsea.get(path(cast, "chelsea")).json == known.json
    assert chelsea.get("/v1/users/current").json == known.json
    answer = chelsea.get(path(cast, "alice"))
    assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert cast.api.get(path(cast, "alice")).json == ANONYMOUS


def test_the_current_user_learns_his_sitewide_verbs(cast):
    extended = {"X-Extended-Metadata": "TRUE"}
    alice = cast.alice.get("/v1/users/current", headers=extended).json
    plain = cast.alice.get("/v1/users/current").json
    assert set(alice.pop("verbs")) == set(_ADMINISTER)
    assert alice.pop("preferences") == {"site": {}, "projects": {}}
    assert alice == plain
    bob = cast.bob.get("/v1/users/current", headers=extended).json
    assert (bob["verbs"], bob["preferences"]) == ([], {"site": {}, "projects": {}})
    assert cast.api.get("/v1/users/current").json == ANONYMOUS


METHODS = ("get", "patch", "delete")


@pytest.mark.parametrize("suffix", ["", "/password"])
def test_a_user_who_is_not_there_is_not_found(cast, suffix):
    alice = cast.alice
    before = stored()
    calls = [getattr(alice, method) for method in METHODS] if not suffix else [alice.put]
    for call in calls:
        for number in ("999", "-5", "0", "2147483647"):
            answer = call(f"{USERS}/{number}{suffix}", {})
            assert (answer.status, answer.json) == (404, NOT_FOUND), number
        for number in ("abc", "5x", "1.5", "%20", "%D9%A5", "5%00", "+5", "😀"):
            answer = call(f"{USERS}/{number}{suffix}", {})
            assert (answer.status, answer.json["code"]) == (400, 400.11), number
        for number in ("2147483648", "-99999999999", "9" * 5000):
            answer = call(f"{USERS}/{number}{suffix}", {})
            assert (answer.status, answer.json["code"]) == (400, 400.22), number
    assert stored() == before


def test_ids_that_are_no_numbers_are_told_apart(cast):
    assert cast.alice.get(f"{USERS}/abc").json == {
        "message": 'Invalid input data type: expected "abc" to be (type integer)',
        "code": 400.11,
        "details": {"value": "abc", "expected": "type integer"},
    }
    assert cast.alice.get(f"{USERS}/99999999999").json == {
        "message": "Provided value '99999999999' is out of range for type 'integer'",
        "code": 400.22,
        "details": {"value": "99999999999", "type": "integer"},
    }


# Changing


def test_a_user_changes_name_and_address(cast):
    chelsea = cast.chelsea
    before = chelsea.get("/v1/users/current").json
    answer = chelsea.patch(
        path(cast, "chelsea"),
        {
            "email": "Chels@example.org",
            "displayName": "Chels",
            "id": 1,
            "type": "singleUse",
            "password": "short",
            "createdAt": None,
            "deletedAt": "now",
        },
        headers={"X-Action-Notes": "married"},
    )
    assert answer.status == 200
    assert answer.json == before | {
        "email": "Chels@example.org",
        "displayName": "Chels",
        "updatedAt": answer.json["updatedAt"],
    }
    assert answer.json["updatedAt"] > before["createdAt"]
    assert chelsea.get("/v1/users/current").json == answer.json
    assert login(cast, "chelsea@example.org", PASSWORD) == 401
    assert login(cast, "chels@example.org", PASSWORD) == 200
    row = audits("user.update")[-1]
    assert row == {
        "actorId": cast.users["chelsea"]["id"],
        "action": "user.update",
        "acteeId": actee_of(cast, "chelsea"),
        "details": {"data": {"email": "Chels@example.org", "displayName": "Chels"}},
        "loggedAt": row["loggedAt"],
        "notes": "married",
    }
    assert cast.alice.post(USERS, {"email": "chelsea@example.org"}).status == 200


def test_an_address_may_change_its_case_alone(cast):
    chelsea = cast.chelsea
    answer = chelsea.patch(path(cast, "chelsea"), {"email": "CHELSEA@example.org"})
    assert (answer.status, answer.json["email"]) == (200, "CHELSEA@example.org")
    assert login(cast, "chelsea@example.org", PASSWORD) == 200
    assert len(stored("EMAILS")) == 2


def test_a_change_of_nothing_is_still_a_change(cast):
    chelsea = cast.chelsea
    before = chelsea.get("/v1/users/current").json
    after = chelsea.patch(path(cast, "chelsea"), {}).json
    assert after == before | {"updatedAt": after["updatedAt"]}
    assert is_time(after["updatedAt"])
    assert audits("user.update")[-1]["details"] == {"data": {}}


def test_a_change_must_be_well_described(cast):
    chelsea = cast.chelsea
    before = stored()
    for body, problem in (
        ({"email": None}, missing("email")),
        ({"email": ""}, missing("email")),
        ({"email": 5}, no_text("email")),
        ({"email": "d" * 321}, too_long(320)),
        ({"email": "🦄" * 300}, too_long(320)),
        ({"displayName": None}, missing("displayName")),
        ({"displayName": False}, no_text("displayName")),
        ({"displayName": "D" * 65}, too_long(64)),
        ({"displayName": "D\0ra"}, no_text("displayName")),
    ):
        answer = chelsea.patch(path(cast, "chelsea"), body)
        assert (answer.status, answer.json) == (400, problem), body
    answer = chelsea.patch(path(cast, "chelsea"), {"email": "Alice@example.org"})
    assert (answer.status, answer.json) == (409, taken("Alice@example.org"))
    assert stored() == before


def test_of_two_who_want_the_same_address_one_moves_there(cast):
    _ = cast.chelsea, cast.bob
    answers, barrier = {}, threading.Barrier(2)

    def move(name, person):
        barrier.wait()
        answers[name] = person.patch(path(cast, name), {"email": "new@example.org"}).status

    people = {"chelsea": cast.chelsea, "bob": cast.bob}
    threads = [threading.Thread(target=move, args=each) for each in people.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers.values()) == [200, 409]
    (loser,) = [name for name, status in answers.items() if status == 409]
    assert login(cast, f"{loser}@example.org", PASSWORD) == 200
    assert login(cast, "new@example.org", PASSWORD) == 200
    assert len(stored("EMAILS")) == 3


def test_two_moves_of_one_user_leave_one_address(cast):
    _ = cast.chelsea
    answers, barrier = [], threading.Barrier(2)

    def move(email):
        barrier.wait()
        answers.append(cast.chelsea.patch(path(cast, "chelsea"), {"email": email}).status)

    threads = [threading.Thread(target=move, args=(f"{n}@example.org",)) for n in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(answers) <= {200, 503}
    assert 200 in answers
    email = cast.chelsea.get("/v1/users/current").json["email"]
    assert sorted(item["sk"]["S"] for item in stored("EMAILS")) == sorted(
        ["alice@example.org", email]
    )


def test_others_are_changed_by_administrators_alone(cast):
    before = cast.alice.get("/v1/users/current").json
    chelsea = cast.chelsea
    answer = chelsea.patch(path(cast, "alice"), {"displayName": 5})
    assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert cast.api.patch(path(cast, "alice"), {}).json == ANONYMOUS
    assert cast.alice.get("/v1/users/current").json == before
    renamed = cast.alice.patch(path(cast, "chelsea"), {"displayName": "C"})
    assert (renamed.status, renamed.json["displayName"]) == (200, "C")


# Passwords


def test_a_password_is_changed_by_showing_the_old_one(cast):
    chelsea, other = cast.chelsea, cast.login("chelsea")
    alice = cast.alice
    answer = chelsea.put(
        f"{path(cast, 'chelsea')}/password",
        {"old": PASSWORD, "new": NEW},
        headers={"X-Action-Notes": "monthly"},
    )
    assert (answer.status, answer.json) == (200, {"success": True})
    assert login(cast, "chelsea@example.org", PASSWORD) == 401
    assert login(cast, "chelsea@example.org", NEW) == 200
    assert chelsea.get("/v1/users/current").status == 200, "the session that did it lives on"
    assert other.get("/v1/users/current").json == ANONYMOUS
    assert alice.get("/v1/users/current").status == 200
    row = audits("user.update")[-1]
    assert row == {
        "actorId": cast.users["chelsea"]["id"],
        "action": "user.update",
        "acteeId": actee_of(cast, "chelsea"),
        "details": {"data": {"password": True}},
        "loggedAt": row["loggedAt"],
        "notes": "monthly",
    }


def test_a_password_changed_without_a_session_ends_all(cast):
    chelsea = cast.chelsea
    old, new = (
        {"authorization": "Basic " + b64encode(f"chelsea@example.org:{each}".encode()).decode()}
        for each in (PASSWORD, NEW)
    )
    where = f"{path(cast, 'chelsea')}/password"
    basic = cast.api.acting(old)
    assert basic.get("/v1/users/current").status == 200
    assert basic.put(where, {"old": PASSWORD, "new": NEW}).json == {"success": True}
    assert chelsea.get("/v1/users/current").json == ANONYMOUS
    assert basic.get("/v1/users/current").json == ANONYMOUS, "a remembered proof has no force"
    assert cast.api.acting(new).get("/v1/users/current").status == 200


def test_an_administrator_needs_the_old_password_too(cast):
    _ = cast.chelsea
    where = f"{path(cast, 'chelsea')}/password"
    assert cast.alice.put(where, {"old": "?", "new": NEW}).json == ANONYMOUS
    assert cast.alice.put(where, {"old": PASSWORD, "new": NEW}).json == {"success": True}
    assert cast.chelsea.get("/v1/users/current").json == ANONYMOUS
    assert cast.alice.get("/v1/users/current").status == 200


def test_a_change_of_password_must_be_well_described(cast):
    chelsea = cast.chelsea
    before = stored()
    where = f"{path(cast, 'chelsea')}/password"
    for old in ({}, {"old": None}, {"old": 5}, {"old": [PASSWORD]}, {"old": NEW}, {"old": ""}):
        answer = chelsea.put(where, {"new": NEW} | old)
        assert (answer.status, answer.json) == (401, ANONYMOUS), old
    for new, problem in (
        ({}, missing("new")),
        ({"new": None}, missing("new")),
        ({"new": 1234567890}, no_text("new")),
        ({"new": NEW + "\0"}, no_text("new")),
        ({"new": ""}, TOO_SHORT),
        ({"new": "Xk7$9q!zP"}, TOO_SHORT),
        ({"new": NEW * 4}, TOO_LONG),
        ({"new": "aaaaaaaaaaaa"}, TOO_WEAK),
    ):
        answer = chelsea.put(where, {"old": PASSWORD} | new)
        assert (answer.status, answer.json) == (400, problem), new
    assert stored() == before


def test_others_passwords_are_not_ones_own(cast):
    answer = cast.chelsea.put(f"{path(cast, 'alice')}/password", {"old": PASSWORD, "new": NEW})
    assert (answer.status, answer.json) == (403, FORBIDDEN)
    answer = cast.api.put(f"{path(cast, 'alice')}/password", {"old": PASSWORD, "new": NEW})
    assert (answer.status, answer.json) == (401, ANONYMOUS)


def test_of_two_changes_of_a_password_one_holds(cast):
    _ = cast.chelsea
    answers, barrier = {}, threading.Barrier(2)
    where = f"{path(cast, 'chelsea')}/password"

    def change(password):
        barrier.wait()
        answers[password] = cast.chelsea.put(where, {"old": PASSWORD, "new": password}).status

    threads = [threading.Thread(target=change, args=(NEW + n,)) for n in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers.values()) == [200, 401]
    for password, status in answers.items():
        assert login(cast, "chelsea@example.org", password) == status


# Deleting


def test_a_deleted_user_is_gone_with_all_rights(cast):
    bob, alice = cast.bob, cast.alice
    actee = actee_of(cast, "bob")
    answer = alice.delete(path(cast, "bob"), headers={"X-Action-Notes": "left%20us"})
    assert (answer.status, answer.json) == (200, {"success": True})
    assert bob.get("/v1/users/current").json == ANONYMOUS
    assert login(cast, "bob@example.org", PASSWORD) == 401
    assert alice.get(path(cast, "bob")).json == NOT_FOUND
    assert [each["email"] for each in alice.get(USERS).json] == ["alice@example.org"]
    assert alice.get("/v1/projects/1/assignments").json == []
    assert alice.get("/v1/projects/1/assignments/manager").json == []
    (row,) = audits("user.delete")
    assert row == {
        "actorId": cast.users["alice"]["id"],
        "action": "user.delete",
        "acteeId": actee,
        "details": None,
        "loggedAt": row["loggedAt"],
        "notes": "left us",
    }
    again = alice.delete(path(cast, "bob"))
    assert (again.status, again.json) == (404, NOT_FOUND)
    successor = alice.post(USERS, {"email": "bob@example.org"})
    assert successor.status == 200
    assert successor.json["id"] != cast.users["bob"]["id"]
    (item,) = stored(f"A#{cast.users['bob']['id']}")
    assert not {"p", "g"} & set(item), "neither the password nor the rights are kept"


def test_of_many_deletions_one_is_told(cast):
    _ = cast.chelsea
    answers, barrier = [], threading.Barrier(4)

    def delete():
        barrier.wait()
        answers.append(cast.alice.delete(path(cast, "chelsea")).status)

    threads = [threading.Thread(target=delete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 404, 404, 404]
    assert len(audits("user.delete")) == 1


def test_only_administrators_delete_users(cast):
    chelsea = cast.chelsea
    for name in ("alice", "chelsea"):
        answer = chelsea.delete(path(cast, name))
        assert (answer.status, answer.json) == (403, FORBIDDEN)
        assert cast.api.delete(path(cast, name)).json == ANONYMOUS
    assert audits("user.delete") == []
