"""A deadline for a connection that may hang in any of a hundred places."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress


class Deadline:
    """A moment at which everything ends: the socket under way is shut down from outside."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._strike)
        self._timer.daemon = True

    @property
    def left(self) -> float:
        """Seconds until then; never 0, which would mean no time-out to a socket."""
        return max(self._end - time.monotonic(), 0.001)

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return time.monotonic() >= self._end

    def guard(self, dialled: socket.socket) -> None:
        """Name the connection that ends with it."""
        # A handle of our own: TLS takes the socket away from its owner before the handshake.
        self._socket = dialled.dup()
        self._timer.interval = self.left
        self._timer.start()

    def _strike(self) -> None:
        if self._socket is not None:
            # It may have been closed, or broken by the other side, a moment before.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._socket is not None:
            self._socket.close()
