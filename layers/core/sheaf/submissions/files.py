"""Files as clients send them: which slot of a submission each belongs to, and how they rest.

A slot bears the name that the XML gives; composed and decomposed spellings (NFC, NFD) are the same
name. A file goes to S3 before the transaction that puts it into its slot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from unicodedata import normalize

from sheaf import blobs
from sheaf.blobs import Blob

# The types that Central knows by their extension, for clients that name none.
_TYPES = {".csv": "text/csv", ".geojson": "application/geo+json"}
_UNKNOWN = "application/octet-stream"
# What S3 and an item (`reception.SLOT`) can take for a type.
_KEPT = re.compile(r"[ -~]{1,100}")
# Files of one request that go to S3 side by side.
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class File:
    """A file under the name that a client gives it, and its type where it named one."""

    name: str
    data: bytes = field(repr=False)
    content_type: str | None = None

    @property
    def kind(self) -> str:
        """The type that it is kept under: what was said, or what its name tells."""
        if _KEPT.fullmatch(self.content_type or ""):
            return self.content_type or ""
        return _TYPES.get(self.name[self.name.rfind(".") :].lower(), _UNKNOWN)

    def is_same(self, blob: Blob | None) -> bool:
        """Whether a slot already holds this very file."""
        return blobs.same(blob, self.data, self.kind)


def spelt(names: Sequence[str], name: str) -> str | None:
    """Give a name as it is spelt among these, None when none of them is it."""
    if name in names:
        return name
    composed = normalize("NFC", name)
    return next((each for each in names if normalize("NFC", each) == composed), None)


def by_slot(names: Sequence[str], files: Iterable[File]) -> dict[str, File]:
    """Sort files into the slots of these names; of one slot's several, the last counts.

    Files that the XML does not name are dropped, as Central does.
    """
    named = ((spelt(names, file.name), file) for file in files)
    return {name: file for name, file in named if name is not None}


def store(submission_id: str, files: Mapping[str, File]) -> dict[str, Blob]:
    """Store files for a submission, side by side, and give what to remember of each."""

    def put(file: File) -> Blob:
        return blobs.store(blobs.submission_prefix(submission_id), file.data, file.kind)

    if not files:
        return {}
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return dict(zip(files, pool.map(put, files.values()), strict=True))
