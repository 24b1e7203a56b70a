"""Receivers that ask for a token, and how a hook shows who it is."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from sheaf.hooks import deliver, oauth
from tests.unit.sheaf.hooks.test_match import records

ONE = "uuid:one"


class TokenServer:
    """Gives a new token to each who asks, or what it is told to say."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, str], dict[str, list[str]]]] = []
        self.says: list[tuple[int, bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append((headers, parse_qs(body)))
                token = {"access_token": f"token-{len(outer.asked)}", "expires_in": 3600}
                status, said = (
                    outer.says.pop(0) if outer.says else (200, json.dumps(token).encode())
                )
                self.send_response(status)
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server():
    oauth._held.clear()
    serving = TokenServer()
    yield serving
    serving.close()


@pytest.fixture
def hook(scene, server, receiver):
    def make(**said):
        auth = {
            "type": "oauth2",
            "tokenUrl": server.url,
            "clientId": "sheaf+hooks",
            "clientSecret": "geheim:%",
            **said,
        }
        return scene.hook(f"{receiver.url}/in", auth=auth, events=["submission.create"])

    return make


@pytest.fixture
def tell(scene, way):
    def deliver_one(instance_id=ONE):
        scene.submit(instance_id)
        way.match_all()
        while messages := way.messages():
            assert deliver.run(messages) == []

    return deliver_one


def test_the_token_of_client_credentials_is_sent_and_kept(hook, tell, server, receiver):
    hook(scope="write", audience="crm")
    tell("uuid:1")
    tell("uuid:2")
    [(headers, form)] = server.asked
    assert form == {
        "grant_type": ["client_credentials"],
        "scope": ["write"],
        "audience": ["crm"],
    }
    scheme, _, pair = headers["authorization"].partition(" ")
    assert (scheme, b64decode(pair)) == ("Basic", b"sheaf%2Bhooks:geheim%3A%25")
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert [each.headers["authorization"] for each in receiver.requests] == ["Bearer token-1"] * 2


def test_a_client_may_show_its_secret_in_the_form(hook, tell, server):
    hook(method="client_secret_post")
    tell()
    [(headers, form)] = server.asked
    assert "authorization" not in headers
    assert (form["client_id"], form["client_secret"]) == (["sheaf+hooks"], ["geheim:%"])


def test_a_token_that_ends_soon_is_asked_for_anew(hook, tell, server, receiver, time):
    hook()
    tell("uuid:1")
    time.forward(3600 - 31)
    tell("uuid:2")
    time.forward(10)
    tell("uuid:3")
    sent = [each.headers["authorization"] for each in receiver.requests]
    assert sent == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


def test_a_token_that_is_not_taken_is_forgotten(hook, tell, server, receiver, time):
    made = hook()
    receiver.script("/in", [401])
    tell()
    time.forward(7)
    deliver.run([{"messageId": "1", "body": json.dumps(message(made))}])
    assert [each.headers["authorization"] for each in receiver.requests] == [
        "Bearer token-1", "Bearer token-2",
    ]  # fmt: skip


def message(made):
    [delivery] = records(made)
    return {
        "hookId": delivery.hook_id,
        "eventId": delivery.sk,
        "submissionId": delivery.submission_id,
        "projectId": 1,
        "formId": 1,
    }


def test_another_secret_asks_anew(scene, hook, tell, server):
    made = hook()
    tell("uuid:1")
    scene.bob.patch(f"{scene.hooks}/{made['id']}", {"auth": made["auth"] | {"clientSecret": "new"}})
    tell("uuid:2")
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "says",
    [
        (400, b'{"error": "invalid_client"}'),
        (302, b""),
        (200, b""),
        (200, b"[]"),
        (200, b'{"token_type": "bearer"}'),
        (200, b'{"access_token": 7}'),
        (200, b'{"access_token": ""}'),
        (200, b'{"access_token": "a\\r\\nx: y"}'),
        (200, b'{"access_token": "t", "expires_in": "soon"}'),
        (200, b'{"access_token": "t", "expires_in": []}'),
    ],
)
def test_no_token_is_no_attempt_on_the_receiver(  # noqa: PLR0917
    scene, hook, tell, server, receiver, says
):
    made = hook()
    server.says.append(says)
    tell()
    assert receiver.requests == []
    [listed] = scene.deliveries(made)
    assert listed["state"] == "retrying"
    assert listed["attempts"][0]["error"].startswith("oauth: The token's server ")
    assert "geheim" not in json.dumps(listed)


def test_a_token_without_an_end_is_kept_for_a_while(hook, tell, server, time):
    hook()
    server.says.append((200, b'{"access_token": "t"}'))
    tell("uuid:1")
    time.forward(200)
    tell("uuid:2")
    assert len(server.asked) == 1
    time.forward(100)
    tell("uuid:3")
    assert len(server.asked) == 2


def test_a_tokens_server_may_not_be_where_hooks_may_not_lead(scene, hook, tell, monkeypatch):
    from sheaf import settings

    made = hook()
    monkeypatch.setattr(settings, "HOOK_TARGETS", "public")
    tell()
    [listed] = scene.deliveries(made)
    assert listed["state"] == "blocked"


def test_a_hook_that_tells_who_it_is(scene, tell, receiver):
    scene.hook(f"{receiver.url}/none")
    scene.hook(f"{receiver.url}/basic", auth={"type": "basic", "username": "u", "password": "p:ä"})
    scene.hook(
        f"{receiver.url}/bearer",
        auth={"type": "bearer", "token": "t.o-k"},
        headers={"X-Api-Key": "k1", "x-other": "o"},
    )
    tell()
    sent = {each.path: each.headers for each in receiver.requests}
    assert "authorization" not in sent["/none"]
    assert b64decode(sent["/basic"]["authorization"].removeprefix("Basic ")).decode() == "u:p:ä"
    assert sent["/bearer"]["authorization"] == "Bearer t.o-k"
    assert (sent["/bearer"]["x-api-key"], sent["/bearer"]["x-other"]) == ("k1", "o")
