"""Reading submissions into sheets: each is read once, and gives its lines and its files."""

from __future__ import annotations

from collections.abc import Sequence

from sheaf.data import sheets
from sheaf.data.sheets import Sheet
from sheaf.exports import listed
from sheaf.exports.listed import Listed
from sheaf.exports.naming import ENCRYPTED, Naming, safe
from sheaf.exports.options import UNIQUE
from sheaf.exports.plan import Plan
from sheaf.exports.segments import LEVEL, Segments
from sheaf.exports.selection import File, Row
from sheaf.exports.spool import Spool
from sheaf.exports.state import AUDITS, MEDIA, NAMES, State


class Reading:
    """The sheets in the making, and the lists of files."""

    def __init__(self, plan: Plan, laid_out: Sequence[Sheet], spool: Spool, state: State) -> None:
        self._plan, self._sheets, self._spool, self._state = plan, laid_out, spool, state
        told: Sequence[list[int] | None] = state.sheets or [None] * len(laid_out)
        level = 0 if plan.options.root_only else LEVEL
        self._segments = [
            Segments(spool, str(at), each, level=level) for at, each in enumerate(told)
        ]
        self._naming = Naming(spool.read(NAMES))
        if not state.sheets:
            for sheet, segments in zip(laid_out, self._segments, strict=True):
                segments.write(sheet.header)

    def take(self, rows: Sequence[Row]) -> None:
        """Write the lines of submissions, and list their files."""
        numbers = {row.stored.root["submitter_id"] for row in rows} - {None}
        names = self._plan.submitters.named(numbers)
        lines: list[list[str]] = [[] for _ in self._sheets]
        below = {
            sheet.table: (sheet, into)
            for sheet, into in zip(self._sheets[1:], lines[1:], strict=True)
        }
        root_only, top = self._plan.options.root_only, self._sheets[0]
        for row in rows:
            files = {} if root_only else self._list(row)
            submitter = names.get(row.stored.root["submitter_id"], "")
            lines[0].append(
                top.submission(
                    row.stored, row.record, status=row.status, submitter=submitter, files=files
                )
            )
            if row.record is not None and row.record.rows and not root_only:
                sheets.add(below, row.record, row.stored.root_id, files)
        for segments, written in zip(self._segments, lines, strict=True):
            if written:
                segments.write("".join(written))

    def cut(self) -> None:
        """Let the spool and the state have all that was made."""
        for segments in self._segments:
            segments.cut()
        self._state.sheets = [segments.tell() for segments in self._segments]
        self._spool.add(NAMES, self._naming.news())

    def _list(self, row: Row) -> dict[str, str]:
        """List a submission's files; give what cells show in place of their names."""
        if not row.stored.attachments:
            return {}
        files, log = self._plan.selection.files(row)
        if log is not None:
            self._add(AUDITS, [Listed.of(row, log, row.stored.root_id)])
        if not (files and self._plan.options.attachments):
            return {}
        paths = self._paths(row, files)
        self._add(MEDIA, [Listed.of(row, file, paths[file.name]) for file in files])
        if self._plan.options.media_names != UNIQUE:
            return {}
        ending = ENCRYPTED if row.encrypted_key is not None else ""
        named = ((name.removesuffix(ending), path) for name, path in paths.items())
        return {name: path for name, path in named if name != path}

    def _add(self, stream: str, files: list[Listed]) -> None:
        listed.add(self._spool, stream, files)
        count, size = self._state.listed
        size += sum(file.blob.size for file in files)
        self._state.listed = count + len(files), size

    def _paths(self, row: Row, files: Sequence[File]) -> dict[str, str]:
        names = [file.name for file in files]
        if self._plan.options.media_names == UNIQUE:
            return self._naming.give(row.stored.root_id, names)
        return {name: safe(name) for name in names}
