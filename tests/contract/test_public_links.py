"""Public links: tokens with which anybody sends to one form (Central: `…/public-links`)."""

from __future__ import annotations

import random
import re
import threading

import pytest

from sheaf import settings
from sheaf.access.actors import Actor
from sheaf.db import keys, reads
from sheaf.forms.forms import Form
from tests.answers import ANONYMOUS, DONE, FORBIDDEN, NOT_FOUND
from tests.cast import FORM, OPENROSA, audits, is_time, multipart, stored, xform, xml

FORMS = "/v1/projects/1/forms"
LINKS = f"{FORMS}/{FORM}/public-links"
SUBMISSIONS = f"{FORMS}/{FORM}/submissions"
TOKEN = re.compile("[A-Za-z0-9!$]{64}")
NEVER = "9999-12-31T23:59:59.000Z"
EXTENDED = {"X-Extended-Metadata": "true"}
USED = {
    "message": "This link takes one submission from each device, and has had one from yours.",
    "code": 409.92,
}


@pytest.fixture(autouse=True)
def _form(cast):
    cast.form()


def create(by, name="Village meeting", **more):
    answer = by.post(LINKS, {"displayName": name} | more)
    assert answer.status == 200, answer.text
    return answer.json


def listed(cast, **headers):
    answer = cast.alice.get(LINKS, headers=headers)
    assert answer.status == 200, answer.text
    return answer.json


def actor(made) -> Actor:
    return reads.get(Actor.ref(keys.actor(made["id"])))


def send(cast, made, instance_id, device=None, **said):
    query = "" if device is None else f"?deviceID={device}"
    path = SUBMISSIONS.replace("/v1/", f"/v1/key/{made['token']}/", 1)
    return cast.api.post(path + query, xml(instance_id, **said))


def test_a_manager_creates_a_link_and_learns_its_token(cast):
    answer = cast.bob.post(LINKS, {"displayName": "Village meeting"})
    made = answer.json
    assert answer.status == 200
    assert made == {
        "once": None,
        "id": made["id"],
        "type": "public_link",
        "displayName": "Village meeting",
        "createdAt": made["createdAt"],
        "updatedAt": None,
        "deletedAt": None,
        "token": made["token"],
        "csrf": made["csrf"],
        "expiresAt": NEVER,
    }
    assert list(made) == [
        "once", "id", "type", "displayName", "createdAt", "updatedAt", "deletedAt", "token", "csrf",
        "expiresAt",
    ]  # fmt: skip
    assert is_time(made["createdAt"])
    assert TOKEN.fullmatch(made["token"])
    assert TOKEN.fullmatch(made["csrf"])
    assert made["token"] not in repr(stored())


def test_once_is_given_back_as_it_was_said(cast):
    for once in (True, False, None):
        assert create(cast.alice, once=once)["once"] is once
    assert [each["once"] for each in listed(cast)] == [None, False, True]


def test_its_making_and_its_role_are_told_in_the_audit_log(cast):
    body = {"displayName": "Village meeting", "once": True}
    made = cast.bob.post(LINKS, body, {"X-Action-Notes": "for%20all"}).json
    form = reads.get(Form.ref(keys.form(1, FORM)))
    granted, created = audits("public_link.assignment.create", "public_link.create")
    assert granted == {
        "actorId": cast.users["bob"]["id"],
        "action": "public_link.assignment.create",
        "acteeId": actor(made).actee_id,
        "details": {"roleId": 9, "grantedActeeId": form.actee_id},
        "loggedAt": granted["loggedAt"],
        "notes": "for all",
    }
    assert created == granted | {
        "action": "public_link.create",
        "details": {
            "data": {
                "actorId": made["id"],
                "createdBy": cast.users["bob"]["id"],
                "formId": form.id,
                "once": True,
            }
        },
        "loggedAt": created["loggedAt"],
    }


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, (400.2, "Required parameter displayName missing.")),
        ({"displayName": None}, (400.2, "Required parameter displayName missing.")),
        (
            {"displayName": []},
            (400.11, "Invalid input data type: expected (displayName) to be (string)"),
        ),
        ({"displayName": "x" * 65}, (400.13, "Length of value too long for a field")),
        (
            {"displayName": "x", "once": "yes"},
            (400.11, "Invalid input data type: expected (once) to be (boolean)"),
        ),
    ],
)
def test_what_makes_no_link_is_told(cast, body, told):
    alice = cast.alice
    before = stored()
    answer = alice.post(LINKS, body)
    assert (answer.status, answer.json["code"], answer.json["message"]) == (400, *told)
    assert [item for item in stored() if item not in before] == []


def test_a_link_may_be_used_at_once_and_for_its_form_alone(cast):
    cast.form("other")
    made = create(cast.alice)
    sent = send(cast, made, "uuid:1")
    assert (sent.status, sent.json["submitterId"]) == (200, made["id"])
    key = cast.api.bearer(made["token"])
    other = key.post(f"{FORMS}/other/submissions", xml("uuid:2", form="other"))
    assert (other.status, other.json) == (403, FORBIDDEN)
    assert key.get(f"{FORMS}/other.xml").json == FORBIDDEN
    assert key.get(f"{FORMS}/{FORM}.xml").status == 200
    (assigned,) = cast.alice.get(f"{FORMS}/{FORM}/assignments").json
    assert assigned == {"actorId": made["id"], "roleId": 9}
    (shown,) = cast.alice.get(SUBMISSIONS, headers=EXTENDED).json
    assert shown["submitter"]["type"] == "public_link"


def test_the_list_has_the_newest_first_with_their_tokens(cast):
    made = [create(cast.alice, name) for name in ("one", "two", "three")]
    cast.form("other")
    path = f"{FORMS}/other/public-links"
    assert cast.alice.post(path, {"displayName": "another form's"}).status == 200
    for person in (cast.alice, cast.bob):
        answer = person.get(LINKS)
        assert answer.status == 200
        assert answer.json == [
            {name: each[name] for name in each if name not in ("csrf", "expiresAt")}
            for each in reversed(made)
        ]
        assert list(answer.json[0]) == [
            "once", "id", "type", "displayName", "createdAt", "updatedAt", "deletedAt", "token",
        ]  # fmt: skip


def test_the_extended_list_tells_who_made_them(cast):
    made = create(cast.bob)
    (shown,) = listed(cast, **EXTENDED)
    maker = cast.alice.get(f"/v1/users/{cast.users['bob']['id']}").json
    assert shown == {
        **{name: made[name] for name in made if name not in ("csrf", "expiresAt")},
        "createdBy": {name: maker[name] for name in maker if name not in ("email", "lastLoginAt")},
    }
    assert list(shown)[-2:] == ["token", "createdBy"]


def test_the_links_of_a_closed_form_are_listed_and_take_nothing(cast):
    made = create(cast.alice)
    assert cast.alice.patch(f"{FORMS}/{FORM}", {"state": "closed"}).status == 200
    assert [each["token"] for each in listed(cast)] == [made["token"]]
    assert send(cast, made, "uuid:1").json["code"] == 409.2
    assert cast.api.bearer(made["token"]).get(f"{FORMS}/{FORM}.xml").json == FORBIDDEN


def test_a_revoked_link_is_shown_without_token_and_stands_last(cast):
    one, two, three = (create(cast.bob, name) for name in ("one", "two", "three"))
    assert cast.bob.delete(f"/v1/sessions/{two['token']}").json == DONE
    shown = [(each["displayName"], each["token"]) for each in listed(cast)]
    assert shown == [("three", three["token"]), ("one", one["token"]), ("two", None)]
    (row,) = audits("public_link.session.end")
    assert row == {
        "actorId": cast.users["bob"]["id"],
        "action": "public_link.session.end",
        "acteeId": actor(two).actee_id,
        "details": None,
        "loggedAt": row["loggedAt"],
        "notes": None,
    }
    answer = send(cast, two, "uuid:1")
    assert (answer.status, answer.json) == (403, FORBIDDEN)


def test_a_link_may_end_itself_as_every_actor_but_an_app_user(cast):
    made = create(cast.alice)
    assert cast.api.bearer(made["token"]).delete("/v1/sessions/current").json == DONE
    assert listed(cast)[0]["token"] is None


def test_a_deleted_link_leaves_nothing_but_its_name(cast):
    made = create(cast.alice)
    assert send(cast, made, "uuid:1").status == 200
    answer = cast.bob.delete(f"{LINKS}/{made['id']}")
    assert (answer.status, answer.json) == (200, DONE)
    assert listed(cast) == []
    assert cast.alice.get(f"{FORMS}/{FORM}/assignments").json == []
    assert send(cast, made, "uuid:2").json == FORBIDDEN
    (row,) = audits("public_link.delete")
    assert (row["actorId"], row["acteeId"], row["details"]) == (
        cast.users["bob"]["id"],
        actor(made).actee_id,
        None,
    )
    (shown,) = cast.alice.get(SUBMISSIONS, headers=EXTENDED).json
    assert shown["submitter"]["displayName"] == "Village meeting"
    again = cast.bob.delete(f"{LINKS}/{made['id']}")
    assert (again.status, again.json) == (404, NOT_FOUND)


def test_only_what_is_a_link_of_the_form_can_be_deleted(cast):
    alice = cast.alice
    cast.form("other")
    made = create(alice)
    _ = cast.app_user
    for path in (
        f"{FORMS}/other/public-links/{made['id']}",
        f"{FORMS}/nope/public-links/{made['id']}",
        f"{LINKS}/{cast.users['app_user']['id']}",
        f"{LINKS}/99999",
    ):
        answer = alice.delete(path)
        assert (answer.status, answer.json) == (404, NOT_FOUND), path
    assert alice.delete(f"{LINKS}/abc").json["code"] == 400.11


def test_the_links_of_a_deleted_form_are_gone_with_it(cast):
    made = create(cast.alice)
    assert cast.alice.delete(f"{FORMS}/{FORM}").json == DONE
    assert cast.alice.get(LINKS).json == NOT_FOUND
    assert send(cast, made, "uuid:1").json == NOT_FOUND
    anew = cast.alice.post(f"{FORMS}?publish=true&ignoreWarnings=true", xform(version="2"))
    assert anew.status == 200, anew.text
    assert listed(cast) == []
    assert send(cast, made, "uuid:1", version="2").json == FORBIDDEN


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_form_is_looked_for_before_the_right_is_asked_and_all_else_after(cast, method):
    rest = "/abc" if method == "DELETE" else ""
    body = {} if method == "POST" else None
    for person in (cast.vera, cast.colin, cast.chelsea, cast.app_user, cast.link):
        answer = person.request(method, f"{LINKS}{rest}", body)
        assert (answer.status, answer.json) == (403, FORBIDDEN)
        answer = person.request(method, f"{FORMS}/nope/public-links{rest}", body)
        assert (answer.status, answer.json) == (404, NOT_FOUND)
    answer = cast.api.request(method, f"{FORMS}/nope/public-links{rest}", body)
    assert (answer.status, answer.json) == (401, ANONYMOUS)


# Single use


def test_a_link_for_single_use_takes_one_new_submission_from_each_device(cast):
    made = create(cast.alice, once=True)
    assert send(cast, made, "uuid:1", "phone-1").status == 200
    before = stored()
    for _ in range(2):
        second = send(cast, made, "uuid:2", "phone-1")
        assert (second.status, second.json) == (409, USED)
    assert stored() == before, "nothing was done"
    assert send(cast, made, "uuid:2", "phone-2").status == 200
    assert send(cast, made, "uuid:3", "phone-2").json == USED


def test_devices_that_do_not_say_which_they_are_count_as_one(cast):
    made = create(cast.alice, once=True)
    assert send(cast, made, "uuid:1").status == 200
    assert send(cast, made, "uuid:2").json == USED
    assert send(cast, made, "uuid:2", "").json == USED
    assert send(cast, made, "uuid:2", "phone-1").status == 200


def test_the_same_submission_again_is_told_as_such(cast):
    made = create(cast.alice, once=True)
    assert send(cast, made, "uuid:1", "phone-1").status == 200
    again = send(cast, made, "uuid:1", "phone-1")
    assert (again.status, again.json["code"]) == (409, 409.3)


def test_what_was_refused_does_not_use_a_link_up(cast):
    made = create(cast.alice, once=True)
    cast.submit("uuid:1")
    assert send(cast, made, "uuid:1", "phone-1").json["code"] == 409.3
    assert send(cast, made, "uuid:2", "phone-1", version="nope").json["code"] == 404.6
    assert send(cast, made, "uuid:2", "phone-1").status == 200


def test_a_large_submission_that_is_refused_leaves_no_file(cast, aws):
    made = create(cast.alice, once=True)
    assert send(cast, made, "uuid:1").status == 200
    files = aws.client("s3").list_objects_v2(Bucket=settings.BUCKET_NAME).get("KeyCount")
    big = random.Random(7).randbytes(250_000).hex()
    assert send(cast, made, "uuid:2", name=big).json == USED
    now = aws.client("s3").list_objects_v2(Bucket=settings.BUCKET_NAME).get("KeyCount")
    assert now == files


def test_a_device_that_sends_again_and_in_batches_is_one_use(cast):
    made = create(cast.alice, once=True)
    path = f"/v1/key/{made['token']}/projects/1/submission?deviceID=phone-1"

    def post(instance_id, **files):
        body = xml(instance_id, photo="p.jpg")
        return cast.api.post(path, multipart(body, {"p.jpg": b"x"} if files else None), OPENROSA)

    assert [post("uuid:1").status, post("uuid:1", photo=True).status] == [201, 201]
    second = post("uuid:2")
    assert second.status == 409
    assert f'<message nature="error">{USED["message"]}</message>' in second.text
    assert post("uuid:1").status == 201


def test_each_link_counts_for_itself_and_files_do_not_count(cast):
    one, two = (create(cast.alice, name, once=True) for name in ("one", "two"))
    assert send(cast, one, "uuid:1", "phone-1", photo="p.jpg").status == 200
    assert send(cast, two, "uuid:2", "phone-1").status == 200
    key = cast.api.bearer(one["token"])
    assert key.post(f"{SUBMISSIONS}/uuid:1/attachments/p.jpg", b"\xff\xd8").json == DONE


def test_trying_a_draft_does_not_count(cast):
    cast.draft("trial")
    links = f"{FORMS}/trial/public-links"
    made = cast.alice.post(links, {"displayName": "Trial", "once": True}).json
    key = cast.api.bearer(made["token"])
    for number in range(2):
        sent = key.post(f"{FORMS}/trial/draft/submissions", xml(f"uuid:{number}", form="trial"))
        assert sent.status == 200, sent.text


def test_of_many_sent_at_once_from_one_device_one_is_taken(cast):
    made = create(cast.alice, once=True)
    answers = []
    barrier = threading.Barrier(4)

    def send_one(number):
        barrier.wait()
        answers.append(send(cast, made, f"uuid:{number}", "phone-1").status)

    threads = [threading.Thread(target=send_one, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 409, 409, 409]
    assert len(cast.alice.get(SUBMISSIONS).json) == 1


def test_a_link_that_is_not_for_single_use_takes_any_number(cast):
    for once in (None, False):
        made = create(cast.alice, once=once)
        for number in range(3):
            assert send(cast, made, f"uuid:{once}-{number}", "phone-1").status == 200
