"""Writing submitted files into an archive: small ones are fetched ahead, large ones by and by."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from botocore.exceptions import ClientError

from sheaf import blobs
from sheaf.data.decryption import Decryptor
from sheaf.exports.archive import DEFLATED, STORED, Archive, Packed
from sheaf.exports.listed import Listed
from sheaf.exports.naming import FOLDER
from sheaf.exports.selection import SIDE_BY_SIDE
from sheaf.problems import DecryptionFailed
from sheaf.telemetry import logger

# What is fetched ahead, in bytes and in files.
_AHEAD = 4 * blobs.PIECE
_FILES = 2 * SIDE_BY_SIDE
# Types of files that get smaller when they are compressed.
_COMPRESSIBLE = ("text/", "application/json", "application/xml", "application/geo+json")
_LEVEL = 6


def write(archive: Archive, files: Iterable[Listed], decryptor: Decryptor) -> Iterator[None]:
    """Write files, one at each step. One that is gone, or cannot be opened, is left out."""
    for file, content in fetched(files, decryptor):
        if content is not None:
            _write(archive, file, content)
        yield


def fetched(
    files: Iterable[Listed], decryptor: Decryptor
) -> Iterator[tuple[Listed, Iterator[bytes] | None]]:
    """Give each file with its content, or None; those after it are on their way already."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        waiting: deque[tuple[Listed, _Content]] = deque()
        held = 0
        for file in files:
            content = _Content(file, decryptor, pool)
            waiting.append((file, content))
            held += content.held
            while held > _AHEAD or len(waiting) > _FILES:
                first, content = waiting.popleft()
                held -= content.held
                yield first, content.read()
        yield from ((file, content.read()) for file, content in waiting)


class _Content:
    """A file's content: on its way at once where it is small; `held` is what it then takes."""

    def __init__(self, file: Listed, decryptor: Decryptor, pool: ThreadPoolExecutor) -> None:
        self._file, self._decryptor = file, decryptor
        small = file.blob.size <= blobs.PIECE
        self.held = file.blob.size if small else 0
        self._coming = pool.submit(self._whole) if small else None

    def read(self) -> Iterator[bytes] | None:
        """Give it, or None."""
        if self._coming is None:
            return self._opened()
        data = self._coming.result()
        return None if data is None else iter((data,))

    def _whole(self) -> bytes | None:
        content = self._opened()
        try:
            return None if content is None else b"".join(content)
        except DecryptionFailed:
            _leave_out(self._file)
            return None

    def _opened(self) -> Iterator[bytes] | None:
        """Read the first piece, and so learn whether there is anything to read."""
        pieces = blobs.pieces(self._file.blob)
        try:
            opener = self._file.opener(self._decryptor)
            content = pieces if opener is None else opener[0](opener[1], pieces)
            first = next(content, b"")
        except (ClientError, DecryptionFailed) as error:
            # It may have been replaced, or its submission purged, since it was listed.
            if isinstance(error, ClientError) and error.response["Error"]["Code"] != "NoSuchKey":
                raise
            _leave_out(self._file)
            return None
        return chain((first,), content)


def _leave_out(file: Listed) -> None:
    logger.info("export.file_left_out", extra={"key": file.blob.key})


def _as_far_as_it_goes(content: Iterator[bytes], file: Listed) -> Iterator[bytes]:
    """Give a large encrypted file that turns out to be cut off all the same: it has begun."""
    try:
        yield from content
    except DecryptionFailed:
        logger.info("export.file_cut_off", extra={"key": file.blob.key})


def _write(archive: Archive, file: Listed, content: Iterator[bytes]) -> None:
    name, moment = f"{FOLDER}{file.path}", file.blob.id
    compressible = file.blob.content_type.startswith(_COMPRESSIBLE)
    if file.blob.size > blobs.PIECE:
        # Level 0 where nothing is to be won: who reads a zip as a stream wants it deflated.
        level = _LEVEL if compressible else 0
        whole = _as_far_as_it_goes(content, file)
        archive.stream(name, whole, moment, expected=file.blob.size, level=level)
        return
    data = b"".join(content)
    packed, method = data, STORED
    if compressible:
        compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed, method = compressor.compress(data) + compressor.flush(), DEFLATED
    told = Packed(zlib.crc32(data), len(data), len(packed), method)
    archive.add(name, told, (packed,), moment)
