"""The routes of hooks: rights, validation, shapes, secrets, audits."""

import pytest

from sheaf import clock, settings
from sheaf.db import keys, reads
from sheaf.hooks import events, options
from sheaf.hooks.keyring import Keyring
from sheaf.hooks.records import Hook

URL = "http://127.0.0.1:4999/in"
PROJECT = "/v1/projects/1/hooks"
BODY = {"name": "CRM", "url": URL}
NO_AUTH = {"type": "none"}


def stored(hook, form_id=1) -> Hook:
    return reads.get(Hook.ref(keys.hook(1, form_id, hook["id"])))


def keyring(hook) -> Keyring:
    return Keyring.unseal(hook["id"], stored(hook).sealed)


@pytest.mark.parametrize("role", [None, "formfill", "viewer"])
def test_only_managers_may_touch_hooks(scene, role):
    hook, person = scene.hook(URL), scene.person("Chelsea", role)
    one = f"{scene.hooks}/{hook['id']}"
    for answer in (
        person.get(scene.hooks),
        person.post(scene.hooks, BODY),
        person.get(one),
        person.patch(one, {"active": False}),
        person.delete(one),
        person.get(f"{one}/deliveries"),
        person.get(PROJECT),
        person.post(PROJECT, BODY),
    ):
        assert (answer.status, answer.json["code"]) == (403, 403.1)
    assert stored(hook).active


def test_without_credentials_nothing_is_told(scene):
    assert scene.api.get(scene.hooks).json["code"] == 401.2


@pytest.mark.parametrize("place", ["/v1/projects/1/forms/none/hooks", "/v1/projects/9/hooks"])
def test_a_form_or_project_that_is_not_there(scene, place):
    for answer in (
        scene.bob.get(place),
        scene.bob.post(place, BODY),
        scene.bob.get(f"{place}/whk_x"),
        scene.bob.get(f"{place}/whk_x/deliveries"),
    ):
        assert answer.json["code"] == 404.1


def test_a_hook_that_is_not_there(scene):
    one = f"{scene.hooks}/whk_0000000000"
    for answer in (
        scene.bob.get(one),
        scene.bob.patch(one, {"active": False}),
        scene.bob.delete(one),
        scene.bob.get(f"{one}/deliveries"),
    ):
        assert answer.json["code"] == 404.1


def test_a_hook_of_a_form_is_none_of_the_project(scene):
    hook = scene.hook(URL)
    assert scene.bob.get(f"{PROJECT}/{hook['id']}").status == 404
    assert scene.bob.get(PROJECT).json == []


def test_a_new_hook_is_shown_in_full_with_its_secret_this_once(scene):
    answer = scene.bob.post(scene.hooks, BODY)
    hook = answer.json
    assert answer.status == 200
    assert hook == {
        "id": hook["id"],
        "name": "CRM",
        "url": URL,
        "active": True,
        "events": ["submission.create"],
        **options.DEFAULTS,
        "auth": NO_AUTH,
        "headers": {},
        "createdAt": hook["createdAt"],
        "updatedAt": None,
        "createdBy": {"id": scene.ids["Bob"], "displayName": "Bob"},
        "state": "active",
        "disabledReason": None,
        "failingSince": None,
        "counts": {"succeeded": 0, "failed": 0, "pending": 0},
        "secret": hook["secret"],
    }
    assert hook["id"].startswith("whk_")
    assert len(hook["id"]) == 14
    assert hook["secret"].startswith("whsec_")
    del hook["secret"]
    assert scene.bob.get(f"{scene.hooks}/{hook['id']}").json == hook
    assert scene.bob.get(scene.hooks).json == [hook]


def test_a_hook_of_a_project_has_the_same_routes(scene):
    hook = scene.bob.post(PROJECT, BODY).json
    assert scene.bob.get(scene.hooks).json == []
    assert [each["id"] for each in scene.bob.get(PROJECT).json] == [hook["id"]]
    one = f"{PROJECT}/{hook['id']}"
    assert scene.bob.patch(one, {"name": "Other"}).json["name"] == "Other"
    assert scene.bob.get(f"{one}/deliveries").json == []
    assert scene.bob.delete(one).json == {"success": True}
    assert scene.bob.get(one).status == 404


def test_secrets_lie_sealed_in_the_table(scene, way):
    hook = scene.hook(URL, auth={"type": "basic", "username": "u", "password": "geheim"})
    assert hook["auth"] == {"type": "basic", "username": "u", "password": None}
    assert keyring(hook) == Keyring(((hook["secret"], None),), {"password": "geheim"})
    everything = str(way.aws.client("dynamodb").scan(TableName=settings.TABLE_NAME)["Items"])
    assert "geheim" not in everything
    assert hook["secret"] not in everything


def test_types_are_kept_once_and_in_their_order(scene):
    said = ["submission.delete", "submission.create", "submission.delete"]
    assert scene.hook(URL, events=said)["events"] == ["submission.create", "submission.delete"]


WRONG = [
    ({"name": None}, "name", "is missing"),
    ({"name": 7}, "name", "must be a text"),
    ({"name": ""}, "name", "1 to 255"),
    ({"name": "x" * 256}, "name", "1 to 255"),
    ({"name": "a\nb"}, "name", "control"),
    ({"url": None}, "url", "is missing"),
    ({"url": "ftp://a.org/"}, "url", "plain URL"),
    ({"url": "http://u:p@127.0.0.1/"}, "url", "plain URL"),
    ({"url": "http://a.org/" + "x" * 2048}, "url", "2048"),
    ({"active": "yes"}, "active", "true or false"),
    ({"active": None}, "active", "true or false"),
    ({"events": []}, "events", "at least one"),
    ({"events": None}, "events", "at least one"),
    ({"events": "submission.create"}, "events", "at least one"),
    ({"events": ["submission.create", "project.create"]}, "events", "must be of"),
    ({"events": [["submission.create"]]}, "events", "must be of"),
    ({"auth": "basic"}, "auth", "must be an object"),
    ({"auth": {}}, "auth.type", "must be none or basic"),
    ({"auth": {"type": "digest"}}, "auth.type", "must be none or basic"),
    ({"auth": {"type": "none", "username": "u"}}, "auth.username", "not a member"),
    ({"auth": {"type": "basic", "username": "u", "token": "t"}}, "auth.token", "not a member"),
    ({"auth": {"type": "basic", "password": "p"}}, "auth.username", "is missing"),
    ({"auth": {"type": "basic", "username": "a:b", "password": "p"}}, "auth.username", "colon"),
    ({"auth": {"type": "basic", "username": "u"}}, "auth.password", "is missing"),
    ({"auth": {"type": "basic", "username": "u", "password": 5}}, "auth.password", "a text"),
    ({"colour": "red"}, "colour", "is not a member"),
    ({"id": "whk_1"}, "id", "is not a member"),
    ({"secret": "whsec_x"}, "secret", "is not a member"),
]


@pytest.mark.parametrize(("said", "field", "reason"), WRONG)
def test_what_is_wrong_is_refused_with_its_field(scene, said, field, reason):
    before = scene.hook(URL)
    one = f"{scene.hooks}/{before['id']}"
    for answer in (scene.bob.post(scene.hooks, BODY | said), scene.bob.patch(one, said)):
        assert (answer.status, answer.json["code"]) == (400, 400.91)
        assert answer.json["details"]["field"] == field
        assert reason in answer.json["details"]["reason"]
        assert (
            answer.json["message"]
            == f"The hook is not valid: {field} " + (answer.json["details"]["reason"])
        )
    del before["secret"]
    assert scene.bob.get(scene.hooks).json == [before]


def test_a_public_stack_takes_public_targets_only(scene, monkeypatch):
    monkeypatch.setattr(settings, "HOOK_TARGETS", "public")
    for url in (URL, "https://10.0.0.1/", "https://localhost/", "http://crm.example.org/"):
        answer = scene.bob.post(scene.hooks, {"name": "CRM", "url": url})
        assert (answer.json["code"], answer.json["details"]["field"]) == (400.91, "url")


def test_a_change_touches_what_was_named_and_nothing_else(scene):
    hook = scene.hook(URL, auth={"type": "basic", "username": "u", "password": "p"})
    one = f"{scene.hooks}/{hook['id']}"
    changed = scene.bob.patch(one, {"name": "Other", "events": ["submission.delete"]}).json
    secret = hook.pop("secret")
    assert changed == hook | {
        "name": "Other",
        "events": ["submission.delete"],
        "updatedAt": changed["updatedAt"],
    }
    assert changed["updatedAt"] > hook["createdAt"]
    assert scene.bob.get(one).json == changed
    assert keyring(hook) == Keyring(((secret, None),), {"password": "p"})


def test_a_password_stays_until_another_is_given(scene):
    hook = scene.hook(URL, auth={"type": "basic", "username": "u", "password": "p"})
    one = f"{scene.hooks}/{hook['id']}"

    def password(auth):
        assert scene.bob.patch(one, {"auth": auth}).status == 200
        return keyring(hook).words.get("password")

    shown = scene.bob.get(one).json["auth"]
    assert password(shown) == "p"
    assert password({"type": "basic", "username": "v"}) == "p"
    assert password({"type": "basic", "username": "v", "password": "q"}) == "q"
    assert password(NO_AUTH) is None
    assert scene.bob.patch(one, {"auth": shown}).json["code"] == 400.91


def test_a_form_has_twenty_hooks_at_most(scene):
    for _ in range(20):
        scene.hook(URL)
    answer = scene.bob.post(scene.hooks, BODY)
    assert (answer.status, answer.json) == (
        409,
        {
            "message": "There are already 20 hooks here. Delete one before you create another.",
            "code": 409.91,
            "details": {"limit": 20},
        },
    )
    assert scene.bob.post(PROJECT, BODY).status == 200


def test_every_change_is_in_the_audit_log_without_secrets(scene, way):
    hook = scene.bob.post(scene.hooks, {"name": "CRM", "url": f"{URL}?token=geheim"}).json
    one = f"{scene.hooks}/{hook['id']}"
    scene.bob.patch(one, {"active": False})
    scene.bob.delete(one)
    told = [each for each in way.events() if each["action"].startswith("hook.")]
    data = {
        "name": "CRM",
        "active": True,
        "events": ["submission.create"],
        "origin": "http://127.0.0.1:4999",
    }
    assert [(each["action"], each["details"]) for each in told] == [
        ("hook.create", {"hookId": hook["id"], "data": data}),
        ("hook.update", {"hookId": hook["id"], "data": data | {"active": False}}),
        ("hook.delete", {"hookId": hook["id"]}),
    ]
    form = told[0]["acteeId"]
    assert {each["actorId"] for each in told} == {scene.ids["Bob"]}
    hook = scene.bob.post(PROJECT, BODY).json
    last = way.events("hook.create")[-1]
    assert last["details"]["hookId"] == hook["id"]
    assert last["acteeId"] != form


def test_what_a_hook_wanted_is_remembered(scene, time):
    hook = scene.hook(URL, events=["submission.create"])
    one = f"{scene.hooks}/{hook['id']}"
    moments = [clock.micros()]
    for change in ({"active": False}, {"active": True}, {"events": ["submission.delete"]}):
        time.forward(60)
        scene.bob.patch(one, change)
        moments.append(clock.micros())
    kept = stored(hook)
    made, deleted = events.CREATE, events.DELETE
    assert [kept.wanted(made, moment) for moment in moments] == [True, False, True, False]
    assert [kept.wanted(deleted, moment) for moment in moments] == [False, False, False, True]
    assert not kept.wanted(made, kept.created_at - 1)


def test_what_no_event_can_ask_for_any_more_is_forgotten(scene, time):
    hook = scene.hook(URL)
    one = f"{scene.hooks}/{hook['id']}"
    for number in range(6):
        time.forward(100 * 24 * 60 * 60)
        scene.bob.patch(one, {"active": bool(number % 2)})
    assert [types for _, types, _ in stored(hook).wishes] == [[], hook["events"]]


def test_of_two_changes_at_once_none_is_lost(scene):
    from concurrent.futures import ThreadPoolExecutor

    hook = scene.hook(URL)
    one = f"{scene.hooks}/{hook['id']}"
    changes = [{"name": "Other"}, {"events": ["submission.delete"]}, {"active": False}]
    with ThreadPoolExecutor(3) as pool:
        statuses = list(pool.map(lambda change: scene.bob.patch(one, change).status, changes))
    assert statuses == [200] * 3
    changed = scene.bob.get(one).json
    assert (changed["name"], changed["events"], changed["active"]) == (
        "Other",
        ["submission.delete"],
        False,
    )
    assert stored(hook).wishes[-1][1:] == [[], None]
