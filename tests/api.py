"""Clients of the API for tests: one runs the handlers in this process, the other speaks HTTP."""

from __future__ import annotations

import functools
import http.client
import importlib.util
import json
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

CHECKOUT = Path(__file__).parent.parent
_ANY = "x-amazon-apigateway-any-method"


@dataclass(frozen=True)
class Answer:
    """A response: header names are lower-case, cookies a list."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: list[str] = field(default_factory=list)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Api:
    """What both clients share: requests with a body of JSON or bytes, as somebody or nobody."""

    def __init__(self, headers: dict[str, str] | None = None) -> None:
        self.headers = headers or {}

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        raise NotImplementedError

    def acting(self, headers: dict[str, str]) -> Api:
        raise NotImplementedError

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send a request; a body that is not bytes goes as JSON."""
        given = {name.lower(): value for name, value in (self.headers | (headers or {})).items()}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            given.setdefault("content-type", "application/json")
        return self.send(method, path, given, body or b"")

    get = functools.partialmethod(request, "GET")
    post = functools.partialmethod(request, "POST")
    put = functools.partialmethod(request, "PUT")
    patch = functools.partialmethod(request, "PATCH")
    delete = functools.partialmethod(request, "DELETE")
    head = functools.partialmethod(request, "HEAD")

    def bearer(self, token: str) -> Api:
        """The same client with a session."""
        return self.acting({"authorization": f"Bearer {token}"})


class InProcess(Api):
    """Runs handlers as API Gateway would: route by openapi.yaml, payload 2.0."""

    def acting(self, headers: dict[str, str]) -> InProcess:
        return InProcess(headers)

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        event, function = event_for(method, path, headers, body)
        return answer_of(handler(function)(event, None))


class Http(Api):
    """Speaks HTTP to a running stack; does not follow redirects."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(headers)
        self.url = url

    def acting(self, headers: dict[str, str]) -> Http:
        return Http(self.url, headers)

    def send(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        host = urlsplit(self.url)
        connection = http.client.HTTPConnection(host.hostname or "", host.port, timeout=60)
        try:
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            pairs = response.getheaders()
            return Answer(
                response.status,
                {name.lower(): value for name, value in pairs},
                response.read(),
                [value for name, value in pairs if name.lower() == "set-cookie"],
            )
        finally:
            connection.close()


def event_for(
    method: str, path: str, headers: dict[str, str], body: bytes
) -> tuple[dict[str, Any], str]:
    """Make API Gateway's event of a request, and say which function it goes to."""
    raw, _, query = path.partition("?")
    key, function, variables = _route(method, raw)
    event = {
        "version": "2.0",
        "routeKey": key,
        "rawPath": unquote(raw),
        "rawQueryString": query,
        "headers": {"host": "api.example.org", "x-forwarded-proto": "https"} | headers,
        "requestContext": {
            "domainName": "api.example.org",
            "http": {"method": method, "path": unquote(raw), "sourceIp": "127.0.0.1"},
            "requestId": "test",
        },
        "pathParameters": {name: unquote(value) for name, value in variables.items()},
        "body": b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    if "cookie" in headers:
        event["cookies"] = headers["cookie"].split("; ")
    return event, function


def answer_of(payload: dict[str, Any]) -> Answer:
    """Read what a handler gave API Gateway."""
    body = payload["body"]
    return Answer(
        payload["statusCode"],
        {name.lower(): value for name, value in payload["headers"].items()},
        b64decode(body) if payload["isBase64Encoded"] else body.encode(),
        payload.get("cookies", []),
    )


@functools.cache
def handler(function: str) -> Any:
    """Load the handler of a function, given as "<resource>/<verb>"."""
    path = CHECKOUT / "functions" / function / "app.py"
    spec = importlib.util.spec_from_file_location(f"functions.{function.replace('/', '.')}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.handler


@functools.cache
def routes() -> list[tuple[str, str, str]]:
    """All routes of openapi.yaml: method (ANY for what reads), path, "<resource>/<verb>"."""
    paths = yaml.safe_load((CHECKOUT / "openapi.yaml").read_text())["paths"]
    return [
        (
            "ANY" if method == _ANY else method.upper(),
            path,
            _folder(operation["x-amazon-apigateway-integration"]["$ref"].rpartition("/")[2]),
        )
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]


@functools.cache
def _folder(logical_id: str) -> str:
    """Give the folder of a function: the logical id is the two folder names in PascalCase."""
    for each in (CHECKOUT / "functions").glob("*/*"):
        words = f"{each.parent.name}_{each.name}".split("_")
        if "".join(word.title() for word in words) == logical_id:
            return f"{each.parent.name}/{each.name}"
    raise LookupError(logical_id)


def _route(method: str, path: str) -> tuple[str, str, dict[str, str]]:
    found = []
    for verb, pattern, function in routes():
        escaped = re.sub(r"[.$]", r"\\\g<0>", pattern)
        names = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", escaped)
        names = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", names)
        match = re.fullmatch(names, path)
        if match and verb in (method, "ANY"):
            literal = sum(not part.startswith("{") for part in pattern.split("/"))
            rank = ("+}" not in pattern, literal, verb != "ANY")
            found.append((rank, f"{verb} {pattern}", function, match))
    if not found:
        return "$default", "system/not_found", {}
    _, key, function, match = max(found, key=lambda each: each[0])
    return key, function, match.groupdict()
