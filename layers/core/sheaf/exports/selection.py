"""The submissions of an export, read: which they are, their values, and why some have none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from sheaf import blobs
from sheaf.blobs import Blob
from sheaf.data import filter as filters
from sheaf.data import stored, tables
from sheaf.data.decryption import Decryptor, Opener
from sheaf.data.eventhash import Seen
from sheaf.data.extraction import Extraction
from sheaf.data.record import ABOUT, Stored
from sheaf.data.stored import Range
from sheaf.data.tables import Table
from sheaf.data.values import Record
from sheaf.forms.forms import Form
from sheaf.forms.schema import Field
from sheaf.problems import DecryptionFailed
from sheaf.submissions import location, markup
from sheaf.submissions.records import TRASH

NOT_DECRYPTED = "not decrypted"
MISSING = "missing encrypted form data"
# Submissions whose values are held at a time: how many, and how many bytes of XML, at most.
CHUNK = 500
HELD = 32 << 20
# Files of the bucket that are read side by side.
SIDE_BY_SIDE = 8

_AUDIT = "/meta/audit"
_META = "/meta"
_KEY = "/base64EncryptedKey"
# The first bytes of XML; what was decrypted as another submission's has chance in 16 of them.
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<[^\x00-\x08\x0e-\x1f\x7f]*")
_BLOCK = 16


@dataclass(frozen=True, slots=True)
class File:
    """A file that was submitted: its name, and what it takes to read it.

    `index` is its place in an encrypted submission's envelope.
    """

    name: str
    blob: Blob
    index: int


class Row(NamedTuple):
    """A submission in an export.

    Attributes:
        stored: as it lies in the table.
        record: its values; None when they cannot be read, for the reason that `status` gives.
        encrypted_key: of an encrypted one, what its envelope holds.
        opener: decrypts its files; None when they need not be, or cannot.
        sealed_id: the instanceId under which its files were encrypted, where there is an opener.
    """

    stored: Stored
    record: Record | None
    status: str = ""
    encrypted_key: str | None = None
    opener: Opener | None = None
    sealed_id: str = ""


class Selection:
    """The submissions that an export is of.

    `seen` tells of those that were read; a filter that looks at values is not heard there, since
    what changes in others may change what it finds.

    Args:
        form: their form.
        draft: those of its draft.
        fields: the form's.
        text: an OData filter.
        decryptor: what opens encrypted ones.

    Raises:
        Problem: the filter cannot be followed.
    """

    def __init__(
        self,
        form: Form,
        fields: Sequence[Field],
        *,
        draft: bool,
        text: str | None,
        decryptor: Decryptor,
    ) -> None:
        self._form, self._decryptor = form, decryptor
        self.root, self.hidden = _tables(fields)
        (self._audit,) = (each for each in self.root.columns if each.field.path == _AUDIT)
        self._extraction = Extraction(self.root)
        self._filter = None if text is None else filters.read(text, self.root)
        self._live = location.partition_of(form, draft=draft)
        self._draft = draft
        self.seen = Seen()

    def within(self, until: str = "") -> Range:
        """Tell where its submissions lie, those only that come after an id in the list."""
        if self._filter is None:
            return Range(self._form, [self._live], until=until)
        bounds = self._filter.bounds
        partitions = [self._live] if bounds.live else []
        if bounds.trashed and not self._draft:
            partitions.append(TRASH)
        since = "" if bounds.since is None else f"{bounds.since:016d}"
        latest = "" if bounds.until is None else f"{bounds.until:016d}"
        return Range(self._form, partitions, since, min(filter(None, (until, latest)), default=""))

    def look(self) -> Seen:
        """Give what `seen` will be once all are read, without reading any values."""
        seen = Seen()
        for batch in stored.newest(self.within(), ABOUT):
            seen.take(self._considered(batch))
        return seen

    def rows(self, until: str = "") -> Iterator[tuple[list[Row], str]]:
        """Give the submissions newest first, in chunks, each with the id where the next begins.

        What is `seen` begins anew with the first: choices of answers take a reading of their own.
        """
        if not until:
            self.seen = Seen()
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for batch in stored.newest(self.within(until)):
                for chunk in _chunks(batch):
                    yield self._opened(pool, chunk), chunk[-1].id

    def files(self, row: Row) -> tuple[list[File], File | None]:
        """Give a submission's files that have come and can be read, and its client audit."""
        sealed = row.encrypted_key is not None
        if row.stored.deleted_at is not None or (sealed and row.opener is None):
            return [], None
        files = [
            File(name, blob, at)
            for at, (name, blob) in enumerate(row.stored.attachments)
            if blob is not None and at != row.stored.data_slot
        ]
        audit = row.record.cells[self._audit.index].strip() if row.record else ""
        kept = [file for file in files if not (audit and _plain(file.name, sealed) == audit)]
        log = next((file for file in files if file not in kept), None)
        return kept, log

    def _opened(self, pool: ThreadPoolExecutor, chunk: list[Stored]) -> list[Row]:
        """Read the values of submissions, side by side where that takes files of the bucket."""
        chosen = self._considered(chunk)
        self.seen.take(chosen)
        remote = [each for each in chosen if each.remote is not None]
        for _ in pool.map(lambda each: each.text, remote):
            pass
        rows: list[Row | None] = [self._read(each) for each in chosen]
        sealed = [at for at, row in enumerate(rows) if row is None]
        unsealed = pool.map(self._unseal, [chosen[at] for at in sealed])
        for at, row in zip(sealed, unsealed, strict=True):
            rows[at] = row
        if self._filter is None or not self._filter.paths:
            return [row for row in rows if row]
        return [row for row in rows if row and self._matches(row.stored, row.record)]

    def _read(self, each: Stored) -> Row | None:
        """Read the values of a submission; None when it is encrypted."""
        record = self._extraction.read(each.text)
        if record is None:
            return None
        each.release()
        return Row(each, record)

    def _considered(self, batch: list[Stored]) -> list[Stored]:
        """Leave out what the filter does without looking at values."""
        if self._filter is None or self._filter.paths:
            return batch
        return [each for each in batch if self._matches(each, None)]

    def _matches(self, each: Stored, record: Record | None) -> bool:
        if self._filter is None:
            return True
        row = record or Record()
        return self._filter.matches(cast(Any, each), lambda: (row, row))

    def _unseal(self, each: Stored) -> Row | None:
        """Open an encrypted submission, or tell why not; None when it is left out."""
        key_id, slot = each.key_id or 0, each.data_slot
        if not self._decryptor.keeps(key_id):
            return None
        _, pieces = next(markup.texts(each.text, {_KEY}))
        key = "".join(piece.value for piece in pieces)
        blob = None if slot is None else each.attachments[slot][1]
        if slot is None or blob is None:
            return Row(each, None, MISSING, key)
        try:
            return self._decrypted(each, key, slot, blob) or Row(each, None, NOT_DECRYPTED, key)
        except DecryptionFailed:
            return Row(each, None, NOT_DECRYPTED, key)

    def _decrypted(self, each: Stored, key: str, slot: int, blob: Blob) -> Row | None:
        """Read the encrypted XML of a submission, if a passphrase opens it.

        A device seals an edit under the edit's instanceId (the ODK XForms specification), but
        Central opens it under that of the first version, and so there may be clients who use that.
        """
        for sealed_id in dict.fromkeys((each.instance_id, each.root_id)):
            opener = self._decryptor.opener(each.key_id or 0, markup.unescape(sealed_id), key)
            if opener is None:
                return None
            xml = b"".join(opener(slot, blobs.pieces(blob)))
            if not _XML.fullmatch(xml[:_BLOCK]):
                continue
            if record := self._extraction.read(markup.decode(xml)):
                return Row(each, record, "", key, opener, sealed_id)
        return None


def _chunks(batch: list[Stored]) -> Iterator[list[Stored]]:
    """Part a batch, so that what is decoded of it at a time has its bounds."""
    chunk: list[Stored] = []
    weight = 0
    for each in batch:
        own = each.weight
        if chunk and (len(chunk) >= CHUNK or weight + own > HELD):
            yield chunk
            chunk, weight = [], 0
        chunk.append(each)
        weight += own
    if chunk:
        yield chunk


def _plain(name: str, sealed: bool) -> str:
    return name.removesuffix(".enc") if sealed else name


def _tables(fields: Sequence[Field]) -> tuple[Table, int]:
    """Give a form's tables, with the name of the client audit, and how many columns that adds."""
    paths = {field.path for field in fields}
    if _AUDIT in paths:
        return tables.of(fields), 0
    meta = [] if _META in paths else [Field(_META, "structure")]
    return tables.of([*fields, *meta, Field(_AUDIT, "binary", binary=True)]), 1
