"""App users: tokens for a project's devices (Central: `/projects/:id/app-users`)."""

from __future__ import annotations

import re
import threading

import pytest

from sheaf import clock
from sheaf.access.actors import Actor
from sheaf.db import keys, reads
from sheaf.submissions import senders
from tests.answers import ANONYMOUS, DONE, FORBIDDEN, NOT_FOUND
from tests.cast import FORM, audits, is_time, stored, xml

APP_USERS = "/v1/projects/1/app-users"
FORMS = "/v1/projects/1/forms"
SUBMISSIONS = f"{FORMS}/{FORM}/submissions"
TOKEN = re.compile("[A-Za-z0-9!$]{64}")
NEVER = "9999-12-31T23:59:59.000Z"
EXTENDED = {"X-Extended-Metadata": "true"}


def create(by, name="Tablet 7", **rest):
    answer = by.post(APP_USERS, {"displayName": name}, **rest)
    assert answer.status == 200, answer.text
    return answer.json


def listed(cast, **headers):
    answer = cast.alice.get(APP_USERS, headers=headers)
    assert answer.status == 200, answer.text
    return answer.json


def actor(made) -> Actor:
    return reads.get(Actor.ref(keys.actor(made["id"])))


def assign(cast, made, form=FORM):
    path = f"{FORMS}/{form}/assignments/app-user/{made['id']}"
    assert cast.alice.post(path).json == DONE


def by_key(made, path):
    return path.replace("/v1/", f"/v1/key/{made['token']}/", 1)


def test_a_manager_creates_an_app_user_and_learns_its_token(cast):
    answer = cast.bob.post(APP_USERS, {"displayName": "Tablet 7", "token": "mine", "id": 3})
    made = answer.json
    assert answer.status == 200
    assert made == {
        "projectId": 1,
        "id": made["id"],
        "type": "field_key",
        "displayName": "Tablet 7",
        "createdAt": made["createdAt"],
        "updatedAt": None,
        "deletedAt": None,
        "token": made["token"],
        "csrf": made["csrf"],
        "expiresAt": NEVER,
    }
    assert list(made) == [
        "projectId", "id", "type", "displayName", "createdAt", "updatedAt", "deletedAt", "token",
        "csrf", "expiresAt",
    ]  # fmt: skip
    assert is_time(made["createdAt"])
    assert TOKEN.fullmatch(made["token"])
    assert TOKEN.fullmatch(made["csrf"])
    assert made["id"] not in {user["id"] for user in cast.users.values()}


def test_its_making_is_told_in_the_audit_log(cast):
    made = create(cast.bob, headers={"X-Action-Notes": "for%20the%20survey"})
    (row,) = audits("field_key.create")
    assert row == {
        "actorId": cast.users["bob"]["id"],
        "action": "field_key.create",
        "acteeId": actor(made).actee_id,
        "details": None,
        "loggedAt": row["loggedAt"],
        "notes": "for the survey",
    }
    assert [each["action"] for each in audits() if each["actorId"] == row["actorId"]] == [
        "user.session.create",
        "field_key.create",
    ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, (400.2, "Required parameter displayName missing.")),
        ({"displayName": None}, (400.2, "Required parameter displayName missing.")),
        (
            {"displayName": 5},
            (400.11, "Invalid input data type: expected (displayName) to be (string)"),
        ),
        ({"displayName": "x" * 65}, (400.13, "Length of value too long for a field")),
        (b"{", (400.1, "Could not parse the given data (1 chars) as json.")),
    ],
)
def test_a_name_is_wanted_that_central_could_keep(cast, body, told):
    alice = cast.alice
    before = stored()
    answer = alice.post(APP_USERS, body, {"content-type": "application/json"})
    assert (answer.status, answer.json["code"], answer.json["message"]) == (400, *told)
    assert [item for item in stored() if item not in before] == []


def test_a_name_may_be_long_odd_or_borne_twice(cast):
    for name in ("x" * 64, "é 🦄", "", "Tablet 7", "Tablet 7"):
        assert create(cast.alice, name)["displayName"] == name
    assert len(listed(cast)) == 5


def test_tokens_lie_hashed_and_sealed_in_the_table(cast):
    made = create(cast.alice)
    table = repr(stored())
    assert made["token"] not in table
    assert actor(made).sealed is not None


def test_the_list_has_the_newest_first_with_their_tokens(cast):
    made = [create(cast.alice, name) for name in ("one", "two", "three")]
    for person in (cast.alice, cast.bob):
        answer = person.get(APP_USERS)
        assert answer.status == 200
        assert answer.json == [
            {name: each[name] for name in each if name not in ("csrf", "expiresAt")}
            for each in reversed(made)
        ]
        assert list(answer.json[0]) == [
            "projectId", "id", "type", "displayName", "createdAt", "updatedAt", "deletedAt",
            "token",
        ]  # fmt: skip


def test_the_extended_list_tells_who_made_them_and_when_they_last_sent(cast):
    cast.form()
    one = create(cast.bob, "one")
    create(cast.alice, "two")
    assign(cast, one)
    sent = cast.api.post(by_key(one, SUBMISSIONS), xml("uuid:1")).json
    second, first = listed(cast, **EXTENDED)
    maker = cast.alice.get(f"/v1/users/{cast.users['bob']['id']}").json
    assert first == {
        **{name: one[name] for name in one if name not in ("csrf", "expiresAt")},
        "createdBy": {name: maker[name] for name in maker if name not in ("email", "lastLoginAt")},
        "lastUsed": sent["createdAt"],
    }
    assert list(first)[-3:] == ["token", "createdBy", "lastUsed"]
    assert (second["displayName"], second["createdBy"]["displayName"]) == ("two", "Alice")
    assert second["lastUsed"] is None


def test_when_an_app_user_last_sent_is_true_to_five_minutes(cast, monkeypatch):
    cast.form()
    made = create(cast.alice)
    assign(cast, made)
    real = clock.micros

    def send(instance_id, later):
        monkeypatch.setattr(clock, "micros", lambda: real() + later)
        sent = cast.api.post(by_key(made, SUBMISSIONS), xml(instance_id))
        assert sent.status == 200, sent.text
        return sent.json["createdAt"]

    first = send("uuid:1", 0)
    send("uuid:2", senders.LAG - 60_000_000)
    assert listed(cast, **EXTENDED)[0]["lastUsed"] == first
    third = send("uuid:3", senders.LAG + 60_000_000)
    assert listed(cast, **EXTENDED)[0]["lastUsed"] == third
    assert actor(made).updated_at is None


def test_what_is_refused_is_no_use(cast):
    cast.form()
    made = create(cast.alice)
    assign(cast, made)
    cast.submit("uuid:1")
    taken = cast.api.post(by_key(made, SUBMISSIONS), xml("uuid:1"))
    assert taken.json["code"] == 409.3
    assert listed(cast, **EXTENDED)[0]["lastUsed"] is None


def test_a_project_lists_its_own_alone(cast):
    alice = cast.alice
    other = alice.post("/v1/projects", {"name": "Other"}).json["id"]
    create(alice, "ours")
    assert alice.post(f"/v1/projects/{other}/app-users", {"displayName": "theirs"}).status == 200
    assert [each["displayName"] for each in listed(cast)] == ["ours"]
    (theirs,) = alice.get(f"/v1/projects/{other}/app-users").json
    assert (theirs["displayName"], theirs["projectId"]) == ("theirs", other)


def test_a_revoked_token_is_shown_no_more_and_stands_last(cast):
    one, two, three = (create(cast.bob, name) for name in ("one", "two", "three"))
    notes = {"X-Action-Notes": "lost"}
    assert cast.bob.delete(f"/v1/sessions/{two['token']}", headers=notes).json == DONE
    shown = [(each["displayName"], each["token"]) for each in listed(cast)]
    assert shown == [("three", three["token"]), ("one", one["token"]), ("two", None)]
    extended = [each["displayName"] for each in listed(cast, **EXTENDED)]
    assert extended == ["three", "one", "two"]
    (row,) = audits("field_key.session.end")
    assert row == {
        "actorId": cast.users["bob"]["id"],
        "action": "field_key.session.end",
        "acteeId": actor(two).actee_id,
        "details": None,
        "loggedAt": row["loggedAt"],
        "notes": "lost",
    }
    gone = cast.api.get(by_key(two, FORMS + "/" + FORM))
    assert (gone.status, gone.json) == (403, FORBIDDEN)
    again = cast.bob.delete(f"/v1/sessions/{two['token']}")
    assert (again.status, again.json) == (403, FORBIDDEN)


def test_who_manages_another_project_cannot_revoke_a_token(cast):
    made = create(cast.alice)
    other = cast.alice.post("/v1/projects", {"name": "Other"}).json["id"]
    chelsea = cast.chelsea
    path = f"/v1/projects/{other}/assignments/manager/{cast.users['chelsea']['id']}"
    assert cast.alice.post(path).json == DONE
    for person in (chelsea, cast.vera, cast.colin, cast.api.bearer(made["token"])):
        answer = person.delete(f"/v1/sessions/{made['token']}")
        assert (answer.status, answer.json) == (403, FORBIDDEN)
    assert listed(cast)[0]["token"] == made["token"]


def test_a_deleted_app_user_leaves_nothing_but_its_name(cast):
    cast.form()
    cast.form("other")
    made = create(cast.alice)
    for form in (FORM, "other"):
        assign(cast, made, form)
    assert cast.api.post(by_key(made, SUBMISSIONS), xml("uuid:1")).status == 200
    notes = {"X-Action-Notes": "broken"}
    answer = cast.bob.delete(f"{APP_USERS}/{made['id']}", headers=notes)
    assert (answer.status, answer.json) == (200, DONE)
    assert listed(cast) == []
    for form in (FORM, "other"):
        assert cast.alice.get(f"{FORMS}/{form}/assignments").json == []
    gone = cast.api.get(by_key(made, f"{FORMS}/{FORM}"))
    assert (gone.status, gone.json) == (403, FORBIDDEN)
    left = {item["pk"]["S"][0] for item in stored() if item.get("i") == {"N": str(made["id"])}}
    assert left == {"A", "O"}, "itself, and its name for the audit log: no token, no assignment"
    (shown,) = cast.alice.get(SUBMISSIONS, headers=EXTENDED).json
    assert shown["submitter"]["displayName"] == "Tablet 7"
    assert is_time(shown["submitter"]["deletedAt"])

    (row,) = audits("field_key.delete")
    assert row == {
        "actorId": cast.users["bob"]["id"],
        "action": "field_key.delete",
        "acteeId": actor(made).actee_id,
        "details": None,
        "loggedAt": row["loggedAt"],
        "notes": "broken",
    }
    assert audits("field_key.session.end", "field_key.assignment.delete") == []
    again = cast.bob.delete(f"{APP_USERS}/{made['id']}")
    assert (again.status, again.json) == (404, NOT_FOUND)


def test_an_app_user_whose_token_was_revoked_can_be_deleted(cast):
    made = create(cast.alice)
    assert cast.alice.delete(f"/v1/sessions/{made['token']}").json == DONE
    assert cast.alice.delete(f"{APP_USERS}/{made['id']}").json == DONE
    assert listed(cast) == []


def test_an_app_user_of_more_forms_than_a_transaction_takes_can_be_deleted(cast):
    made = create(cast.alice)
    grants = {f"2:{clock.uuid()}" for _ in range(120)}
    actor(made).update(actions=[Actor.grants.set(grants)])
    assert cast.alice.delete(f"{APP_USERS}/{made['id']}").json == DONE
    assert actor(made).grants is None
    assert listed(cast) == []


def test_of_many_deletions_at_once_one_succeeds(cast):
    made, alice = create(cast.alice), cast.alice
    answers = []
    barrier = threading.Barrier(4)

    def delete():
        barrier.wait()
        answers.append(alice.delete(f"{APP_USERS}/{made['id']}").status)

    threads = [threading.Thread(target=delete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 404, 404, 404]
    assert len(audits("field_key.delete")) == 1


def test_only_what_is_an_app_user_of_the_project_can_be_deleted(cast):
    alice = cast.alice
    cast.form()
    _ = cast.link
    made = create(alice)
    other = alice.post("/v1/projects", {"name": "Other"}).json["id"]
    for path in (
        f"/v1/projects/{other}/app-users/{made['id']}",
        f"{APP_USERS}/{cast.users['alice']['id']}",
        f"{APP_USERS}/{cast.users['link']['id']}",
        f"{APP_USERS}/99999",
        f"{APP_USERS}/-1",
        f"/v1/projects/99/app-users/{made['id']}",
    ):
        answer = alice.delete(path)
        assert (answer.status, answer.json) == (404, NOT_FOUND), path
    odd = alice.delete(f"{APP_USERS}/abc")
    assert (odd.status, odd.json) == (
        400,
        {
            "message": 'Invalid input data type: expected "abc" to be (type integer)',
            "code": 400.11,
            "details": {"value": "abc", "expected": "type integer"},
        },
    )
    assert listed(cast) != []


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_project_is_looked_for_before_the_right_is_asked_and_all_else_after(cast, method):
    rest = "/abc" if method == "DELETE" else ""
    body = {} if method == "POST" else None
    for person in (cast.vera, cast.colin, cast.chelsea):
        answer = person.request(method, f"{APP_USERS}{rest}", body)
        assert (answer.status, answer.json) == (403, FORBIDDEN)
        answer = person.request(method, f"/v1/projects/99/app-users{rest}", body)
        assert (answer.status, answer.json) == (404, NOT_FOUND)
    answer = cast.api.request(method, f"/v1/projects/99/app-users{rest}", body)
    assert (answer.status, answer.json) == (401, ANONYMOUS)


def test_an_app_user_sees_nothing_of_its_project(cast):
    app_user = cast.api.bearer(create(cast.alice)["token"])
    for path in (APP_USERS, "/v1/projects/1", FORMS):
        answer = app_user.get(path)
        assert (answer.status, answer.json) == (403, FORBIDDEN), path
    assert app_user.get("/v1/projects").json == []
    me = app_user.get("/v1/users/current")
    assert (me.status, me.json) == (404, NOT_FOUND)
