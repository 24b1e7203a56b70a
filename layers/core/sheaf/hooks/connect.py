"""The one door to the network: a POST to a hook's URL that cannot be led astray.

The host is resolved once, all its addresses are judged, and one of them is dialled; TLS is verified
against the name. No proxy, no redirect, no compression is taken. A deadline covers everything from
the first DNS question to the last byte, and ends it by shutting the socket down: time-outs of
single reads would let a receiver that drips bytes hold a function for ever.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from sheaf.hooks import targets, wire
from sheaf.hooks.deadline import Deadline
from sheaf.hooks.targets import Resolve, Target

# Of an answer's body so much is read; what counts is the status.
LARGEST_BODY = 20_000
# What every request says of itself; nothing is to be compressed, or kept open.
OURS = {"accept-encoding": "identity", "connection": "close", "user-agent": "sheaf-hooks/1"}


class UnreachableError(Exception):
    """No answer came. `kind` is one word for programs, the message a sentence for people.

    `address` is the one that was dialled last, if it came so far.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.address: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered: header names in lower case, and the beginning of the body.

    `address` is the one that it was reached at.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    address: str | None = None


def dial(address: str, port: int, seconds: float) -> socket.socket:
    """Open a connection to an address, and see that it leads there."""
    opened = socket.create_connection((address, port), timeout=seconds)
    if opened.getpeername()[0] != address:
        opened.close()
        raise ConnectionError(f"The connection leads elsewhere than to {address}.")
    return opened


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
        headers: besides Host, Content-Length and OURS.
        body: what to send.
        seconds: the deadline for all of it.
        network: how to resolve, dial and trust.

    Raises:
        RefusedError: the target may not be reached. Nothing was sent, nothing dialled.
        UnreachableError: no whole answer in time: "dns", "connect", "tls", "timeout", "protocol".
    """
    target = targets.parse(url)
    deadline = Deadline(seconds)
    addresses = targets.judge(_resolved(target, deadline, network))
    with deadline, _named_errors(deadline, addresses):
        dialled = _dialled(addresses, target, deadline, network)
        deadline.guard(dialled)
        with closing(dialled), closing(wire.over(dialled, target, network.trust)) as connection:
            named = {name.lower(): value for name, value in headers.items()}
            _send(connection, target, {**named, **OURS, "host": target.authority}, body)
            return replace(_answer(connection), address=addresses[0])


def _send(
    connection: HTTPConnection, target: Target, headers: Mapping[str, str], body: bytes
) -> None:
    try:
        connection.request("POST", target.path, body, headers, preload_content=False)
    except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
        # It may have answered before it had read everything; without an answer, reading fails too.
        if connection.sock is None:
            raise


def _answer(connection: HTTPConnection) -> Answer:
    with closing(connection.getresponse()) as response:
        read = response.read(LARGEST_BODY, decode_content=False)
        shown = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, shown, read)


def _resolved(target: Target, deadline: Deadline, network: Network) -> list[Any]:
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
    addresses: list[str], target: Target, deadline: Deadline, network: Network
) -> socket.socket:
    """Connect to the first address that answers; all of them have been judged.

    Those before it are taken out of the list.
    """
    while True:
        share = deadline.left / len(addresses)
        try:
            return (network.dial or dial)(addresses[0], target.port, share)
        except OSError:
            if deadline.passed:
                raise TimeoutError from None
            if len(addresses) == 1:
                break
            addresses.pop(0)
    raise UnreachableError("connect", "The receiver refused the connection, or did not answer.")


@contextmanager
def _named_errors(deadline: Deadline, addresses: list[str]) -> Iterator[None]:
    """Say of every way in which a request can fail what it means, and where it did."""
    try:
        yield
        error: Exception | None = None
    except (OSError, HTTPError, http.client.HTTPException, ValueError, UnreachableError) as caught:
        error = caught
    if error is None and not deadline.passed:
        return
    if deadline.passed:
        message = f"No whole answer within {deadline.seconds:g} s."
        named = UnreachableError("timeout", message)
    elif isinstance(error, UnreachableError):
        named = error
    else:
        named = _named(error)
    named.address = addresses[0]
    raise named from error


def _named(error: Exception | None) -> UnreachableError:
    causes = (error, *(error.args if error else ()))
    if any(isinstance(cause, (ConnectionError, ssl.SSLEOFError)) for cause in causes):
        return UnreachableError("connect", "The receiver broke the connection.")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return UnreachableError("tls", "No trusted TLS connection: see the certificate.")
    return UnreachableError("protocol", "The answer is not HTTP.")
