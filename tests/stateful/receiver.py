"""Receivers of hooks that answer as they are told, and keep what came, byte for byte."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.stateful.clockwork import Clock

# A time-out is played by the clock: so long (seconds) nothing comes, and then nothing ever.
_TIMEOUT, _SLOW = 15, 3


@dataclass(frozen=True)
class Reply:
    """What a receiver does with a request, after `takes` seconds; without a status it hangs up.

    `takes_it` says that it has the delivery now, `ends_it` that it wants no further attempt.
    """

    status: int | None = 200
    headers: tuple[tuple[str, str], ...] = ()
    takes: float = 0
    echo: bool = False

    @property
    def takes_it(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def ends_it(self) -> bool:
        return (
            self.takes_it
            or self.status == 410
            or ("webhook-delivery", "abort-message") in self.headers
        )


REPLIES = {
    "ok": Reply(),
    "ok, and says it all again": Reply(echo=True),
    "ok, slowly": Reply(takes=_SLOW),
    "500": Reply(500, echo=True),
    "redirect": Reply(302, (("location", "/elsewhere"),)),
    "busy": Reply(503, (("retry-after", "1800"),)),
    "gone": Reply(410),
    "no more of it": Reply(500, (("webhook-delivery", "abort-message"),)),
    "no more at all": Reply(200, (("webhook-delivery", "disable"),)),
    "hangs": Reply(None, takes=_TIMEOUT),
    "hangs up": Reply(None),
}


@dataclass(frozen=True)
class Received:
    """A request, and what was done with it, when (micros)."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    at: int
    reply: Reply

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Receivers:
    """Any number of them, told apart by the path; each takes what comes unless it is told."""

    def __init__(self, clock: Clock) -> None:
        self.requests: list[Received] = []
        self.scripts: dict[str, deque[Reply]] = defaultdict(deque)
        self._clock = clock
        self._server = _Server(self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def restart(self) -> None:
        """Forget all."""
        self.requests.clear()
        self.scripts.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def receive(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        script = self.scripts[path]
        reply = script.popleft() if script else REPLIES["ok"]
        self.requests.append(Received(path, headers, body, self._clock.now, reply))
        self._clock.forward(reply.takes)
        return reply


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, receivers: Receivers) -> None:
        self.receivers = receivers
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        reply = self.server.receivers.receive(self.path, headers, body)
        self.close_connection = True
        if reply.status is None:
            return
        said = body if reply.echo else b"{}"
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        pass
