"""The function hosts as the launcher sees them: one process, or one per role with IAM enforced."""

from __future__ import annotations

import itertools
import time
from dataclasses import asdict, dataclass
from queue import Queue
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from local import emulator
from local.child import Child, Message
from local.options import CHECKOUT

if TYPE_CHECKING:
    from local.folder import Folder
    from local.journal import Journal
    from local.template import Application, Function

# The name under which all functions share one host.
_SHARED = "all"
_ANSWER_SECONDS = 30
# An event is never longer than this between two functions, a queue's visibility time aside.
_IDLE_SECONDS = 0.25
_DRAIN_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Invocation:
    """An invocation that has ended, with the AWS calls it made, as `service:Operation`."""

    function: str
    calls: list[str]
    error: str | None
    ms: int


class Hosts:
    """The processes that run the functions' code.

    Args:
        application: The functions and layers to serve.
        aws: Address of the emulator.
        strict: Whether each role has a process and credentials of its own.
        journal: Gets a line for each event, delivery, error and reload.
        log: Where the functions' output goes; None is the terminal.
        folder: Remembers the ports, so that the stack need not be updated after a restart.
    """

    def __init__(
        self,
        application: Application,
        *,
        aws: str,
        strict: bool,
        journal: Journal,
        log: IO[bytes] | None,
        folder: Folder,
    ) -> None:
        self._application = application
        self._aws = aws
        self._strict = strict
        self._journal = journal
        self._pongs: dict[int, Queue[Message]] = {}
        self._numbers = itertools.count()
        self.invocations: list[Invocation] = []
        self.urls: dict[str, str] = {}
        self._children = [self._start(group, folder, log) for group in sorted(self._groups())]

    def _groups(self) -> dict[str, list[Function]]:
        groups: dict[str, list[Function]] = {}
        for function in self._application.functions.values():
            groups.setdefault(function.role if self._strict else _SHARED, []).append(function)
        return groups

    def _start(self, group: str, folder: Folder, log: IO[bytes] | None) -> Child:
        listening = _listen(folder.port(group))
        port = listening.getsockname()[1]
        folder.remember_port(group, port)
        functions = self._groups()[group]
        self.urls |= {function.role: f"http://127.0.0.1:{port}" for function in functions}
        child = Child(
            "local.host",
            environment=self._environment(port),
            log=log,
            folder=CHECKOUT,
            on_message=self._receive,
            descriptors=(listening.fileno(),),
        )
        child.channel.send(
            {
                "functions": [asdict(function) for function in functions],
                "layers": self._application.layers,
                "listening": listening.fileno(),
                "endpoint": self._aws,
                "emulator_port": urlsplit(self._aws).port,
                "strict": self._strict,
            }
        )
        listening.close()
        return child

    def _environment(self, port: int) -> dict[str, str]:
        access = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        if self._strict:
            # The host hands out its role's credentials, as Lambda does, and renews them in time.
            access = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{port}/"}
        return emulator.clean_environment() | access | {"AWS_ENDPOINT_URL": self._aws}

    def _receive(self, message: Message) -> None:
        if message["kind"] == "invocation":
            self.invocations.append(_invocation(message))
            self._journal.invocation(message)
        if message["kind"] == "reload":
            self._journal.reload(message["files"])
        if message["kind"] == "pong":
            self._pongs.pop(message["number"]).put(message)

    def settle(self) -> int:
        """Return once all that the hosts have reported so far is in `invocations`.

        Returns:
            How many invocations are under way.

        Raises:
            queue.Empty: A host does not answer.
        """
        under_way = 0
        for child in self._children:
            number = next(self._numbers)
            arrived: Queue[Message] = Queue()
            self._pongs[number] = arrived
            child.channel.send({"kind": "ping", "number": number})
            under_way += arrived.get(timeout=_ANSWER_SECONDS)["running"]
        return under_way

    def drain(self) -> None:
        """Return once the functions have been idle for a moment, or after 5 s of waiting."""
        deadline = time.monotonic() + _DRAIN_SECONDS
        idle_since = time.monotonic()
        known = len(self.invocations)
        while time.monotonic() < min(deadline, idle_since + _IDLE_SECONDS):
            time.sleep(0.02)
            if not self.are_running:
                return
            if self.settle() or len(self.invocations) != known:
                known = len(self.invocations)
                idle_since = time.monotonic()

    def fail(self, function: str, call: int, when: str) -> None:
        """Let AWS call number `call` (from 1) of the function's next invocation crash.

        `when` is "before" or "after" the call is made.
        """
        self._tell({"kind": "fail", "function": function, "call": call, "when": when})

    def expect(self, event_id: str) -> None:
        """Let the event of a rule with that id be handled at once when it is sent by hand."""
        self._tell({"kind": "expect", "id": event_id})

    def withdraw(self) -> None:
        """Forget the failures that were ordered and have not happened."""
        self._tell({"kind": "withdraw"})

    def _tell(self, message: Message) -> None:
        for child in self._children:
            child.channel.send(message)
        self.settle()

    @property
    def are_running(self) -> bool:
        """Whether every process is alive."""
        return all(child.is_running for child in self._children)

    @property
    def pids(self) -> list[int]:
        """The process ids."""
        return [child.pid for child in self._children]

    def stop(self) -> None:
        """End the processes."""
        for child in self._children:
            child.stop(5)

    def kill(self) -> None:
        """End the processes as a crash would."""
        for child in self._children:
            child.kill()


def _listen(port: int) -> Any:
    try:
        return emulator.listen(port, "")
    except emulator.StartError:
        return emulator.listen(0, "")


def _invocation(message: Message) -> Invocation:
    return Invocation(message["function"], message["calls"], message["error"], message["ms"])
