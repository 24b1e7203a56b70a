"""`$skiptoken`: where a page ended, so that the next one reads on from there.

It is Central's (`01`, then JSON in Base64, with the instanceId or the `__id` of the last row), and
also tells where that row lies in the table, so that reading on needs nothing but the rows that are
given. A token that does not tell leads nowhere.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any, Self

from sheaf.problems import InvalidSkipToken

_SCHEME = "01"
_ID = re.compile(r"[0-9]{16}[0-9a-f]{2}[0-9a-z]{2}")
# Keys of an order: what `order` makes of them.
Keys = list[Any]


@dataclass(frozen=True, slots=True)
class Token:
    """The last row that has been given.

    Attributes:
        id: of the submission that it belongs to; '' when the token does not tell.
        row: where it stands in that submission (`rows.Place.numbers`). However rows before it come
            and go, rows that stay where they are neither come twice nor are left out.
        keys: by what the rows are ordered, if not by their age.
        shown: what Central's token says: `instanceId` or `repeatId`.
    """

    id: str
    row: tuple[int, ...]
    keys: Keys
    shown: dict[str, str]

    def write(self) -> str:
        """Give it as it stands in a link."""
        told = self.shown | {"id": self.id}
        if self.row:
            told |= {"row": list(self.row)}  # type: ignore[dict-item]
        if self.keys:
            told |= {"keys": self.keys}  # type: ignore[dict-item]
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        return _SCHEME + b64encode(text.encode()).decode()

    def to_json(self) -> list[Any]:
        """Give all of it as JSON can hold it."""
        return [self.id, list(self.row), self.keys, self.shown]

    @classmethod
    def from_json(cls, told: list[Any]) -> Self:
        """Read that."""
        id_, row, keys, shown = told
        return cls(id_, tuple(row), keys, shown)


def read(text: str) -> Token:
    """Read a token.

    Raises:
        InvalidSkipToken (400.35): it is none.
    """
    if not text.startswith(_SCHEME):
        raise InvalidSkipToken
    try:
        told = json.loads(b64decode(text[len(_SCHEME) :] + "=="))
    except (ValueError, RecursionError):
        raise InvalidSkipToken from None
    if not isinstance(told, dict):
        raise InvalidSkipToken
    id_, row, keys = told.get("id"), told.get("row"), told.get("keys")
    whole = isinstance(row, list) and all(type(number) is int for number in row)
    return Token(
        id=id_ if isinstance(id_, str) and _ID.fullmatch(id_) else "",
        row=tuple(row) if isinstance(row, list) and whole else (),
        keys=keys if isinstance(keys, list) else [],
        shown={},
    )
