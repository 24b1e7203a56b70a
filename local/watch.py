"""Watching the files that a running stack does not take up by itself."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from local.journal import Journal

_SECONDS = 0.5


class Watch:
    """Says in the journal when one of the files has changed, until it is stopped."""

    def __init__(self, files: list[Path], journal: Journal) -> None:
        self._files = files
        self._journal = journal
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        known = self._stamps()
        while not self._stopped.wait(_SECONDS):
            now = self._stamps()
            for path in self._files:
                if now[path] != known[path]:
                    self._journal.say(f"{path.name} has changed: restart to deploy it")
            known = now

    def _stamps(self) -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns if path.exists() else 0 for path in self._files}
