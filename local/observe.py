"""What a function does to the outside, seen without the function knowing.

Two seams are watched: the one method of botocore that every AWS call passes, and the few functions
of the standard library through which another server answers, or does not. A test may make any AWS
call fail here.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class InjectedError(Exception):
    """A crash that a test has ordered before or after one AWS call."""


@dataclass(slots=True, eq=False)
class Invocation:
    """What one invocation has done so far; `deadline` is the end of its time (Unix, seconds).

    `answers` holds, for each request to another server, the status or the name of the error;
    `notices` the subjects of what was published to people.
    """

    function: str
    deadline: float
    calls: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    answers: list[int | str] = field(default_factory=list)


@dataclass(slots=True)
class Fault:
    """An order: the call number `call` of the function's next invocation fails.

    `when` is "before" (the call is not made) or "after" (it is made, its answer is lost).
    """

    function: str
    call: int
    when: str


_NOTED = "noted by the local stack"

_current: ContextVar[Invocation | None] = ContextVar("invocation", default=None)
_running: list[Invocation] = []
_faults: list[Fault] = []
_lock = threading.Lock()


def watch(emulator_port: int) -> None:
    """Start watching this process; calls to the emulator's port are AWS, others are not."""
    _watch_aws()
    _watch_http(emulator_port)
    _follow_into_pools()


class invocation:  # noqa: N801 - reads as the statement `with invocation(...)`.
    """The time in which a function runs."""

    def __init__(self, function: str, deadline: float) -> None:
        self._seen = Invocation(function, deadline)

    def __enter__(self) -> Invocation:
        self._token = _current.set(self._seen)
        with _lock:
            _running.append(self._seen)
        return self._seen

    def __exit__(self, *_: object) -> None:
        with _lock:
            _running.remove(self._seen)
        _current.reset(self._token)


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Let what the host itself does in this time belong to no function."""
    token = _current.set(Invocation("", 0))
    try:
        yield
    finally:
        _current.reset(token)


def order(fault: Fault) -> None:
    """Let a coming AWS call fail, once."""
    with _lock:
        _faults.append(fault)


def withdraw() -> None:
    """Forget the faults that were ordered and have not happened."""
    with _lock:
        _faults.clear()


def running() -> int:
    """Count the invocations that are under way and still have time."""
    with _lock:
        return sum(seen.deadline > time.time() for seen in _running)


def _seen() -> Invocation | None:
    """Return the invocation of this context; a thread that has none belongs to the only one."""
    if found := _current.get():
        return found
    with _lock:
        return _running[0] if len(_running) == 1 else None


def _watch_aws() -> None:
    from botocore.client import BaseClient

    call = BaseClient._make_api_call

    @functools.wraps(call)
    def watched(client: Any, operation: str, parameters: Any, *more: Any) -> Any:
        seen = _seen()
        if seen is None:
            return call(client, operation, parameters, *more)
        with _lock:
            seen.calls.append(f"{client.meta.service_model.service_name}:{operation}")
            number = len(seen.calls)
        _fail(seen, number, "before")
        answer = call(client, operation, parameters, *more)
        if operation == "PutEvents":
            seen.events += parameters.get("Entries", [])
        if operation == "Publish":
            seen.notices.append(parameters.get("Subject", ""))
        _fail(seen, number, "after")
        return answer

    BaseClient._make_api_call = watched


def _fail(seen: Invocation, number: int, when: str) -> None:
    wanted = Fault(seen.function, number, when)
    with _lock:
        if wanted not in _faults:
            return
        _faults.remove(wanted)
    raise InjectedError(f"{when} call {number} of {seen.function}: {seen.calls[number - 1]}")


def _watch_http(emulator_port: int) -> None:
    answer = http.client.HTTPConnection.getresponse
    connect: Any = socket.create_connection
    resolve: Any = socket.getaddrinfo

    def answering(connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        with _outcome(connection.port == emulator_port) as told:
            response = answer(connection)
            told.append(response.status)
        return response

    def connecting(address: Any, *args: Any, **kwargs: Any) -> Any:
        with _outcome(address[1] == emulator_port):
            return connect(address, *args, **kwargs)

    def resolving(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        with _outcome(port == emulator_port):
            return resolve(host, port, *args, **kwargs)

    http.client.HTTPConnection.getresponse = answering  # type: ignore[assignment,method-assign]
    socket.create_connection = connecting
    socket.getaddrinfo = resolving


@contextlib.contextmanager
def _outcome(is_emulator: bool) -> Iterator[list[int | str]]:
    """Note what the body tells, or the error that it ends with, as an answer."""
    told: list[int | str] = []
    try:
        yield told
    except (OSError, http.client.HTTPException) as error:
        # One function may call the other: an error is one outcome, however many it passes.
        if not getattr(error, _NOTED, False):
            setattr(error, _NOTED, True)
            told.append(type(error).__name__)
        raise
    finally:
        if not is_emulator and (seen := _seen()):
            seen.answers += told


def _follow_into_pools() -> None:
    """Let work that a function gives to a thread pool still belong to its invocation."""
    submit: Any = ThreadPoolExecutor.submit

    def following(pool: Any, work: Any, /, *args: Any, **kwargs: Any) -> Any:
        return submit(pool, copy_context().run, work, *args, **kwargs)

    ThreadPoolExecutor.submit = following  # type: ignore[method-assign]
