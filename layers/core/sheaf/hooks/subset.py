"""A part of a submission: the fields that a hook's `fields` names. No I/O here.

As with KoBoToolbox, a name without `/` means every field and group that bears it, wherever it
stands, with all that is in it; a name with `/` means what has just that path. Names are compared,
never taken for patterns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sheaf.forms import schema
from sheaf.submissions import markup
from sheaf.submissions.markup import Close, Open, Text

# What OData's rows say besides fields.
_ABOUT = ("__id", "__system")


def of_flat(record: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Give the part of a flat record (`sheaf.hooks.flat`)."""
    wanted = tuple(names)
    return {key: value for key, value in record.items() if _wants(wanted, key)}


def _wants(names: Sequence[str], key: str) -> bool:
    parts = key.split("/")
    return any(name == key if "/" in name else name in parts for name in names)


def of_row(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Give the part of a row as OData tells it, with what it says of the submission itself."""
    wanted = tuple(called for name in names for called in schema.spellings(name))
    about = {name: row[name] for name in _ABOUT if name in row}
    return _part(row, "", wanted) | about


def _part(row: Mapping[str, Any], path: str, names: Sequence[str]) -> dict[str, Any]:
    part: dict[str, Any] = {}
    for name, value in row.items():
        here = f"{path}/{name}" if path else name
        # What stands above has been kept whole, or does not bear the name.
        if any(wanted == here if "/" in wanted else wanted == name for wanted in names):
            part[name] = value
        elif isinstance(value, dict) and (inner := _part(value, here, names)):
            part[name] = inner
        elif isinstance(value, list):
            rows = [_part(each, here, names) for each in value if isinstance(each, dict)]
            if any(rows):
                ids = ({"__id": each["__id"]} for each in value)
                part[name] = [kept | about for kept, about in zip(rows, ids, strict=True)]
    return part


def of_xml(text: str, names: Iterable[str]) -> str:
    """Give the part of a submission's XML: the root, and what is wanted with all around it.

    Comments and processing instructions are left out.
    """
    cutter = _Cutter(tuple(names))
    for event in markup.scan(text):
        cutter.take(event)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(cutter.kept)


class _Cutter:
    """Writes the events of what is wanted; tags around it when they turn out to be needed."""

    def __init__(self, names: Sequence[str]) -> None:
        self.kept: list[str] = []
        self._bare = {name for name in names if "/" not in name}
        self._paths = {tuple(name.split("/")) for name in names if "/" in name}
        # Tags of open elements that are not written yet, and names of all that are open.
        self._waiting: list[str] = []
        self._names: list[str] = []
        # How deep the outermost wanted element lies; 0 outside of one.
        self._wanted_at = 0

    def take(self, event: markup.Event) -> None:
        """Take the next event."""
        if isinstance(event, Open):
            self._names.append(event.local)
            self._waiting.append(_tag(event))
            depth = len(self._names)
            if not self._wanted_at and depth > 1 and self._wants(event.local):
                self._wanted_at = depth
            if self._wanted_at or depth == 1:
                self.kept += self._waiting
                self._waiting.clear()
        elif isinstance(event, Text):
            if self._wanted_at:
                self.kept.append(f"<![CDATA[{event.raw}]]>" if event.cdata else event.raw)
        else:
            self._close(event)

    def _wants(self, name: str) -> bool:
        return name in self._bare or tuple(self._names[1:]) in self._paths

    def _close(self, event: Close) -> None:
        if self._waiting:
            self._waiting.pop()
        else:
            self.kept.append(f"</{event.name}>")
        if len(self._names) == self._wanted_at:
            self._wanted_at = 0
        self._names.pop()


def _tag(event: Open) -> str:
    attrs = "".join(
        f" {name}='{value}'" if '"' in value else f' {name}="{value}"'
        for name, value in event.attrs.items()
    )
    return f"<{event.name}{attrs}>"
