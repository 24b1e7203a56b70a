"""The scene of the hooks, seen by a client of KoBoToolbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from local.receiver import Receiver
from sheaf import clock
from sheaf.db import keys
from sheaf.hooks import deliver as worker
from sheaf.hooks import sweep
from sheaf.hooks.deliveries import Delivery
from sheaf.kobo import assets
from tests.api import Answer, InProcess
from tests.unit.sheaf.hooks.conftest import (  # noqa: F401 - fixtures
    Scene,
    Steered,
    Way,
    receiver,
    scene,
    sealing,
    time,
    way,
)

ORIGIN = "https://api.example.org"
# Where nobody listens.
GONE = "http://127.0.0.1:9/in"
NOT_FOUND = (404, {"detail": "Not found."})
APPROVED = {"validation_status.uid": "validation_status_approved"}
# What makes a receiver's refusal final, which would otherwise be tried again.
FINAL = {"webhook-delivery": "abort-message"}


class Kobo:
    """A client that has a token and knows nothing but `/api/v2/`; it ends paths with a slash."""

    ASSET = f"/api/v2/assets/{assets.named(1, 'simple')}/"
    HOOKS = f"{ASSET}hooks/"
    DATA = f"{ASSET}data/"

    def __init__(self, api: InProcess) -> None:
        self.api = api

    def create(self, endpoint: str, **said: Any) -> dict[str, Any]:
        answer = self.post(self.HOOKS, {"name": "some hook", "endpoint": endpoint, **said})
        assert answer.status == 201, answer.text
        return answer.json

    def get(self, path: str) -> Answer:
        return self.api.get(path)

    def post(self, path: str, body: Any = None) -> Answer:
        return self.api.post(path, body)

    def patch(self, path: str, body: Any = None) -> Answer:
        return self.api.patch(path, body)

    def delete(self, path: str, body: Any = None) -> Answer:
        return self.api.request("DELETE", path, body)

    def one(self, hook: dict[str, Any]) -> str:
        return f"{self.HOOKS}{hook['uid']}/"

    def log(self, hook: dict[str, Any], log: dict[str, Any]) -> str:
        return f"{self.one(hook)}logs/{log['uid']}/"

    def logs(self, hook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
        answer = self.get(f"{self.one(hook)}logs/{query}")
        assert answer.status == 200, answer.text
        return answer.json["results"]


def told(answer: Answer) -> tuple[int, Any]:
    return answer.status, answer.json


def drain(way: Way) -> None:  # noqa: F811
    """Deliver until nothing is left to be sent now.

    At a receiver that has not answered yet, two are sent at a time; each makes room for more.
    """
    while messages := way.messages():
        assert worker.run(messages) == []


def tell(way: Way) -> None:  # noqa: F811
    """Let everybody be told of what has happened."""
    way.match_all()
    drain(way)


def deliver(scene: Scene, way: Way, *instance_ids: str) -> None:  # noqa: F811
    """Send submissions, and let everybody be told of each before the next."""
    for instance_id in instance_ids or ("uuid:one",):
        scene.submit(instance_id)
        tell(way)


def token(api: InProcess, name: str) -> Kobo:
    """The client of somebody who has a session."""
    return Kobo(api.acting({"authorization": f"Token {name}"}))


@pytest.fixture
def kobo(scene: Scene, api: InProcess) -> Kobo:  # noqa: F811
    """Bob, who manages project 1."""
    return token(api, "Bob")


@dataclass
class Rig:
    """A service at a receiver, and all that happens on the way there."""

    scene: Scene
    kobo: Kobo
    way: Way
    receiver: Receiver
    time: Steered

    def __post_init__(self) -> None:
        self.hook = self.kobo.create(f"{self.receiver.url}/in")

    def answers(self, *statuses: int, headers: dict[str, str] | None = None) -> None:
        """Script the receiver's next answers."""
        self.receiver.script("/in", statuses, headers=headers)

    def deliver(self, *instance_ids: str) -> None:
        """Send submissions, of each of which the service is told before the next."""
        deliver(self.scene, self.way, *instance_ids)

    def enqueue(self, *instance_ids: str) -> list[dict[str, Any]]:
        """Send submissions, and take the messages by which the service would be told of them."""
        for instance_id in instance_ids or ("uuid:one",):
            self.scene.submit(instance_id)
        self.way.match_all()
        return self.way.messages()

    def later(self, seconds: float) -> int:
        """Let seconds pass, then sweep and deliver; give how many the sweep took up."""
        self.time.forward(seconds)
        woken = sweep.run()["woken"]
        drain(self.way)
        return woken

    def wake(self) -> None:
        """Let the wake-ups come that the queue delays."""
        self.way.wake_all({"id": self.hook["uid"]})

    def deactivate(self) -> None:
        assert self.kobo.patch(self.kobo.one(self.hook), {"active": False}).status == 200

    def retry(self, log: dict[str, Any]) -> Answer:
        return self.kobo.patch(f"{self.kobo.log(self.hook, log)}retry/")

    def logs(self, query: str = "") -> list[dict[str, Any]]:
        return self.kobo.logs(self.hook, query)

    def statuses(self, query: str = "") -> list[int]:
        return [log["status"] for log in self.logs(query)]

    def records(self) -> list[Delivery]:
        return list(Delivery.query(keys.deliveries(self.hook["uid"]), consistent_read=True))


@pytest.fixture
def rig(scene, kobo, way, receiver, time) -> Rig:  # noqa: F811
    return Rig(scene, kobo, way, receiver, time)


@pytest.fixture
def patient(way: Way, monkeypatch) -> None:  # noqa: F811
    """Whoever waits lets the queue work."""
    monkeypatch.setattr(clock, "wait", lambda _: way.deliver_all())
