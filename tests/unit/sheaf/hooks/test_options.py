"""The members of a hook that have a default: how they are read, merged and kept."""

from __future__ import annotations

import json

import pytest

from sheaf import settings
from sheaf.db import keys, reads
from sheaf.hooks import options
from sheaf.hooks.keyring import Keyring
from sheaf.hooks.records import Hook

URL = "http://127.0.0.1:4999/in"
EVERYTHING = {
    "contentType": "json",
    "bodyFormat": "kobo",
    "payloadMode": "full",
    "fields": ["group1", "meta/instanceID"],
    "template": '{"fields": %SUBMISSION%}',
    "filter": {"data": {"submission": {"__system": {"reviewState": ["approved"]}}}},
    "include": {"changes": False, "previous": True, "attachmentUrls": False, "xml": True},
    "rateLimit": {"perSecond": 0.5},
    "ordering": "perSubmission",
    "timeoutSeconds": 30,
    "retry": {"schedule": [1, 60, 3600]},
    "notify": {"email": False},
}


def keyring(hook) -> Keyring:
    found = reads.get(Hook.ref(keys.hook(1, 1, hook["id"])))
    return Keyring.unseal(hook["id"], found.sealed)


@pytest.fixture
def patch(scene):
    def change(hook, **said):
        return scene.bob.patch(f"{scene.hooks}/{hook['id']}", said)

    return change


def test_all_that_is_said_is_kept_and_shown(scene, patch):
    hook = scene.hook(URL, **EVERYTHING)
    assert {name: hook[name] for name in EVERYTHING} == EVERYTHING
    # null takes each back to its default.
    back = patch(hook, **dict.fromkeys(EVERYTHING)).json
    assert {name: back[name] for name in EVERYTHING} == options.DEFAULTS


def test_a_change_leaves_what_it_does_not_name(scene, patch):
    hook = scene.hook(URL, **EVERYTHING)
    changed = patch(hook, timeoutSeconds=5, include={"xml": False}, notify={"email": True}).json
    assert {name: changed[name] for name in EVERYTHING} == EVERYTHING | {
        "timeoutSeconds": 5,
        "include": EVERYTHING["include"] | {"xml": False},
        "notify": {"email": True},
    }


WRONG = [
    ({"contentType": "yaml"}, "contentType", "must be json or xml"),
    ({"contentType": 1}, "contentType", "must be json or xml"),
    ({"bodyFormat": "flat"}, "bodyFormat", "must be standard or kobo or raw"),
    ({"payloadMode": "small"}, "payloadMode", "must be full or thin"),
    ({"fields": "a"}, "fields", "must be a list"),
    ({"fields": ["a", 7]}, "fields.1", "must be a text"),
    ({"fields": [""]}, "fields.0", "1 to 500"),
    ({"fields": ["x" * 501]}, "fields.0", "1 to 500"),
    ({"fields": ["x"] * 201}, "fields", "200 names"),
    ({"template": ""}, "template", "1 to 20000"),
    ({"template": {"a": 1}}, "template", "must be a text"),
    ({"template": "{%SUBMISSION%"}, "template", "must be JSON"),
    ({"filter": []}, "filter", "must be an object"),
    ({"filter": {"data": {"submission": {"age": 7}}}}, "filter.data.submission.age", "a list"),
    ({"filter": {"type": ["x" * 2050]}}, "filter", "2048"),
    ({"include": True}, "include", "must be an object"),
    ({"include": {"all": True}}, "include.all", "is not a member of include"),
    ({"include": {"xml": "yes"}}, "include.xml", "true or false"),
    ({"rateLimit": 5}, "rateLimit", "must be an object"),
    ({"rateLimit": {}}, "rateLimit.perSecond", "a number from 0.01 to 1000"),
    ({"rateLimit": {"perSecond": 0}}, "rateLimit.perSecond", "a number from"),
    ({"rateLimit": {"perSecond": True}}, "rateLimit.perSecond", "a number from"),
    ({"rateLimit": {"perMinute": 5}}, "rateLimit.perMinute", "is not a member"),
    ({"ordering": "strict"}, "ordering", "none or perSubmission"),
    ({"timeoutSeconds": 0}, "timeoutSeconds", "from 1 to 30"),
    ({"timeoutSeconds": 31}, "timeoutSeconds", "from 1 to 30"),
    ({"timeoutSeconds": 1.5}, "timeoutSeconds", "a whole number"),
    ({"timeoutSeconds": False}, "timeoutSeconds", "a whole number"),
    ({"retry": "standard"}, "retry", "must be an object"),
    ({"retry": {"schedule": "often"}}, "retry.schedule", "standard or none"),
    ({"retry": {}}, "retry.schedule", "standard or none"),
    ({"retry": {"schedule": []}}, "retry.schedule", "1 to 20 waits"),
    ({"retry": {"schedule": [5] * 21}}, "retry.schedule", "1 to 20 waits"),
    ({"retry": {"schedule": [5, 0]}}, "retry.schedule.1", "from 1 to 86400"),
    ({"notify": {"sms": True}}, "notify.sms", "is not a member"),
    ({"notify": {"email": 1}}, "notify.email", "true or false"),
    # What does not go together.
    ({"contentType": "xml", "bodyFormat": "kobo"}, "bodyFormat", "must be raw where"),
    ({"contentType": "xml", "template": "%SUBMISSION%"}, "template", "only where contentType"),
    ({"contentType": "xml", "payloadMode": "thin"}, "payloadMode", "only where bodyFormat"),
    ({"bodyFormat": "kobo", "payloadMode": "thin"}, "payloadMode", "only where bodyFormat"),
    # Who authenticates how.
    ({"auth": {"type": "bearer"}}, "auth.token", "is missing"),
    ({"auth": {"type": "bearer", "token": "a b "}}, "auth.token", "printable ASCII"),
    ({"auth": {"type": "bearer", "token": "tökén"}}, "auth.token", "printable ASCII"),
    ({"auth": {"type": "bearer", "token": "t", "scope": "x"}}, "auth.scope", "not a member"),
    ({"auth": {"type": "oauth2"}}, "auth.tokenUrl", "is missing"),
    ({"auth": {"type": "oauth2", "tokenUrl": "ftp://x/"}}, "auth.tokenUrl", "plain URL"),
    ({"auth": {"type": "oauth2", "tokenUrl": URL}}, "auth.clientId", "is missing"),
    (
        {"auth": {"type": "oauth2", "tokenUrl": URL, "clientId": "c", "method": "none"}},
        "auth.method",
        "client_secret_basic or client_secret_post",
    ),
    (
        {"auth": {"type": "oauth2", "tokenUrl": URL, "clientId": "c"}},
        "auth.clientSecret",
        "is missing",
    ),
    # Headers.
    ({"headers": ["X-A"]}, "headers", "must be an object"),
    ({"headers": {f"X-{n}": "1" for n in range(21)}}, "headers", "20 headers"),
    ({"headers": {"X-A": "x" * 4096}}, "headers", "4096 characters in all"),
    ({"headers": {"X-A": None}}, "headers.X-A", "is missing"),
    ({"headers": {"X-A": 5}}, "headers.X-A", "must be a text"),
    ({"headers": {"X-A": ""}}, "headers.X-A", "characters"),
    ({"headers": {"X-A": "a\r\nX-B: c"}}, "headers.X-A", "control characters"),
    ({"headers": {"X-A": " a"}}, "headers.X-A", "printable ASCII"),
    ({"headers": {"X-A": "é"}}, "headers.X-A", "printable ASCII"),
    ({"headers": {"X A": "a"}}, "headers.X A", "is no name"),
    ({"headers": {"": "a"}}, "headers.", "is no name"),
    ({"headers": {"X-A:": "a"}}, "headers.X-A:", "is no name"),
    ({"headers": {"X-A": "1", "x-a": "2"}}, "headers.x-a", "is there twice"),
    *(
        ({"headers": {name: "x"}}, f"headers.{name}", "left to the server")
        for name in (
            "Host",
            "Content-Type",
            "content-length",
            "Connection",
            "Transfer-Encoding",
            "User-Agent",
            "Webhook-Id",
            "webhook-signature",
            "Accept-Encoding",
            "TE",
            "Upgrade",
            "Proxy-Authorization",
            "Expect",
            "Keep-Alive",
            "Trailer",
        )
    ),
    (
        {"headers": {"authorization": "x"}, "auth": {"type": "bearer", "token": "t"}},
        "headers.Authorization",
        "is what auth of type bearer sends",
    ),
]


@pytest.mark.parametrize(
    ("said", "field", "reason"), WRONG, ids=[f"{w[1]}-{n}" for n, w in enumerate(WRONG)]
)
def test_what_is_wrong_is_refused_with_its_field(scene, patch, said, field, reason):
    before = scene.hook(URL)
    body = {"name": "CRM", "url": URL, **said}
    for answer in (scene.bob.post(scene.hooks, body), patch(before, **said)):
        assert (answer.status, answer.json["code"]) == (400, 400.91), answer.text
        assert answer.json["details"]["field"] == field
        assert reason in answer.json["details"]["reason"]
    del before["secret"]
    assert scene.bob.get(scene.hooks).json == [before]


def test_a_change_is_judged_on_the_hook_that_results(scene, patch):
    """KoBoToolbox checks a template against the type only when both are in one request."""
    hook = scene.hook(URL, template="%SUBMISSION%")
    assert patch(hook, contentType="xml").json["details"]["field"] == "template"
    thin = scene.hook(URL, payloadMode="thin")
    assert patch(thin, bodyFormat="raw").json["details"]["field"] == "payloadMode"
    assert patch(thin, bodyFormat="raw", payloadMode=None).json["bodyFormat"] == "raw"


def test_xml_is_raw_unless_something_else_was_said(scene, patch):
    hook = scene.hook(URL, contentType="xml")
    assert hook["bodyFormat"] == "raw"
    assert patch(hook, contentType="json").json["bodyFormat"] == "standard"
    other = scene.hook(URL, bodyFormat="standard")
    assert patch(other, contentType="xml").json["details"]["field"] == "bodyFormat"


# --- secrets ----------------------------------------------------------------------------------


def test_no_answer_shows_a_secret(scene, patch, way):
    auth = {
        "type": "oauth2",
        "tokenUrl": f"{URL}/token",
        "clientId": "sheaf",
        "clientSecret": "geheim-1",
        "scope": "write",
    }
    hook = scene.hook(URL, auth=auth, headers={"X-Token": "geheim-2", "X-Other": "geheim-3"})
    assert hook["auth"] == auth | {
        "clientSecret": None,
        "audience": None,
        "method": "client_secret_basic",
    }
    assert hook["headers"] == {"X-Token": None, "X-Other": None}
    shown = [
        hook,
        scene.bob.get(scene.hooks).json,
        scene.bob.get(f"{scene.hooks}/{hook['id']}").json,
        patch(hook, name="New").json,
        way.events(),
    ]
    stored = str(way.aws.client("dynamodb").scan(TableName=settings.TABLE_NAME)["Items"])
    assert "geheim" not in json.dumps(shown) + stored
    held = keyring(hook)
    assert held.words == {"clientSecret": "geheim-1"}
    assert held.headers == {"X-Token": "geheim-2", "X-Other": "geheim-3"}


def test_what_stands_for_a_secret_can_be_sent_back(scene, patch):
    auth = {"type": "bearer", "token": "t"}
    hook = scene.hook(URL, auth=auth, headers={"X-A": "1", "X-B": "2"})
    shown = scene.bob.get(f"{scene.hooks}/{hook['id']}").json
    assert patch(hook, auth=shown["auth"], headers=shown["headers"]).status == 200
    assert (keyring(hook).words, keyring(hook).headers) == (
        {"token": "t"},
        {"X-A": "1", "X-B": "2"},
    )
    assert patch(hook, headers={"x-a": None, "X-C": "3"}).json["headers"] == {
        "x-a": None,
        "X-C": None,
    }
    assert keyring(hook).headers == {"x-a": "1", "X-C": "3"}
    assert patch(hook, headers=None, auth=None).json["headers"] == {}
    assert (keyring(hook).words, keyring(hook).headers) == ({}, {})


def test_a_secret_of_another_type_is_none(scene, patch):
    hook = scene.hook(URL, auth={"type": "basic", "username": "u", "password": "p"})
    answer = patch(hook, auth={"type": "bearer", "token": None})
    assert answer.json["details"] == {"field": "auth.token", "reason": "is missing"}


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"auth": {"type": "bearer", "token": "t"}}, "auth.token"),
        ({"auth": {"type": "basic", "username": "u", "password": "p"}}, "auth.password"),
        ({"headers": {"X-Token": "t"}}, "headers.X-Token"),
    ],
)
def test_secrets_do_not_follow_a_hook_to_another_host(scene, patch, said, field):
    """Else whoever may change a hook, and may not read its secrets, could have them sent to him."""
    hook = scene.hook(URL, **said)
    answer = patch(hook, url="http://127.0.0.1:5000/in")
    assert (answer.json["code"], answer.json["details"]["field"]) == (400.91, field)
    assert "given anew" in answer.json["details"]["reason"]
    assert patch(hook, url=f"{URL}/elsewhere").status == 200
    assert patch(hook, url="http://127.0.0.1:5000/in", **said).status == 200
    assert scene.bob.get(f"{scene.hooks}/{hook['id']}").json["url"] == "http://127.0.0.1:5000/in"


def test_a_clients_secret_does_not_follow_to_another_token_server(scene, patch):
    auth = {"type": "oauth2", "tokenUrl": URL, "clientId": "c", "clientSecret": "s"}
    hook = scene.hook(URL, auth=auth)
    moved = auth | {"tokenUrl": "http://127.0.0.1:5000/", "clientSecret": None}
    assert patch(hook, auth=moved).json["details"]["field"] == "auth.clientSecret"
    assert patch(hook, auth=moved | {"tokenUrl": f"{URL}/v2"}).status == 200


# --- rotation ---------------------------------------------------------------------------------


def rotate(scene, hook, **said):
    return scene.bob.post(f"{scene.hooks}/{hook['id']}/secret/rotate", said)


def test_a_new_secret_signs_beside_the_old_one_for_a_day(scene, time, way):
    from sheaf import clock

    hook = scene.hook(URL)
    answer = rotate(scene, hook)
    assert (answer.status, list(answer.json)) == (200, ["secret"])
    new = answer.json["secret"]
    assert new.startswith("whsec_")
    assert keyring(hook).signing(clock.micros()) == [new, hook["secret"]]
    time.forward(86_390)
    assert keyring(hook).signing(clock.micros()) == [new, hook["secret"]]
    time.forward(20)
    assert keyring(hook).signing(clock.micros()) == [new]
    told = way.events("hook.update")[-1]
    assert told["details"]["hookId"] == hook["id"]
    assert new not in json.dumps(way.events())


def test_how_long_it_does_can_be_told(scene, time):
    from sheaf import clock

    hook = scene.hook(URL)
    at_once = rotate(scene, hook, expireOldAfter=0).json["secret"]
    assert keyring(hook).signing(clock.micros()) == [at_once]
    later = rotate(scene, hook, expireOldAfter=60).json["secret"]
    assert keyring(hook).signing(clock.micros()) == [later, at_once]
    time.forward(61)
    assert keyring(hook).signing(clock.micros()) == [later]


def test_five_old_secrets_at_most_sign(scene):
    from sheaf import clock

    hook = scene.hook(URL)
    made = [hook["secret"], *(rotate(scene, hook).json["secret"] for _ in range(7))]
    assert keyring(hook).signing(clock.micros()) == made[:1:-1]
    assert len(keyring(hook).keys) == 6


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"expireOldAfter": -1}, "expireOldAfter"),
        ({"expireOldAfter": 604_801}, "expireOldAfter"),
        ({"expireOldAfter": "1"}, "expireOldAfter"),
        ({"expireOldAfter": None}, "expireOldAfter"),
        ({"secret": "whsec_x"}, "secret"),
    ],
)
def test_a_rotation_that_makes_no_sense_is_refused(scene, said, field):
    hook = scene.hook(URL)
    answer = rotate(scene, hook, **said)
    assert (answer.json["code"], answer.json["details"]["field"]) == (400.91, field)
    assert len(keyring(hook).keys) == 1
    assert rotate(scene, {"id": "whk_0000000000"}).status == 404
