"""The cast of the tests in a project of its own on a running stack, where others are at work too.

What tests/happy.py says of project 1 and of people at example.org is said of that project and of
people of its own, so that every request it knows can be made over HTTP, one after the other.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from sheaf.kobo import assets
from tests.api import Answer, Api, Http
from tests.cast import FORM, PASSWORD, Cast

_PEOPLE = re.compile(rb"(?<!alice)@example\.org")
_PROJECT = re.compile(r"/projects/1(?=[/?]|$)")


class Elsewhere(Http):
    """Speaks HTTP to a stack, of project `number` wherever project 1 is meant."""

    def __init__(self, url: str, number: int, headers: dict[str, str] | None = None) -> None:
        super().__init__(url, headers)
        self.number = number

    def acting(self, headers: dict[str, str]) -> Elsewhere:
        return Elsewhere(self.url, self.number, headers)

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        # Alice is one for all: making people, whose passwords are hashed well, takes time.
        people = f"@p{self.number}.example.org".encode()
        path = _PROJECT.sub(f"/projects/{self.number}", path)
        path = path.replace(assets.named(1, FORM), assets.named(self.number, FORM))
        body = _PEOPLE.sub(people, body)
        return super().send(method, path, headers, body)


class StackCast(Cast):
    """The cast, in a new project of a running stack."""

    def __init__(self, stack: Any, admin: Api) -> None:
        self._admin = admin
        made = self._admin.post("/v1/projects", {"name": "elsewhere"})
        assert made.status == 200, made.text
        super().__init__(Elsewhere(stack.url, made.json["id"]))

    @cached_property
    def alice(self) -> Api:
        """An administrator, who is made once in a stack."""
        person = {"email": "alice@example.org", "password": PASSWORD, "displayName": "Alice"}
        made = self._admin.post("/v1/users", person)
        if made.status == 200:
            granted = self._admin.post(f"/v1/assignments/admin/{made.json['id']}")
            assert granted.status == 200, granted.text
        alice = self.login("alice")
        self.users["alice"] = alice.get("/v1/users/current").json
        return alice
