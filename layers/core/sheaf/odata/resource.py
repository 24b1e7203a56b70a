"""What the path below `….svc` leads to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sheaf.data.tables import ROOT
from sheaf.problems import NotFound

METADATA = "$metadata"
_KEYED = re.compile(r"([^()]+)\('((?:[^']|'')+)'\)")


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
    parts = path.removesuffix("/").split("/")
    keyed = [_KEYED.fullmatch(part) for part in parts]
    if keyed[0] is None:
        if len(parts) > 1:
            raise NotFound
        return Resource(parts[0])
    if keyed[0][1] != ROOT:
        raise NotFound
    names = [part[1] if part else parts[at] for at, part in enumerate(keyed)]
    within = [
        (".".join(names[: at + 1]), _unquoted(part[2]))
        for at, part in enumerate(keyed)
        if part and at
    ]
    return Resource(".".join(names), _unquoted(keyed[0][2]), within[-1] if within else None)


def _unquoted(key: str) -> str:
    return key.replace("''", "'")
