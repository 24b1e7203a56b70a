"""The one door to the network: a POST to a hook's URL that cannot be led astray.

The host is resolved once, all its addresses are judged, and one of them is dialled; TLS is verified
against the name. No proxy, no redirect, no compression is taken. A deadline covers everything from
the first DNS question to the last byte, and ends it by shutting the socket down: time-outs of
single reads would let a receiver that drips bytes hold a function for ever.
"""

from __future__ import annotations

import functools
import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from sheaf.hooks import targets
from sheaf.hooks.targets import Resolve, Target

# Of an answer's body so much is read; what counts is the status.
LARGEST_BODY = 20_000
# All that is taken off the wire for one answer, headers with it.
_LARGEST_ANSWER = LARGEST_BODY + 40_000
# Nothing is to be compressed, or kept open.
_OURS = {"accept-encoding": "identity", "connection": "close"}


class UnreachableError(Exception):
    """No answer came. `kind` is one word for programs, the message a sentence for people."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered: header names in lower case, and the beginning of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def dial(address: str, port: int, seconds: float) -> socket.socket:
    """Open a connection to an address, and see that it leads there."""
    opened = socket.create_connection((address, port), timeout=seconds)
    if opened.getpeername()[0] != address:
        opened.close()
        raise ConnectionError(f"The connection leads elsewhere than to {address}.")
    return opened


@functools.lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        # A system without certificates of its own: botocore brings Mozilla's.
        import botocore.httpsession

        context.load_verify_locations(botocore.httpsession.DEFAULT_CA_BUNDLE)
    return context


@dataclass(frozen=True, slots=True)
class Network:
    """What stands between a request and the wire, so that a test can record every step."""

    resolve: Resolve | None = None
    dial: Callable[[str, int, float], socket.socket] | None = None
    trust: ssl.SSLContext | None = None


_REAL = Network()


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    seconds: float,
    network: Network = _REAL,
) -> Answer:
    """Send a request and give the answer.

    Args:
        url: where to; it is judged anew each time.
        headers: besides Host, Content-Length, Accept-Encoding and Connection, which are ours.
        body: what to send.
        seconds: the deadline for all of it.
        network: how to resolve, dial and trust.

    Raises:
        RefusedError: the target may not be reached. Nothing was sent, nothing dialled.
        UnreachableError: no whole answer in time: "dns", "connect", "tls", "timeout", "protocol".
    """
    target = targets.parse(url)
    deadline = _Deadline(seconds)
    addresses = targets.judge(_resolved(target, deadline, network))
    with deadline, _named_errors(deadline):
        connection = _connection(target, _dialled(addresses, target, deadline, network), network)
        deadline.guard(connection)
        named = {name.lower(): value for name, value in headers.items()}
        _send(connection, target, {**named, **_OURS, "host": target.authority}, body)
        with closing(connection.getresponse()) as response:
            read = response.read(LARGEST_BODY, decode_content=False)
            shown = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, shown, read)


def _send(
    connection: HTTPConnection, target: Target, headers: Mapping[str, str], body: bytes
) -> None:
    try:
        connection.request("POST", target.path, body, headers, preload_content=False)
    except (BrokenPipeError, ConnectionResetError):
        # It may have answered before it had read everything; without an answer, reading fails too.
        return


class _Deadline:
    """A moment at which everything ends: the socket under way is shut down from outside."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._connection: HTTPConnection | None = None
        self._timer = threading.Timer(seconds, self._strike)
        self._timer.daemon = True
        self.struck = False

    @property
    def left(self) -> float:
        """Seconds until then; never 0, which would mean no time-out to a socket."""
        return max(self._end - time.monotonic(), 0.001)

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return self.struck or time.monotonic() >= self._end

    def guard(self, connection: HTTPConnection) -> None:
        """Name the connection that ends with it."""
        self._connection = connection
        self._timer.start()

    def _strike(self) -> None:
        self.struck = True
        sock = None if self._connection is None else self._connection.sock
        if sock is not None:
            # The plain socket's own method: that of a TLS socket would first forget that it is one,
            # and whoever is reading would be given what is encrypted.
            _quietly(lambda: socket.socket.shutdown(sock, socket.SHUT_RDWR))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._connection is not None:
            self._connection.close()


def _quietly(close: Callable[[], object]) -> None:
    try:
        close()
    except OSError:
        return


def _resolved(target: Target, deadline: _Deadline, network: Network) -> list[Any]:
    """Resolve in a thread of its own: the system's resolver knows no deadline."""
    outcome: list[Any] = []

    def ask() -> None:
        try:
            outcome.append((network.resolve or targets.resolve)(target.host, target.port))
        except (OSError, UnicodeError) as error:
            outcome.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(deadline.left)
    if not outcome:
        raise UnreachableError("timeout", f"No DNS answer within {deadline.seconds:g} s.")
    if isinstance(outcome[0], Exception) or not outcome[0]:
        raise UnreachableError("dns", "The host name could not be resolved.")
    return outcome[0]  # type: ignore[no-any-return]


def _dialled(
    addresses: list[str], target: Target, deadline: _Deadline, network: Network
) -> socket.socket:
    """Connect to the first address that answers; all of them have been judged."""
    for number, address in enumerate(addresses):
        share = deadline.left / (len(addresses) - number)
        try:
            return (network.dial or dial)(address, target.port, share)
        except OSError:
            if deadline.passed:
                break
    if deadline.passed:
        raise TimeoutError
    raise UnreachableError("connect", "The receiver refused the connection, or did not answer.")


def _connection(target: Target, dialled: socket.socket, network: Network) -> HTTPConnection:
    connection: _Plain | _Tls
    if target.scheme == "http":
        connection = _Plain(target.host, target.port)
    else:
        connection = _Tls(
            target.host,
            target.port,
            server_hostname=target.host,
            ssl_context=network.trust or _trust(),
        )
    connection.dialled = dialled
    # The deadline is what limits; a shorter time-out of single reads would only confuse the causes.
    connection.timeout = None
    dialled.settimeout(None)
    return connection


class _CappedResponse(http.client.HTTPResponse):
    """An answer that may take so many bytes off the wire, headers included."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Capped(self.fp), 1024)


class _Capped(io.RawIOBase):
    """Reads through to a file until it has read too much."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._left = _LARGEST_ANSWER

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, up to the buffer's size."""
        if self._left <= 0:
            raise UnreachableError("protocol", "The answer's headers are too large.")
        data = self._file.read1(min(len(buffer), self._left))
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()


class _Plain(HTTPConnection):
    """A connection over a socket that is already there."""

    response_class = _CappedResponse
    dialled: socket.socket

    def _new_conn(self) -> socket.socket:
        return self.dialled


class _Tls(HTTPSConnection):
    """The same with TLS."""

    response_class = _CappedResponse
    dialled: socket.socket

    def _new_conn(self) -> socket.socket:
        return self.dialled


@contextmanager
def _named_errors(deadline: _Deadline) -> Iterator[None]:
    """Say of every way in which a request can fail what it means."""
    try:
        yield
    except (OSError, HTTPError, http.client.HTTPException, ValueError, UnreachableError) as error:
        if deadline.passed:
            message = f"No whole answer within {deadline.seconds:g} s."
            raise UnreachableError("timeout", message) from None
        if isinstance(error, UnreachableError):
            raise
        raise _named(error) from error
    if deadline.struck:
        raise UnreachableError("timeout", f"No whole answer within {deadline.seconds:g} s.")


def _named(error: Exception) -> UnreachableError:
    if isinstance(error, ssl.SSLError) or "SSL" in type(error).__name__:
        return UnreachableError("tls", "No trusted TLS connection: see the certificate.")
    causes = (error, *error.args)
    if any(isinstance(cause, ConnectionError) for cause in causes):
        return UnreachableError("connect", "The receiver broke the connection.")
    return UnreachableError("protocol", "The answer is not HTTP.")
