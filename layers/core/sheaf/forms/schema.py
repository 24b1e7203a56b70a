"""The fields of a form version, as ODK Central's `/fields` tells them, and how they are kept.

Fields stand in the order of the form's instance, a group or repeat right before what it holds.
Types are those of the binds (`string`, `int`, `geopoint`, `binary`, …), besides `structure` (a
group), `repeat`, and `unknown` for a node that no bind gives a type.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

_BINARY = 1
_SELECT_MULTIPLE = 2
# What rows of OData say themselves: those of submissions, and those of repeats.
_OWN = {"": ("__id", "__system"), "repeat": ("__id",)}


@dataclass(frozen=True, slots=True)
class Field:
    """A node of a form's instance. Its path starts below the root: `/meta/instanceID`."""

    path: str
    type: str
    binary: bool = False
    select_multiple: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """The path of the group or repeat that holds this field; '' for the root."""
        return self.path.rpartition("/")[0]

    @property
    def structural(self) -> bool:
        """Whether this is a group or a repeat: it holds fields, not a value."""
        return self.type in {"structure", "repeat"}

    def to_api(self) -> dict[str, Any]:
        """Give `{path, name, type, binary, selectMultiple}`; the last two are true or null."""
        return {
            "path": self.path,
            "name": self.name,
            "type": self.type,
            "binary": self.binary or None,
            "selectMultiple": self.select_multiple or None,
        }


def dump(fields: Iterable[Field]) -> str:
    """Write fields as compact JSON, for `load` to read: `[[path, type(, flags)], …]`."""
    rows: list[list[str | int]] = []
    for field in fields:
        flags = _BINARY * field.binary + _SELECT_MULTIPLE * field.select_multiple
        rows.append([field.path, field.type, flags] if flags else [field.path, field.type])
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def load(dumped: str) -> tuple[Field, ...]:
    """Read what `dump` wrote."""
    fields = []
    for path, type_, *rest in json.loads(dumped):
        flags = rest[0] if rest else 0
        fields.append(Field(path, type_, bool(flags & _BINARY), bool(flags & _SELECT_MULTIPLE)))
    return tuple(fields)


def sanitize(name: str) -> str:
    """Make a name fit for OData: each run of other characters than A-Z, a-z, 0-9, _ becomes `_`.

    One that starts with such a character or a digit gets a `_` in front (Central's util.js), so
    `1st choice` is `_1st_choice`.
    """
    return re.sub(r"[^A-Za-z0-9_]+", "_", re.sub(r"^(?=[^A-Za-z_])", "_", name))


def apart(name: str) -> str:
    """Give a name that is fit for OData and, unlike the sanitised one, no other's."""
    digest = hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
    return f"{sanitize(name)}_{digest[:6]}"


def identifiers(fields: Iterable[Field]) -> dict[str, str]:
    """Give what OData calls each field, by its path: its sanitised name.

    Fields of one group or repeat whose names would be alike (`größe` and `grüße`) are told apart,
    all but one that has that very name; likewise one that has a name of OData's own. A hash does
    it, so that no field takes another's name when a new version of the form moves it.
    """
    listed = list(fields)
    types = {field.path: field.type for field in listed} | {"": ""}
    found = {}
    for parent, held in children(listed).items():
        own = _OWN.get(types.get(parent, "structure"), ())
        alike = Counter(own) + Counter(sanitize(field.name) for field in held)
        for field in held:
            name = sanitize(field.name)
            keeps = alike[name] == 1 or (field.name == name and name not in own)
            found[field.path] = name if keeps else apart(field.name)
    return found


def way(path: str, called: Mapping[str, str]) -> Iterator[str]:
    """Give the names on the way to a field, its own the last; `called` is `identifiers`."""
    for slash in re.finditer("/", path):
        end = path.find("/", slash.end())
        yield called[path[: end if end > 0 else len(path)]]


def spellings(path: str) -> Iterator[str]:
    """Give all that OData may call the field of a path, or of the end of one."""
    names = [{sanitize(name), apart(name)} for name in path.split("/")]
    yield from map("/".join, product(*names))


def odata(fields: Iterable[Field]) -> tuple[Field, ...]:
    """Give the fields with paths as OData names them (`?odata=true`)."""
    listed = list(fields)
    called = identifiers(listed)
    return tuple(
        replace(field, path="".join(f"/{name}" for name in way(field.path, called)))
        for field in listed
    )


def children(fields: Iterable[Field]) -> dict[str, list[Field]]:
    """Sort fields by the path of what holds them; those of the root are under ''."""
    held: dict[str, list[Field]] = {}
    for field in fields:
        held.setdefault(field.parent, []).append(field)
    return held


def merged(versions: Iterable[Iterable[Field]]) -> tuple[Field, ...]:
    """Give the fields of several versions as one form, those of the first as they stand there.

    What only another has is put at the end of the group or repeat that holds it, or of the root.
    """
    held: dict[str, list[Field]] = {}
    known: set[str] = set()
    for fields in versions:
        for field in fields:
            if field.path not in known:
                known.add(field.path)
                held.setdefault(field.parent, []).append(field)
    found: list[Field] = []
    pending = held.get("", [])[::-1]
    while pending:
        field = pending.pop()
        found.append(field)
        pending += held.get(field.path, [])[::-1]
    return tuple(found)
