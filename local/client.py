"""A small HTTP client of the API, on the standard library: one call, one exchange, no retries.

Paths are sent as they are given: who builds one quotes its parts (`quoted`).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from time import monotonic
from typing import Any
from urllib.parse import quote, urlsplit

XML = "application/xml"
REDIRECTS = {301, 302, 303, 307}
MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: header names in lower case, the body's bytes, the milliseconds it took."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    ms: int

    def json(self) -> Any:
        """Return the body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Client:
    """One person at one server; without a token, nobody.

    Attributes:
        url: the server's address without a path.
        token: a session's token, sent as Bearer.
        on_answer: called with every answer, redirects included.
        user_agent: what the client calls itself.
    """

    url: str
    token: str | None = None
    on_answer: Callable[[Answer], None] = lambda _: None
    user_agent: str = "sheaf-local/1"

    def log_in(self, email: str, password: str) -> "Client":
        """Return this client with a session of its own.

        Raises:
            ConnectionError: if the server refuses the credentials.
        """
        answer = self.post("/v1/sessions", {"email": email, "password": password})
        if answer.status != 200:
            raise ConnectionError(f"Cannot log in as {email}: {answer.status} {answer.body!r}")
        return Client(self.url, answer.json()["token"], self.on_answer, self.user_agent)

    def get(self, path: str, **headers: str) -> Answer:
        """Read. Redirects are followed, also to another host, then without the token."""
        answer = self._exchange("GET", self.url + path, None, self._headers(headers))
        for _ in range(MAX_REDIRECTS):
            if answer.status not in REDIRECTS:
                break
            target = answer.headers["location"]
            if target.startswith("/"):
                answer = self._exchange("GET", self.url + target, None, self._headers(headers))
            else:
                answer = self._exchange("GET", target, None, {})
        return answer

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Create or do. A body that is not bytes is sent as JSON."""
        return self._send("POST", path, body, headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Replace. A body that is not bytes is sent as JSON."""
        return self._send("PUT", path, body, headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Change. A body that is not bytes is sent as JSON."""
        return self._send("PATCH", path, body, headers)

    def delete(self, path: str, **headers: str) -> Answer:
        """Delete."""
        return self._send("DELETE", path, None, headers)

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        sent = self._headers(headers)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        return self._exchange(method, self.url + path, body, sent)

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of a call; Content_Type is written Content-Type."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent["User-Agent"] = self.user_agent
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        return sent

    def _exchange(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        target = urlsplit(url)
        kind = HTTPSConnection if target.scheme == "https" else HTTPConnection
        connection = kind(target.netloc, timeout=60)
        path = target.path + (f"?{target.query}" if target.query else "")
        begun = monotonic()
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        named = {name.lower(): value for name, value in response.getheaders()}
        ms = round((monotonic() - begun) * 1000)
        answer = Answer(method, path, response.status, named, data, ms)
        self.on_answer(answer)
        return answer


def quoted(part: str) -> str:
    """Return one path segment, percent-encoded whole: an instanceID may hold slashes."""
    return quote(part, safe="")
