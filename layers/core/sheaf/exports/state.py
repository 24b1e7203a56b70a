"""How far an export has come."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

# The phases in their order: finding out what was chosen, reading the submissions, making the table
# of the logs, putting all that was made into its place.
CHOICES, ROWS, LOGS, PLACES = "choices", "rows", "logs", "places"
# Streams of a spool besides those of the sheets, which are called by their numbers.
MEDIA, AUDITS, NAMES, DIRECTORY, LOG = "media", "audits", "names", "directory", "log"
# What was made of the result, and is too small for a part of it.
TAIL = "tail"


@dataclass(slots=True)
class State:
    """What there is to know to go on with an export, besides what its spool holds.

    Attributes:
        phase: CHOICES, ROWS, LOGS or PLACES.
        started: when it was begun, in micros.
        until: the last submission that was read in this phase, by its id.
        rows: how many were read in this phase.
        sheets: of each sheet, what `Segments.tell` gives.
        log: the same of the table of the logs; empty while that has no rows.
        listed: how many files were listed, logs among them, and how many bytes those are.
        logs: how many logs were looked at.
        at: how many bytes of the result were written.
        members: how many members the archive has.
        files: how many of the listed files were looked at; of a table alone, of its pieces.
    """

    phase: str
    started: int
    until: str = ""
    rows: int = 0
    sheets: list[list[int]] = field(default_factory=list)
    log: list[int] = field(default_factory=list)
    listed: tuple[int, int] = (0, 0)
    logs: int = 0
    at: int = 0
    members: int = 0
    files: int = 0

    def turn_to(self, phase: str) -> None:
        """Begin the next phase."""
        self.phase, self.until = phase, ""
        # Reading begins anew after a reading for the choices; later phases read nothing.
        self.rows = 0 if phase == ROWS else self.rows

    def place_anew(self) -> None:
        """Begin the last phase again."""
        self.at = self.members = self.files = 0

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON can hold it; `State(**…)` reads that."""
        return asdict(self)
