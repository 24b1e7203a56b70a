"""The scene of the hooks, seen by a client of KoBoToolbox."""

from __future__ import annotations

from typing import Any

import pytest

from sheaf import clock
from sheaf.kobo import assets
from tests.api import Answer, InProcess
from tests.unit.sheaf.hooks.conftest import (  # noqa: F401 - fixtures
    Scene,
    Way,
    receiver,
    scene,
    sealing,
    time,
    way,
)


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

    def logs(self, hook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
        answer = self.get(f"{self.HOOKS}{hook['uid']}/logs/{query}")
        assert answer.status == 200, answer.text
        return answer.json["results"]


def token(api: InProcess, name: str) -> Kobo:
    return Kobo(api.acting({"authorization": f"Token {name}"}))


@pytest.fixture
def kobo(scene: Scene, api: InProcess) -> Kobo:  # noqa: F811
    """Bob, who manages project 1."""
    return token(api, "Bob")


@pytest.fixture
def patient(way: Way, monkeypatch) -> None:  # noqa: F811
    """Whoever waits lets the queue work."""
    monkeypatch.setattr(clock, "wait", lambda _: way.deliver_all())
