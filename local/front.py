"""The front: the API at the root of a port of its own, as clients know it from AWS.

It stands for what AWS has between a client and the HTTP API: the request limit, the headers that
API Gateway adds, encoded paths and the words of its errors.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from local.http_event import encode_path

if TYPE_CHECKING:
    import socket

    from local.journal import Journal

# API Gateway's limit for the body of a request, in bytes.
BODY_LIMIT = 10 * 1024 * 1024
_TIMEOUT = 40
# How long, and how much, of a body that is refused is still taken: seconds and bytes.
_PATIENCE = 2.0
_TAKEN_AT_MOST = 1 << 28
_HOP_BY_HOP = {
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
}
# Set here as API Gateway sets them, whatever the client says.
_OWN = {"x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"}
_DROPPED_FROM_ANSWER = {"server", *_HOP_BY_HOP}
_TOO_LARGE = (413, b'{"message":"Request Entity Too Large"}')
_BAD_REQUEST = (400, b'{"message":"Bad Request"}')
_NOT_READY = (503, b'{"message":"Service Unavailable"}')
_FUNCTION_FAILED = (500, b'{"message":"Internal Server Error"}')


class BodyTooLargeError(Exception):
    """The request's body is over the limit."""


class Front(ThreadingHTTPServer):
    """Takes requests on the socket and passes them to the emulator's gateway.

    `gateway` is the address, as (port, path prefix), and None until the stack stands.
    """

    daemon_threads = True

    def __init__(self, listening: socket.socket, journal: Journal) -> None:
        super().__init__(listening.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.journal = journal
        self.gateway: tuple[int, str] | None = None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a client go that has closed its connection; anything else is a fault of ours."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Front

    def _serve(self) -> None:
        started = time.monotonic()
        try:
            status = self._pass_on(self._body())
        except BodyTooLargeError:
            # Nobody knows where the next request begins, so the connection cannot go on.
            self.close_connection = True
            status = self._answer_json(*_TOO_LARGE)
            self._take_the_rest()
        except ValueError:
            # A length that is no number: nobody knows where the next request begins.
            self.close_connection = True
            status = self._answer_json(*_BAD_REQUEST)
        except (TimeoutError, http.client.HTTPException, ConnectionError):
            status = self._answer_json(*_NOT_READY)
        ms = (time.monotonic() - started) * 1000
        self.server.journal.request(self.command, self.path, status, ms)

    # The names that http.server looks for.
    do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815
    do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815

    def handle_expect_100(self) -> bool:
        """Let the client send its body, unless it has said that it is too large."""
        length = self.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > BODY_LIMIT:
            return True
        return super().handle_expect_100()

    def _body(self) -> bytes | None:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return self._chunks()
        if "content-length" not in self.headers:
            return None
        length = _size(self.headers["content-length"], 10)
        if length > BODY_LIMIT:
            raise BodyTooLargeError
        return self.rfile.read(length)

    def _take_the_rest(self) -> None:
        """Read what the client still sends: a connection that is reset would hide our answer."""
        self.connection.settimeout(_PATIENCE)
        left = _TAKEN_AT_MOST
        with suppress(OSError):
            while left > 0 and (taken := self.rfile.read1(1 << 16)):
                left -= len(taken)

    def _chunks(self) -> bytes:
        body = bytearray()
        while size := _size(self.rfile.readline().split(b";")[0].decode("latin-1"), 16):
            if len(body) + size > BODY_LIMIT:
                raise BodyTooLargeError
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            """Trailers have no meaning here."""
        return bytes(body)

    def _pass_on(self, body: bytes | None) -> int:
        if self.server.gateway is None:
            return self._answer_json(*_NOT_READY)
        port, prefix = self.server.gateway
        gateway = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
        try:
            path, mark, query = self.path.partition("?")
            target = f"{prefix}{encode_path(path)}{mark}{query}"
            gateway.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
            for name, value in self._headers_to_pass(body):
                gateway.putheader(name, value)
            gateway.endheaders(body)
            return self._answer_from(gateway.getresponse())
        finally:
            gateway.close()

    def _headers_to_pass(self, body: bytes | None) -> list[tuple[str, str]]:
        given = [
            (name, value)
            for name, value in self.headers.items()
            if name.lower() not in _HOP_BY_HOP | _OWN
        ]
        client = self.client_address[0]
        forwarded = [*self.headers.get_all("x-forwarded-for", []), client]
        given += [
            ("x-forwarded-for", ", ".join(forwarded)),
            ("x-forwarded-port", "443"),
            # API Gateway speaks TLS only, so that is what every function is told.
            ("x-forwarded-proto", "https"),
        ]
        return given if body is None else [*given, ("content-length", str(len(body)))]

    def _answer_from(self, response: http.client.HTTPResponse) -> int:
        body = response.read()
        if response.status == 502 and (error := _function_error(body)):
            # What the function itself has raised, the function host has told already.
            if not error.startswith("Proxy target returned"):
                self.server.journal.say(f"error before or after the function: {error}")
            return self._answer_json(*_FUNCTION_FAILED)
        headers = [
            (name, value)
            for name, value in response.getheaders()
            if name.lower() not in _DROPPED_FROM_ANSWER
        ]
        length = response.getheader("content-length") if self.command == "HEAD" else None
        return self._answer(response.status, headers, body, length)

    def _answer_json(self, status: int, body: bytes) -> int:
        return self._answer(status, [("content-type", "application/json")], body)

    def _answer(
        self, status: int, headers: list[tuple[str, str]], body: bytes, length: str | None = None
    ) -> int:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("content-length", length or str(len(body)))
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        return status

    def log_message(self, *_: object) -> None:
        """Say nothing: the journal has a line for each request."""


def _size(text: str, base: int) -> int:
    """Read a size; ValueError if it is none."""
    size = int(text, base)
    if size < 0:
        raise ValueError(text)
    return size


def _function_error(body: bytes) -> str:
    """Return the message of the emulator's own answer for a failed function, "" for any other."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        return ""
    is_error = isinstance(found, dict) and found.keys() == {"errorMessage", "errorType"}
    return str(found["errorMessage"]) if is_error else ""
