"""The ETag of lists and exports: it changes when anything that they show has changed.

Central's counts events of submissions, and so misses files that come later. Here it is made of ids
and revisions, which count those too.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

_NOTHING = "0" * 32


class EventHash:
    """A hash over submissions, in the order in which they are shown."""

    def __init__(self) -> None:
        self._digest = hashlib.md5(usedforsecurity=False)
        self._empty = True

    def add(self, submission_id: str, revision: int) -> None:
        """Take a submission into account."""
        self._digest.update(f"{submission_id} {revision}\n".encode())
        self._empty = False

    def etag(self, *rest: Any) -> str:
        """Give the ETag; `rest` is what else the answer depends on, as JSON can hold it."""
        if self._empty:
            return f'W/"eventhash:{_NOTHING}"'
        digest = self._digest.copy()
        digest.update(json.dumps(rest, sort_keys=True).encode())
        return f'W/"eventhash:{digest.hexdigest()}"'
