"""Client audits: the logs that devices keep of how a form was filled, as one table.

A log is a CSV file of its own in every submission (the ODK XForms specification, "Audit"). Columns
that it does not name stay empty; those that are not listed here are left out, as in Central.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from heapq import merge
from itertools import islice

from sheaf.data import delimited
from sheaf.exports import listed, media
from sheaf.exports.listed import Listed
from sheaf.exports.plan import Plan
from sheaf.exports.segments import Segments
from sheaf.exports.spool import Spool
from sheaf.exports.state import AUDITS, LOG, State

NAME = " - audit"
_KEY = "instance ID"
_COLUMNS = (
    "event",
    "node",
    "start",
    "end",
    "latitude",
    "longitude",
    "accuracy",
    "old-value",
    "new-value",
    "user",
    "change-reason",
)
# A value may be as long as a submission.
csv.field_size_limit(1 << 24)


def oldest_first(spool: Spool, stream: str) -> Iterator[Listed]:
    """Give the logs that were listed newest first by when their versions came, oldest first.

    The order of submissions is that of their first versions, so only those that were edited are
    out of it: those alone are held.
    """
    edited = sorted(
        (file for file in listed.read(spool, stream) if file.edited), key=lambda each: each.moment
    )
    rest = (file for file in listed.read(spool, stream, backwards=True) if not file.edited)
    return merge(edited, rest, key=lambda each: each.moment)


def parse(data: bytes) -> Iterator[list[str]]:
    """Give the rows of a log. Whatever it holds, it is read as far as it can be."""
    text = data.decode("utf-8-sig", "replace").replace("\0", "")
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    # What is broken beyond that (a value without end) ends it.
    with suppress(csv.Error):
        names = [name.strip() for name in next(reader, [])]
        for cells in reader:
            found = dict(zip(names, map(str.strip, cells), strict=False))
            if any(cells):
                yield [found.get(name, "") for name in _COLUMNS]


class Logs:
    """The table of the logs in the making."""

    def __init__(self, plan: Plan, spool: Spool, state: State) -> None:
        self._plan, self._spool, self._state = plan, spool, state
        self._table = Segments(spool, LOG, state.log or None)
        self._begun = bool(state.log)

    def steps(self) -> Iterator[None]:
        """Add the rows of the logs, those of one at each step."""
        files = islice(oldest_first(self._spool, AUDITS), self._state.logs, None)
        for file, content in media.fetched(files, self._plan.decryptor):
            for row in parse(b"".join(content or ())):
                self._write([file.path, *row])
            self._state.logs += 1
            yield

    def cut(self) -> None:
        """Let the spool and the state have all that was made."""
        if self._begun:
            self._table.cut()
            self._state.log = self._table.tell()

    def _write(self, values: list[str]) -> None:
        style = self._plan.style
        if not self._begun:
            header = delimited.line([_KEY, *_COLUMNS])
            self._table.write((delimited.BOM if style.bom else "") + header)
            self._begun = True
        self._table.write(delimited.line(delimited.guarded(values) if style.guard else values))
