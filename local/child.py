"""A process of the local stack that talks with the launcher and never outlives it.

Launcher and child share a socket that carries JSON messages, one a line, both ways. When the
launcher dies, however it dies, the child reads the end of the stream and ends itself.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

Message = dict[str, Any]


class Channel:
    """One end of the socket; `send` may be called from any thread."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._lines = end.makefile("rb")
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send a message; one that nobody can receive any more is dropped."""
        line = json.dumps(message).encode() + b"\n"
        try:
            with self._lock:
                self._end.sendall(line)
        except OSError:
            return

    def __iter__(self) -> Iterator[Message]:
        try:
            for line in self._lines:
                yield json.loads(line)
        except OSError:
            return

    def close(self) -> None:
        """Close this end: the other one reads the end of the stream."""
        try:
            self._end.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
        finally:
            self._lines.close()
            self._end.close()


def channel_of_child() -> Channel:
    """Open the child's end, whose file descriptor is the first argument of its command line."""
    return Channel(socket.socket(fileno=int(sys.argv[1])))


class Child:
    """A running `python -m module` with a channel; its output goes to a log file."""

    def __init__(
        self,
        module: str,
        *,
        environment: Mapping[str, str],
        log: IO[bytes] | None,
        folder: Path,
        on_message: Callable[[Message], None] | None = None,
        descriptors: tuple[int, ...] = (),
    ) -> None:
        ours, theirs = socket.socketpair()
        self.module = module
        self.channel = Channel(ours)
        # A session of its own: Ctrl-C reaches the launcher alone, which then ends the children in
        # their order.
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, str(theirs.fileno())],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT if log else None,
            pass_fds=(theirs.fileno(), *descriptors),
            start_new_session=True,
        )
        theirs.close()
        self._reader = threading.Thread(target=self._read, args=(on_message,), daemon=True)
        self._reader.start()

    def _read(self, on_message: Callable[[Message], None] | None) -> None:
        for message in self.channel:
            if on_message:
                on_message(message)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    def stop(self, seconds: float) -> None:
        """End the process gracefully, or by force after that many seconds."""
        if self.is_running:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.channel.close()
        self._reader.join(seconds)

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        self._process.kill()
        self._process.wait()
        self.channel.close()
        self._reader.join(5)


def exit_with_launcher(channel: Channel, on_message: Callable[[Message], None]) -> None:
    """Handle the launcher's messages until it is gone, then end this process."""
    for message in channel:
        on_message(message)
    os._exit(0)
