"""The ETag of lists, exports, feeds and maps: it changes when anything that they show has changed.

Central's counts events of submissions, and so misses files that come later. Here it is made of ids
and revisions, which count those too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from sheaf.data.record import Stored

_NOTHING = "0" * 32


class EventHash:
    """A hash over submissions, in the order in which they are shown."""

    def __init__(self) -> None:
        self._digest = hashlib.md5(usedforsecurity=False)
        self._empty = True

    def add(self, batch: Sequence[Stored]) -> None:
        """Take submissions into account."""
        said = "".join([f"{each.id} {each.revision}\n" for each in batch])
        self._digest.update(said.encode())
        self._empty = self._empty and not batch

    def add_count(self, count: int) -> None:
        """Take into account how many there are, those among them that are not shown."""
        self._digest.update(f"{count}\n".encode())
        self._empty = self._empty and count == 0

    def etag(self, *rest: Any) -> str:
        """Give the ETag; `rest` is what else the answer depends on, as JSON can hold it."""
        if self._empty:
            return f'W/"eventhash:{_NOTHING}"'
        digest = self._digest.copy()
        digest.update(json.dumps(rest, sort_keys=True).encode())
        return f'W/"eventhash:{digest.hexdigest()}"'


class Seen:
    """Submissions that an answer rests on: a hash of them, and who sent them."""

    def __init__(self) -> None:
        self.hash = EventHash()
        self.submitters: set[int] = set()

    def take(self, batch: Iterable[Stored]) -> None:
        """Take some into account."""
        taken = list(batch)
        self.hash.add(taken)
        self.submitters |= {each.root["submitter_id"] for each in taken} - {None}
