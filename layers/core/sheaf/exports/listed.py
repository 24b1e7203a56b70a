"""Files of an export, listed before they are written: lines of JSON in a spool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sheaf.blobs import Blob
from sheaf.data.decryption import Decryptor, Opener
from sheaf.exports.selection import File, Row
from sheaf.exports.spool import Spool
from sheaf.submissions import markup


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a submission, by all that it takes to write it.

    Attributes:
        path: its name in the archive; of a client audit the submission's instanceId.
        blob: where it lies.
        moment: when the submission's current version came, in micros.
        edited: whether that is another than the first.
        sealed: of an encrypted file (its key's number, instanceId, encrypted key, place in the
            envelope), else None.
    """

    path: str
    blob: Blob
    moment: int
    edited: bool
    sealed: tuple[int, str, str, int] | None

    @classmethod
    def of(cls, row: Row, file: File, path: str) -> Listed:
        """List a file of a submission."""
        kept, key = row.stored, row.encrypted_key
        sealed_id = markup.unescape(row.sealed_id)
        sealed = None if key is None else (kept.key_id or 0, sealed_id, key, file.index)
        return cls(path, file.blob, kept.created_at, kept.edits > 0, sealed)

    def opener(self, decryptor: Decryptor) -> tuple[Opener, int] | None:
        """Give what decrypts it, and its place in the envelope; None where nothing has to.

        Raises:
            DecryptionFailed: it cannot be opened after all.
        """
        if self.sealed is None:
            return None
        key_id, instance_id, key, index = self.sealed
        opener = decryptor.opener(key_id, instance_id, key)
        return None if opener is None else (opener, index)

    def to_json(self) -> list[Any]:
        """Give it as JSON can hold it."""
        return [self.path, self.blob.to_item(), self.moment, self.edited, self.sealed]

    @classmethod
    def from_json(cls, told: list[Any]) -> Listed:
        """Read it."""
        path, blob, moment, edited, sealed = told
        return cls(path, Blob.from_item(blob), moment, edited, sealed and tuple(sealed))


def add(spool: Spool, stream: str, files: list[Listed]) -> None:
    """Add files to a stream."""
    lines = (json.dumps(file.to_json(), separators=(",", ":")) for file in files)
    spool.add(stream, "".join(f"{line}\n" for line in lines).encode())


def read(spool: Spool, stream: str, *, backwards: bool = False) -> Iterator[Listed]:
    """Give the files of a stream, in order or the last first."""
    for chunk in spool.read(stream, backwards=backwards):
        lines = chunk.splitlines()
        for line in lines[::-1] if backwards else lines:
            yield Listed.from_json(json.loads(line))
