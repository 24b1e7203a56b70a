"""Ping and preview: a hook tried by hand, without an event."""

from __future__ import annotations

import json

import pytest
from standardwebhooks.webhooks import Webhook

from sheaf import settings
from sheaf.hooks import events
from tests.cast import is_time, xml
from tests.unit.sheaf.hooks.test_match import records

ONE = "uuid:one"
GONE = "http://127.0.0.1:9/in"
PROJECT = "/v1/projects/1/hooks"


def ping(scene, hook, place=None):
    return scene.bob.post(f"{place or scene.hooks}/{hook['id']}/ping")


def preview(scene, hook, place=None, **said):
    return scene.bob.post(f"{place or scene.hooks}/{hook['id']}/preview", said)


def test_a_ping_is_sent_at_once_and_tells_what_came_of_it(scene, way, receiver):
    hook = scene.hook(f"{receiver.url}/in")
    answer = ping(scene, hook)
    attempt = answer.json
    assert answer.status == 200
    assert attempt == {
        "at": attempt["at"],
        "durationMs": attempt["durationMs"],
        "status": 200,
        "error": None,
        "response": '{"received": true}',
    }
    assert is_time(attempt["at"])
    assert 0 <= attempt["durationMs"] < 20_000
    [request] = receiver.requests
    said = Webhook(hook["secret"]).verify(request.body, dict(request.headers))
    assert said == {
        "type": "hook.ping",
        "id": hook["id"],
        "timestamp": said["timestamp"],
        "eventId": said["eventId"],
        "hookId": hook["id"],
        "sequence": None,
        "replay": False,
        "project": {"id": 1},
        "form": {"xmlFormId": "simple", "version": "1"},
        "actor": {"id": scene.ids["Bob"], "type": "user", "displayName": "Bob"},
        "notes": None,
        "data": {},
    }
    assert request.headers["webhook-event"] == "hook.ping"
    assert request.headers["webhook-id"].startswith("dlv_")
    # It is no event: nothing is recorded, and nobody else hears of it.
    assert records(hook) == []
    assert not [each for each in way.events() if each["action"] == events.PING]
    assert (way.messages(), way.delayed()) == ([], 0)


def test_a_hook_of_a_project_is_pinged_without_a_form(scene, receiver):
    hook = scene.bob.post(PROJECT, {"name": "all", "url": f"{receiver.url}/in"}).json
    assert ping(scene, hook, PROJECT).json["status"] == 200
    assert receiver.requests[0].json()["form"] is None


@pytest.mark.parametrize("status", [302, 404, 410, 500])
def test_a_ping_tells_what_the_receiver_says(scene, receiver, status):
    hook = scene.hook(receiver.script("/in", [status]))
    assert (ping(scene, hook).json["status"], len(receiver.requests)) == (status, 1)
    shown = scene.bob.get(f"{scene.hooks}/{hook['id']}").json
    assert (shown["active"], shown["state"]) == (True, "active")


def test_a_ping_tells_why_nothing_came(scene, monkeypatch):
    hook = scene.hook(GONE)
    attempt = ping(scene, hook).json
    assert (attempt["status"], attempt["response"]) == (None, None)
    assert attempt["error"].startswith("connect: ")
    monkeypatch.setattr(settings, "HOOK_TARGETS", "public")
    blocked = ping(scene, hook).json
    assert (blocked["error"], blocked["durationMs"]) == (
        "blocked: the URL must begin with https://.", 0,
    )  # fmt: skip


def test_a_ping_is_wrapped_as_events_are(scene, receiver):
    hook = scene.hook(f"{receiver.url}/in", template='{"fields": %SUBMISSION%}')
    ping(scene, hook)
    assert receiver.requests[0].json()["fields"]["type"] == "hook.ping"


def test_a_hook_that_is_off_or_disabled_can_be_tried(scene, receiver):
    hook = scene.hook(f"{receiver.url}/in", active=False)
    scene.bob.post(f"{scene.hooks}/{hook['id']}/disable")
    assert ping(scene, hook).json["status"] == 200


@pytest.mark.parametrize("role", [None, "formfill", "viewer"])
def test_only_managers_may_try_hooks(scene, role, receiver):
    hook = scene.hook(f"{receiver.url}/in")
    one, person = f"{scene.hooks}/{hook['id']}", scene.person("Chelsea", role)
    for way in ("ping", "preview", "secret/rotate"):
        assert person.post(f"{one}/{way}", {}).json["code"] == 403.1
        assert scene.api.post(f"{one}/{way}", {}).json["code"] == 401.2
        assert scene.bob.post(f"{scene.hooks}/whk_0000000000/{way}", {}).json["code"] == 404.1
    assert receiver.requests == []


# --- preview ----------------------------------------------------------------------------------


def test_a_preview_is_the_request_that_would_be_sent(scene, way, receiver):
    hook = scene.hook(f"{receiver.url}/in?a=b", headers={"X-Token": "geheim"})
    scene.submit(ONE, name="Åse", photo="p.jpg")
    scene.bob.post(f"{scene.SUBMISSIONS}/{ONE}/attachments/p.jpg", b"1")
    answer = preview(scene, hook, event="submission.update", instanceId=ONE)
    shown = answer.json
    assert (answer.status, shown["method"], shown["url"]) == (200, "POST", f"{receiver.url}/in?a=b")
    assert shown["matches"] is True
    assert receiver.requests == []
    scene.review(ONE, None)
    scene.review(ONE, "approved")
    way.match_all()
    while messages := way.messages():
        from sheaf.hooks import deliver

        assert deliver.run(messages) == []
    # Several are sent side by side, in no order.
    (real,) = [
        each for each in receiver.requests if each.headers["webhook-event"] == "submission.update"
    ]
    assert set(shown["headers"]) == set(real.headers)
    own = ("webhook-id", "webhook-timestamp", "webhook-signature", "x-token", "content-length")
    same = [name for name in real.headers if name not in own]
    assert {name: shown["headers"][name] for name in same} == {
        name: real.headers[name] for name in same
    }
    assert (shown["headers"]["x-token"], real.headers["x-token"]) == ("***", "geheim")
    assert shown["headers"]["content-length"] == str(len(shown["body"].encode()))
    signed = {name: value for name, value in shown["headers"].items() if name != "x-token"}
    said = Webhook(hook["secret"]).verify(shown["body"].encode(), signed)
    told = real.json()
    assert list(said) == list(told)
    assert list(said["data"]) == list(told["data"])
    assert said["data"]["attachments"][0]["exists"] is True
    url = said["data"]["attachments"][0]["url"]
    assert url.startswith("https://api.example.org/v1/hooks/")
    assert scene.api.get(url.removeprefix("https://api.example.org")).body == b"1"


@pytest.mark.parametrize("kind", events.TYPES)
def test_every_kind_of_event_can_be_looked_at(scene, receiver, kind):
    hook = scene.hook(f"{receiver.url}/in", events=[kind])
    scene.submit(ONE, age="7", photo="p.jpg")
    scene.edit(ONE, ONE, "uuid:two", age="8", photo="p.jpg")
    said = {} if kind == events.PUBLISH else {"instanceId": ONE}
    answer = preview(scene, hook, event=kind, **said)
    assert answer.status == 200, answer.text
    body = json.loads(answer.json["body"])
    assert body["type"] == answer.json["headers"]["webhook-event"] == kind
    if kind == events.EDIT:
        assert {"old": "7", "new": "8", "path": ["age"]} in body["data"]["changes"]
    if kind == events.DELETE:
        assert is_time(body["data"]["submission"]["__system"]["deletedAt"])
    if kind == events.FILE:
        assert body["data"]["attachment"]["name"] == "p.jpg"
    if kind == events.PURGE:
        assert set(body["data"]) == {"submission", "currentInstanceId"}
    if kind == events.PUBLISH:
        assert body["data"]["form"]["name"] == "Simple"
    assert scene.bob.get(f"{scene.SUBMISSIONS}/{ONE}").status == 200


def test_it_tells_whether_the_filter_would_let_it_through(scene):
    hook = scene.hook(GONE, filter={"data": {"submission": {"age": [7]}}})
    scene.submit("uuid:7", age="7")
    scene.submit("uuid:8", age="8")
    matches = [
        preview(scene, hook, event="submission.create", instanceId=f"uuid:{n}").json["matches"]
        for n in (7, 8)
    ]
    assert matches == [True, False]


def test_of_a_hook_of_xml_it_shows_xml(scene):
    hook = scene.hook(GONE, contentType="xml", auth={"type": "bearer", "token": "geheim"})
    scene.submit(ONE)
    shown = preview(scene, hook, event="submission.create", instanceId=ONE).json
    assert shown["body"] == xml(ONE).decode()
    assert shown["headers"]["authorization"] == "Bearer ***"
    assert shown["headers"]["content-type"] == "application/xml"


def test_of_a_hook_of_a_project_the_form_must_be_named(scene):
    hook = scene.bob.post(PROJECT, {"name": "all", "url": GONE}).json
    scene.submit(ONE)
    said = {"event": "submission.create", "instanceId": ONE}
    assert preview(scene, hook, PROJECT, **said).json["code"] == 400.2
    shown = preview(scene, hook, PROJECT, **said, xmlFormId="simple").json
    assert json.loads(shown["body"])["form"]["xmlFormId"] == "simple"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, 400.2),
        ({"event": "submission.create"}, 400.2),
        ({"event": "hook.ping", "instanceId": ONE}, 400.8),
        ({"event": 7, "instanceId": ONE}, 400.11),
        ({"event": "submission.create", "instanceId": 7}, 400.11),
        ({"event": "submission.create", "instanceId": "uuid:none"}, 404.1),
    ],
)
def test_what_cannot_be_looked_at(scene, said, code):
    hook = scene.hook(GONE)
    assert preview(scene, hook, **said).json["code"] == code
