"""Putting what was made into its place: the members of an archive, in Central's order.

First come the sheets, then the files, last the table of the logs, if they have any rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from sheaf.data.sheets import Sheet
from sheaf.exports import audits, listed, media, naming
from sheaf.exports.archive import Archive
from sheaf.exports.plan import Plan
from sheaf.exports.segments import Segments
from sheaf.exports.spool import Spool
from sheaf.exports.state import DIRECTORY, LOG, MEDIA, State

Write = Callable[[bytes], None]


class Placing:
    """An archive in the making."""

    def __init__(
        self, plan: Plan, sheets: Sequence[Sheet], spool: Spool, state: State, write: Write
    ) -> None:
        self._plan, self._sheets, self._spool, self._state = plan, sheets, spool, state
        self._archive = Archive(write, at=state.at, members=state.members)

    def steps(self) -> Iterator[None]:
        """Write the members, one at each step, and what ends the archive."""
        form = self._plan.form.xml_form_id
        for at in range(self._state.members, len(self._sheets)):
            ending = self._sheets[at].name.removeprefix(form)
            self._add(ending, Segments(self._spool, str(at), self._state.sheets[at]))
            self._note()
            yield
        files = islice(listed.read(self._spool, MEDIA), self._state.files, None)
        for _ in media.write(self._archive, files, self._plan.decryptor):
            self._state.files += 1
            self._note()
            yield
        if self._state.log:
            log = Segments(self._spool, LOG, self._state.log)
            self._add(audits.NAME, log)
        self.cut()
        self._archive.close(self._spool.read(DIRECTORY))

    def _add(self, ending: str, segments: Segments) -> None:
        path = naming.after(self._plan.form.xml_form_id, f"{ending}.csv")
        self._archive.add(path, segments.packed, segments.data(), self._state.started)

    def _note(self) -> None:
        """Let the state tell what was written."""
        self._state.at, self._state.members = self._archive.at, self._archive.members

    def cut(self) -> None:
        """Let the spool have the directory so far."""
        self._spool.add(DIRECTORY, self._archive.entries())
