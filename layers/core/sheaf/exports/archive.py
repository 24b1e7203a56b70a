"""Writing a zip archive by and by, to wherever it goes, without ever going back.

Python's zipfile cannot go on where another process has stopped; here all that is remembered is how
much was written, and the directory so far. (APPNOTE.TXT 6.3.10 is the format.)
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

STORED, DEFLATED = 0, 8
# The last, empty block of a deflate stream: it ends segments that were flushed.
LAST_BLOCK = b"\x03\x00"
# Sizes and places from here on stand in an extra field of 64 bits, members in a count of their own.
_LARGE = 0xFFFF_FFFF
_MANY = 0xFFFF
# What readers must know: a descriptor follows the data (bit 3), names are UTF-8 (bit 11).
_DESCRIBED, _UTF8 = 0x0008, 0x0800
_VERSION = 45
# Made by Unix: 0644, a regular file.
_MADE_BY, _MODE = (3 << 8) | _VERSION, 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Packed:
    """What there is to know of a member's data: its CRC-32, its size, and that as it is stored."""

    crc: int
    size: int
    packed_size: int
    method: int = DEFLATED


class Archive:
    """An archive that is being written.

    Args:
        write: takes the bytes.
        at: how many it has taken before.
        directory: the entries of what was written before, if that is not known to whoever closes.
        members: how many were written before.
    """

    def __init__(self, write: Callable[[bytes], None], *, at: int = 0, members: int = 0) -> None:
        self._write = write
        self.at, self.members = at, members
        self._entries: list[bytes] = []

    def add(self, name: str, packed: Packed, data: Iterable[bytes], moment: int) -> None:
        """Write a member of which all is known.

        Args:
            name: its path.
            packed: what its data are.
            data: those data, as they are stored.
            moment: when it was last changed, in micros.
        """
        start = self.at
        large = max(packed.size, packed.packed_size) >= _LARGE
        self._put(_local(name, packed, moment, large=large, described=False))
        for piece in data:
            self._put(piece)
        self._enter(name, packed, moment, start, described=False)

    def stream(
        self, name: str, data: Iterable[bytes], moment: int, *, expected: int, level: int
    ) -> None:
        """Write a member of which nothing is known until it is written.

        Args:
            name: its path.
            data: its content.
            moment: when it was last changed, in micros.
            expected: about how large it is, at most.
            level: how hard to compress; 0 for what is compressed already.
        """
        start, large = self.at, expected >= _LARGE - (1 << 20)
        self._put(_local(name, Packed(0, 0, 0), moment, large=large, described=True))
        begun, crc, size = self.at, 0, 0
        compressor = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
        for piece in data:
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            self._put(compressor.compress(piece))
        self._put(compressor.flush())
        packed = Packed(crc, size, self.at - begun)
        form = "<4sIQQ" if large else "<4sIII"
        self._put(struct.pack(form, b"PK\x07\x08", crc, packed.packed_size, size))
        self._enter(name, packed, moment, start, described=True)

    def entries(self) -> bytes:
        """Give the directory's entries of what was written since this was last asked."""
        told, self._entries = b"".join(self._entries), []
        return told

    def close(self, directory: Iterable[bytes]) -> None:
        """Write the directory: all `entries`, in order, and what ends the archive."""
        start = self.at
        for piece in directory:
            self._put(piece)
        size, ended = self.at - start, self.at
        if self.members >= _MANY or ended >= _LARGE:
            self._put(
                struct.pack(
                    "<4sQHHIIQQQQ", b"PK\x06\x06", 44, _MADE_BY, _VERSION, 0, 0,
                    self.members, self.members, size, start,
                )
                + struct.pack("<4sIQI", b"PK\x06\x07", 0, ended, 1)
            )  # fmt: skip
        members = min(self.members, _MANY)
        end = (members, members, min(size, _LARGE), min(start, _LARGE), 0)
        self._put(struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, *end))

    def _put(self, data: bytes) -> None:
        if data:
            self._write(data)
            self.at += len(data)

    def _enter(
        self, name: str, packed: Packed, moment: int, start: int, *, described: bool
    ) -> None:
        """Enter a member into the directory."""
        wide = [value for value in (packed.size, packed.packed_size, start) if value >= _LARGE]
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        path = name.encode()
        self._entries.append(
            struct.pack(
                "<4sHHHHIIIIHHHHHII", b"PK\x01\x02", _MADE_BY, _VERSION, _flags(described),
                packed.method, _moment(moment), packed.crc, min(packed.packed_size, _LARGE),
                min(packed.size, _LARGE), len(path), len(extra), 0, 0, 0, _MODE,
                min(start, _LARGE),
            )
            + path
            + extra
        )  # fmt: skip
        self.members += 1


def _local(name: str, packed: Packed, moment: int, *, large: bool, described: bool) -> bytes:
    """Give a member's header."""
    path = name.encode()
    extra = struct.pack("<HHQQ", 1, 16, packed.size, packed.packed_size) if large else b""
    sizes = (_LARGE, _LARGE) if large else (packed.packed_size, packed.size)
    return (
        struct.pack(
            "<4sHHHIIIIHH", b"PK\x03\x04", _VERSION, _flags(described), packed.method,
            _moment(moment), packed.crc, *sizes, len(path), len(extra),
        )
        + path
        + extra
    )  # fmt: skip


def _flags(described: bool) -> int:
    return _UTF8 | (_DESCRIBED if described else 0)


def _moment(micros: int) -> int:
    """Give a moment as MS-DOS tells it: to two seconds, in UTC here."""
    then = datetime.fromtimestamp(micros // 1_000_000, UTC)
    date = (then.year - 1980) << 9 | then.month << 5 | then.day
    return date << 16 | then.hour << 11 | then.minute << 5 | then.second // 2
