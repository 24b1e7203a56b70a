"""What the path below `….svc` leads to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sheaf.data.tables import ROOT
from sheaf.problems import NotFound

METADATA = "$metadata"
# A name, with a key or without. A key is whatever stands between quotes, slashes too.
_PART = re.compile(r"([^()/]+)(?:\('((?:[^']|'')+)'\))?(?:/|\Z)")


@dataclass(frozen=True, slots=True)
class Resource:
    """A table of the feed, or a part of it.

    Attributes:
        table: its name: `Submissions`, `Submissions.children.child`.
        instance_id: of which submission alone; None for all.
        within: the name of a table and the `__id` of a row of it, to which the rows belong or
            which is the one; None for all of the submission.
    """

    table: str
    instance_id: str | None = None
    within: tuple[str, str] | None = None


def read(path: str) -> Resource:
    """Read a path like `Submissions.child`, `Submissions('uuid:1')/children/child('a1b2')/toy`.

    Raises:
        NotFound: it is none of these. Whether there is such a table the form must tell.
    """
    parts = _parts(path)
    names = [name for name, _ in parts]
    _, instance_id = parts[0]
    if instance_id is None:
        if len(parts) > 1:
            raise NotFound
        return Resource(names[0])
    if names[0] != ROOT:
        raise NotFound
    within = [(".".join(names[: at + 1]), key) for at, (_, key) in enumerate(parts) if at and key]
    return Resource(".".join(names), instance_id, within[-1] if within else None)


def _parts(path: str) -> list[tuple[str, str | None]]:
    """Take a path apart: names, each with its key or None; that of the service has an empty one."""
    found: list[tuple[str, str | None]] = []
    at = 0
    while at < len(path):
        part = _PART.match(path, at)
        if part is None:
            raise NotFound
        key = part[2]
        found.append((part[1], None if key is None else key.replace("''", "'")))
        at = part.end()
    return found or [("", None)]
