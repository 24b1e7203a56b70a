"""How far an export has come."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

# The phases in their order: finding out what was chosen, reading the submissions, putting all that
# was made of them into its place.
CHOICES, ROWS, PLACES = "choices", "rows", "places"
# Streams of a spool besides those of the sheets, which are called by their numbers.
MEDIA, AUDITS, NAMES, DIRECTORY, LOG = "media", "audits", "names", "directory", "log"


@dataclass(slots=True)
class State:
    """What there is to know to go on with an export, besides what its spool holds.

    Attributes:
        phase: CHOICES, ROWS or PLACES.
        started: when it was begun, in micros.
        until: the last submission that was read in this phase, by its id.
        rows: how many were read in this phase.
        sheets: of each sheet, what `Segments.tell` gives.
        at: how many bytes of the result were written.
        members: how many members the archive has.
        files: how many of the listed files were looked at.
    """

    phase: str
    started: int
    until: str = ""
    rows: int = 0
    sheets: list[list[int]] = field(default_factory=list)
    at: int = 0
    members: int = 0
    files: int = 0

    def turn_to(self, phase: str) -> None:
        """Begin the next phase."""
        self.phase, self.until, self.rows = phase, "", 0

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON can hold it; `State(**…)` reads that."""
        return asdict(self)
