"""Names of files in an archive: each file keeps one of its own.

The first file of a name keeps it, as Central has it: `media/photo.jpg`. Another submission's file
of that name goes to a folder named after the submission, `media/<instanceId>/photo.jpg`, and the
cell that names it says so. Names that differ in case alone, or in Unicode spelling, are one name to
many file systems, and so they are here.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from unicodedata import normalize

from sheaf import blobs

FOLDER = "media/"
ENCRYPTED = ".enc"
_NAMELESS = "unnamed"
# Of names only so many bytes of a hash are kept, since there may be millions. Should two of them
# ever meet, a file lies in a folder that might have lain outside.
_BYTES = 8


class Naming:
    """Gives out names. `taken` are those given out before, as `news` told them."""

    def __init__(self, taken: Iterable[bytes] = ()) -> None:
        self._taken: set[bytes] = set()
        self._news: list[bytes] = []
        for told in taken:
            self._taken |= {told[at : at + _BYTES] for at in range(0, len(told), _BYTES)}

    def give(self, root_id: str, names: Iterable[str]) -> dict[str, str]:
        """Name a submission's files in the archive, below `media/`, by the names they came with."""
        given: dict[str, str] = {}
        folder = ""
        for name in names:
            plain = safe(name)
            if self._take(plain):
                given[name] = plain
                continue
            folder = folder or self._first_free("", blobs.safe_name(root_id) or _NAMELESS)
            given[name] = f"{folder}/{self._first_free(f'{folder}/', plain)}"
        return given

    def news(self) -> bytes:
        """Tell which names were given out since this was last asked."""
        told, self._news = b"".join(self._news), []
        return told

    def _first_free(self, prefix: str, name: str) -> str:
        stem, dot, extension = name.rpartition(".") if "." in name else (name, "", "")
        candidate, number = name, 1
        while not self._take(prefix + candidate):
            number += 1
            candidate = f"{stem}~{number}{dot}{extension}"
        return candidate

    def _take(self, path: str) -> bool:
        """Take a name, if it is free."""
        key = blake2b(normalize("NFC", path).casefold().encode(), digest_size=_BYTES).digest()
        if key in self._taken:
            return False
        self._taken.add(key)
        self._news.append(key)
        return True


def after(form: str, ending: str) -> str:
    """Name something after a form, as a file system can hold it: the ending is never cut off."""
    stem = form.encode()[: blobs.LONGEST_NAME - len(ending.encode())].decode(errors="ignore")
    return blobs.safe_name(stem + ending) or f"_{stem}{ending}"


def safe(name: str) -> str:
    """Give a file's own name as a file system can hold it; `.enc` ends what was encrypted."""
    return blobs.safe_name(name.removesuffix(ENCRYPTED)) or _NAMELESS
