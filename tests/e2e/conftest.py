"""Stacks for the end-to-end tests: the product's for the whole run, and one of a fixture."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from local.stack import Stack

FIXTURE = Path(__file__).parent / "fixtures" / "stack" / "template.yaml"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whatever its status."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(url: str, body: bytes | None = None, method: str | None = None, **headers) -> Answer:
    """Send a request and return the answer without raising for its status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    made = urllib.request.Request(url, body, named, method=method)
    try:
        with urllib.request.urlopen(made, timeout=60) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


@pytest.fixture(scope="session")
def stack():
    """The product's own stack, one for all tests: each test makes what it needs in it."""
    with Stack() as running:
        yield running


@pytest.fixture(scope="session")
def strict_stack():
    """The product's stack with IAM enforced, each function under the role of its template."""
    with Stack(strict=True) as running:
        yield running


@pytest.fixture(scope="session")
def small():
    """A stack of the fixture template: the product's shape, none of its functions."""
    with Stack(source=FIXTURE) as running:
        yield running


@pytest.fixture
def small_template():
    """The path of the fixture template."""
    return FIXTURE
