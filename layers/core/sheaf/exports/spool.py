"""What an export has made so far and not yet put into its place, in streams that have names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol


class Spool(Protocol):
    """Keeps streams of bytes until they are read."""

    def add(self, stream: str, data: bytes) -> None:
        """Add to the end of a stream; what is added at once is read at once."""

    def read(self, stream: str, *, backwards: bool = False) -> Iterator[bytes]:
        """Give what was added to a stream, in order or the last first."""

    def drop(self, stream: str) -> None:
        """Forget a stream."""


class Memory:
    """A spool for as long as a request; `size` is what it holds, in bytes."""

    def __init__(self) -> None:
        self.size = 0
        self._streams: dict[str, list[bytes]] = {}

    def add(self, stream: str, data: bytes) -> None:
        """See Spool."""
        if data:
            self._streams.setdefault(stream, []).append(data)
            self.size += len(data)

    def read(self, stream: str, *, backwards: bool = False) -> Iterator[bytes]:
        """See Spool."""
        held = self._streams.get(stream, [])
        return iter(held[::-1] if backwards else held)

    def drop(self, stream: str) -> None:
        """See Spool."""
        self.size -= sum(map(len, self._streams.pop(stream, ())))
