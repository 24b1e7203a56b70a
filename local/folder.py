"""The folder that a stack writes to: its own while it runs, removed after it if nothing is kept."""

from __future__ import annotations

import fcntl
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

from local.emulator import StartError

# An emulator that outlives a killed launcher for a moment still writes its state.
_PATIENCE = 15.0


class Folder:
    """A state folder, or a temporary one for `state` None.

    Raises:
        StartError: Another stack uses the folder.
    """

    def __init__(self, state: Path | None) -> None:
        self.is_kept = state is not None
        self.path = state or Path(tempfile.mkdtemp(prefix="sheaf-local-"))
        self.path.mkdir(parents=True, exist_ok=True)
        self._ports_file = self.path / "ports.json"
        self._logs: list[IO[bytes]] = []
        self.lock = (self.path / "lock").open("wb")
        self._take()

    def _take(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    self.lock.close()
                    raise StartError(
                        f"Another local stack uses {self.path}: stop it, or set STATE=…"
                    ) from error
                time.sleep(0.05)
            else:
                return

    def port(self, name: str, default: int = 0) -> int:
        """Return the port that was remembered under the name."""
        return int(self._ports().get(name, default))

    def remember_port(self, name: str, port: int) -> None:
        """Keep a port, so that after a restart nothing that names it need change."""
        self._ports_file.write_text(json.dumps(self._ports() | {name: port}, indent=2))

    def _ports(self) -> dict[str, int]:
        known: dict[str, int] = {}
        if self._ports_file.exists():
            known = json.loads(self._ports_file.read_text())
        return known

    def log(self, name: str) -> IO[bytes]:
        """Open a log file, emptied of what an earlier stack has written."""
        opened = (self.path / name).open("wb")
        self._logs.append(opened)
        return opened

    def close(self) -> None:
        """Close the logs and give the folder up."""
        for opened in [*self._logs, self.lock]:
            opened.close()
        if not self.is_kept:
            shutil.rmtree(self.path, ignore_errors=True)
