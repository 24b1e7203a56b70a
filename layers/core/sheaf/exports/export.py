"""Making an export, step by step. After any step it can be cut: then all is kept, to go on from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sheaf import clock
from sheaf.data.sheets import Sheet
from sheaf.exports.audits import Logs
from sheaf.exports.choices import Choices
from sheaf.exports.placing import Placing
from sheaf.exports.plan import Plan
from sheaf.exports.reading import Reading
from sheaf.exports.segments import Segments
from sheaf.exports.selection import Row
from sheaf.exports.spool import Spool
from sheaf.exports.state import CHOICES, LOGS, PLACES, ROWS, State


class Export:
    """An export that is being made.

    Args:
        plan: of what.
        spool: what was made; empty, or as it was after the last cut.
        state: as it was after the last cut; None at the beginning.
    """

    def __init__(self, plan: Plan, spool: Spool, state: State | None = None) -> None:
        self._plan, self._spool = plan, spool
        first = CHOICES if plan.options.split_select_multiples else ROWS
        self.state = state or State(first, clock.micros())
        self._cut: Callable[[], None] = lambda: None

    def steps(self, write: Callable[[bytes], None]) -> Iterator[None]:
        """Make it; `write` takes the result."""
        choices = Choices(self._plan.selection.root, self._spool)
        if self.state.phase == CHOICES:
            for rows in self._chunks():
                choices.take(rows)
                yield
            self.state.turn_to(ROWS)
        sheets = self._plan.sheets(choices.sorted())
        if self.state.phase == ROWS:
            yield from self._read(sheets)
        if self.state.phase == LOGS:
            logs = Logs(self._plan, self._spool, self.state)
            yield from self._finishing(logs.steps(), logs.cut, PLACES)
        if self._plan.options.root_only:
            yield from self._text(write)
            return
        placing = Placing(self._plan, sheets, self._spool, self.state, write)
        self._cut = placing.cut
        yield from placing.steps()

    def _read(self, sheets: list[Sheet]) -> Iterator[None]:
        reading = Reading(self._plan, sheets, self._spool, self.state)

        def steps() -> Iterator[None]:
            for rows in self._chunks():
                reading.take(rows)
                yield

        yield from self._finishing(steps(), reading.cut, LOGS)

    def _finishing(
        self, steps: Iterator[None], cut: Callable[[], None], following: str
    ) -> Iterator[None]:
        """Take the steps of a phase that can be cut, to its end; then the next one is due."""
        self._cut = cut
        yield from steps
        cut()
        self._cut = lambda: None
        self.state.turn_to(following)
        yield

    def cut(self) -> None:
        """Let the spool and the state have all that was made so far."""
        self._cut()

    def _chunks(self) -> Iterator[list[Row]]:
        """Give the submissions that were not read yet in this phase; note how far it has come."""
        for rows, until in self._plan.selection.rows(self.state.until):
            # Told before the next step, which is when it may be cut; a crash loses both alike.
            self.state.until, self.state.rows = until, self.state.rows + len(rows)
            yield rows

    def _text(self, write: Callable[[bytes], None]) -> Iterator[None]:
        """Write the root's sheet as it is."""
        sheet = Segments(self._spool, "0", self.state.sheets[0])
        for piece in sheet.text(self.state.files):
            write(piece)
            self.state.files, self.state.at = self.state.files + 1, self.state.at + len(piece)
            yield
