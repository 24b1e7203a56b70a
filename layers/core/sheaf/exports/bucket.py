"""An export's files in the bucket: what was made so far, and the result as it grows."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from sheaf import aws, blobs, clock, settings

# S3 takes parts of 5 MB and more, and 10,000 of them; later parts are larger, so that there is room
# for 300 GB.
_SMALLEST = 5 << 20
_PART = 8 << 20
_LARGE_FROM, _LARGER = 2000, 5
# As answers are compressed; and how gzip begins: deflated, without name or time, on any system.
_LEVEL = 5
_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
# How many parts S3 lists at a time.
_LISTED = 1000


class Spooled:
    """A spool in the bucket. What was added is kept from the next `flush` on.

    Args:
        prefix: where its files lie.
        chunks: of each stream, the files that there are, as `told` gave them.
        ensure: called before anything is written.
    """

    def __init__(
        self, prefix: str, chunks: dict[str, list[str]], ensure: Callable[[], None]
    ) -> None:
        self._prefix, self._ensure = prefix, ensure
        self._chunks = {stream: list(names) for stream, names in chunks.items()}
        self._held: dict[str, bytearray] = {}

    @property
    def size(self) -> int:
        """How much is held in memory, in bytes."""
        return sum(map(len, self._held.values()))

    def add(self, stream: str, data: bytes) -> None:
        """See Spool."""
        if data:
            self._held.setdefault(stream, bytearray()).extend(data)

    def read(self, stream: str, *, backwards: bool = False) -> Iterator[bytes]:
        """See Spool."""
        held = bytes(self._held.get(stream, b""))
        names = self._chunks.get(stream, [])
        if backwards:
            yield held
            names = names[::-1]
        for name in names:
            yield blobs.load(f"{self._prefix}{stream}/{name}")
        if not backwards:
            yield held

    def drop(self, stream: str) -> None:
        """Forget a stream."""
        self._held.pop(stream, None)
        self._chunks.pop(stream, None)

    def flush(self) -> dict[str, list[str]]:
        """Keep what is held; give the files of each stream."""
        s3 = aws.client("s3")
        for stream, data in self._held.items():
            self._ensure()
            # A name of its own: whoever was thought dead may still write one.
            name = f"{len(self._chunks.get(stream, ())):06d}-{clock.letters(4)}"
            key = f"{self._prefix}{stream}/{name}"
            s3.put_object(Bucket=settings.BUCKET_NAME, Key=key, Body=bytes(data))
            self._chunks.setdefault(stream, []).append(name)
        self._held.clear()
        return self._chunks


class Result:
    """The file that an export makes, sent to the bucket in parts.

    Args:
        key: where to.
        ensure: called before anything is written.
        upload: the upload's id, and how many parts were sent, as `cut` told it.
        held: what was not sent yet, as `cut` gave it.
    """

    def __init__(
        self,
        key: str,
        ensure: Callable[[], None],
        upload: tuple[str, int] = ("", 0),
        held: bytes = b"",
    ) -> None:
        self._place = {"Bucket": settings.BUCKET_NAME, "Key": key}
        self._ensure = ensure
        self._upload, self._parts = upload
        self._held = bytearray(held)

    def standing(self) -> bool:
        """Whether the upload can be gone on with: it has neither been completed nor given up."""
        if not self._upload:
            return True
        try:
            aws.client("s3").list_parts(**self._place, UploadId=self._upload, MaxParts=1)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise
            return False
        return True

    def written(self) -> bool:
        """Whether the whole file is there."""
        try:
            aws.client("s3").head_object(**self._place)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
                raise
            return False
        return True

    def write(self, data: bytes) -> None:
        """Add to the file."""
        self._held += data
        size = _PART * (_LARGER if self._parts >= _LARGE_FROM else 1)
        while len(self._held) >= size:
            self._send(size)

    def cut(self) -> tuple[tuple[str, int], bytes]:
        """Give what it takes to go on: what was sent, and what is too small to be."""
        if len(self._held) >= _SMALLEST:
            self._send(len(self._held))
        return (self._upload, self._parts), bytes(self._held)

    def finish(self) -> None:
        """Send the rest; the file is there then, whole."""
        self._ensure()
        s3 = aws.client("s3")
        if not self._upload:
            s3.put_object(**self._place, Body=bytes(self._held))
            return
        if self._held:
            self._send(len(self._held))
        s3.complete_multipart_upload(
            **self._place, UploadId=self._upload, MultipartUpload={"Parts": self._sent()}
        )

    def _send(self, size: int) -> None:
        self._ensure()
        s3 = aws.client("s3")
        if not self._upload:
            self._upload = s3.create_multipart_upload(**self._place)["UploadId"]
        body = bytes(memoryview(self._held)[:size])
        number = self._parts + 1
        s3.upload_part(**self._place, UploadId=self._upload, PartNumber=number, Body=body)
        self._parts = number
        del self._held[:size]

    def _sent(self) -> list[dict[str, Any]]:
        """List the parts; those beyond ours are of somebody who did not get any further."""
        pages = aws.client("s3").get_paginator("list_parts")
        found = pages.paginate(**self._place, UploadId=self._upload, MaxParts=_LISTED)
        return [
            {"PartNumber": part["PartNumber"], "ETag": part["ETag"]}
            for page in found
            for part in page.get("Parts", ())
            if part["PartNumber"] <= self._parts
        ]


class Gzip:
    """A gzip file that is written by and by (RFC 1952), and can be gone on with after a cut.

    Args:
        write: takes the bytes.
        told: what `cut` gave; None at the beginning.
    """

    def __init__(self, write: Callable[[bytes], None], told: list[int] | None = None) -> None:
        self._write = write
        self._crc, self._size = told or (0, 0)
        self._compressor = _fresh()
        if told is None:
            write(_HEAD)

    def write(self, data: bytes) -> None:
        """Add to it."""
        self._crc, self._size = zlib.crc32(data, self._crc), self._size + len(data)
        self._write(self._compressor.compress(data))

    def cut(self) -> list[int]:
        """End a part, of which the next needs nothing; give what there is to know to go on."""
        self._write(self._compressor.flush(zlib.Z_FULL_FLUSH))
        self._compressor = _fresh()
        return [self._crc, self._size]

    def finish(self) -> None:
        """End it."""
        end = struct.pack("<II", self._crc, self._size & 0xFFFF_FFFF)
        self._write(self._compressor.flush() + end)


def _fresh() -> zlib._Compress:
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)


def fill(result: Result, pieces: Iterable[bytes], *, compressed: bool) -> None:
    """Write a whole file, as gzip if that is wanted, and finish it."""
    gzip = Gzip(result.write) if compressed else None
    write = gzip.write if gzip else result.write
    for piece in pieces:
        write(piece)
    if gzip:
        gzip.finish()
    result.finish()
