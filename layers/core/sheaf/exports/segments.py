"""A sheet in the making: compressed by and by, in segments that can be joined.

Each segment is a deflate stream that is flushed but not ended, so that it ends at a byte and the
next needs nothing of it. Joined and ended (`archive.LAST_BLOCK`) they are one stream.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import islice

from sheaf.exports.archive import LAST_BLOCK, Packed
from sheaf.exports.spool import Spool

# Of zlib's levels: half the time of its default, for a tenth more of size.
LEVEL = 3


class Segments:
    """The text of a sheet, on its way to a stream of a spool.

    Args:
        spool: where to.
        stream: to which of its streams.
        told: what `tell` gave before.
        level: how hard to compress; 0 where it will be given as it was written.
    """

    def __init__(
        self, spool: Spool, stream: str, told: list[int] | None = None, *, level: int = LEVEL
    ) -> None:
        self._spool, self._stream, self._level = spool, stream, level
        self._crc, self._size, self._packed = told or [0, 0, 0]
        self._compressor = self._fresh()

    def write(self, text: str) -> None:
        """Add lines."""
        data = text.encode(errors="replace")
        self._crc, self._size = zlib.crc32(data, self._crc), self._size + len(data)
        self._keep(self._compressor.compress(data))

    def cut(self) -> None:
        """End a segment: all that was written is in the spool then."""
        self._keep(self._compressor.flush(zlib.Z_FULL_FLUSH))
        self._compressor = self._fresh()

    def tell(self) -> list[int]:
        """Tell what is to be known of it to go on after a cut."""
        return [self._crc, self._size, self._packed]

    @property
    def packed(self) -> Packed:
        """What it is as a member of an archive, cut and ended."""
        return Packed(self._crc, self._size, self._packed + len(LAST_BLOCK))

    def data(self) -> Iterator[bytes]:
        """Give it compressed, cut and ended."""
        yield from self._spool.read(self._stream)
        yield LAST_BLOCK

    def text(self, skip: int = 0) -> Iterator[bytes]:
        """Give it as it was written, cut; without so many of the spool's first pieces.

        To leave out any, each must end with a cut, as a file of the bucket does.
        """
        decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
        for piece in islice(self._spool.read(self._stream), skip, None):
            yield decompressor.decompress(piece)

    def _keep(self, data: bytes) -> None:
        self._packed += len(data)
        self._spool.add(self._stream, data)

    def _fresh(self) -> zlib._Compress:
        return zlib.compressobj(self._level, zlib.DEFLATED, -zlib.MAX_WBITS)
