"""A real HTTP receiver for hooks on this machine: it keeps what comes and answers as told.

Used by tests and the demo as an object, and by a person as `python -m local.receiver PORT`.
"""

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came: header names in lower case, the body's bytes untouched.

    `status` is what it was answered with.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime
    status: int

    def json(self) -> Any:
        """Return the body, parsed."""
        return json.loads(self.body)


@dataclass(slots=True)
class _Script:
    """What to answer on a path: each status once, in order, then 200; after `delay` seconds."""

    statuses: list[int] = field(default_factory=list)
    delay: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)


class Receiver:
    """Listen on 127.0.0.1 from construction until `close`, or in a `with` block.

    Args:
        port: 0 takes a free one.
        statuses: answers of the first requests, on any path without a script of its own.
        delay: seconds to wait before each of those answers.
        on_request: called with each request, in the order of `requests`, before its answer.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        statuses: Iterable[int] = (),
        delay: float = 0.0,
        on_request: Callable[[Received], None] = lambda _: None,
    ) -> None:
        self.requests: list[Received] = []
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._default = _Script(list(statuses), delay)
        self._scripts: dict[str, _Script] = {}
        self._on_request = on_request
        self._server = _Server(("127.0.0.1", port), self._receive)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The address without a path, as in `http://127.0.0.1:4999`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def script(
        self,
        path: str,
        statuses: Iterable[int] = (),
        *,
        delay: float = 0.0,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Set what requests for a path are answered with, then 200; return the path's URL."""
        with self._changed:
            self._scripts[path] = _Script(list(statuses), delay, headers or {})
        return self.url + path

    def at(self, path: str) -> list[Received]:
        """Return the requests for a path, oldest first."""
        with self._changed:
            return [request for request in self.requests if request.path == path]

    def wait_for(
        self, predicate: Callable[[list[Received]], bool], timeout: float = 20.0
    ) -> list[Received]:
        """Wait until the requests so far satisfy a predicate, and return them, oldest first.

        Raises:
            TimeoutError: after `timeout` seconds, with what has come by then.
        """
        with self._changed:
            if self._changed.wait_for(lambda: predicate(self.requests), timeout):
                return list(self.requests)
            seen = [(r.path, r.headers.get("webhook-event"), r.status) for r in self.requests]
        raise TimeoutError(f"Waited {timeout} s in vain. {len(seen)} requests came: {seen}")

    def close(self) -> None:
        """Stop listening. Requests under way are answered at once."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _receive(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str]]:
        with self._changed:
            script = self._scripts.get(path, self._default)
            status = script.statuses.pop(0) if script.statuses else 200
            received = Received(method, path, headers, body, datetime.now(UTC), status)
            self.requests.append(received)
            self._on_request(received)
            self._changed.notify_all()
        if script.delay:
            self._closing.wait(script.delay)
        return status, script.headers


class _Server(ThreadingHTTPServer):
    """A threaded server whose requests end in one function; closing waits for no idle client."""

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        address: tuple[str, int],
        receive: Callable[..., tuple[int, Mapping[str, str]]],
    ) -> None:
        self.receive = receive
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Read a request whole, hand it on, answer it."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        status, more = self.server.receive(self.command, self.path, headers, body)
        answer = json.dumps({"received": status < 400}).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **more}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        # Who asked may have given up waiting.
        with suppress(ConnectionError):
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

    do_POST = do_PUT = do_GET = do_HEAD = do_PATCH = do_DELETE = _serve  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Keep silent: who uses the receiver says what to show."""


def line(received: Received) -> str:
    """Return a request as one readable line."""
    kind = received.headers.get("webhook-event", received.headers.get("content-type", "-"))
    what = ""
    if received.headers.get("content-type", "").startswith("application/json"):
        body = received.json()
        actor = (body.get("actor") or {}).get("displayName", "nobody")
        data = body.get("data") or {}
        what = f"{body.get('id')} by {actor}, review state {data.get('reviewState')}"
    attempt = received.headers.get("webhook-attempt", "1")
    return (
        f"{received.at:%H:%M:%S} {received.method} {received.path} {kind} attempt {attempt} "
        f"{len(received.body)} B -> {received.status}  {what}"
    ).rstrip()


def _watch(port: int) -> None:
    with Receiver(port, on_request=lambda received: print(line(received), flush=True)) as receiver:
        print(f"Listening on {receiver.url}. Every request is answered 200. Ctrl-C ends it.")
        threading.Event().wait()


if __name__ == "__main__":
    # A script's background jobs begin with Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        _watch(int(sys.argv[1]) if len(sys.argv) > 1 else 4999)
    except KeyboardInterrupt:
        print()
