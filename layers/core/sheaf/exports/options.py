"""What a client may choose of an export."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from sheaf import fields
from sheaf.exports import naming

# How files of one name, of several submissions, are told apart in the archive.
UNIQUE = "unique"
CENTRAL = "central"
_KEY_ID = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Options:
    """The options of an export, all from the query.

    Attributes:
        root_only: the root table alone, as CSV (Central's `.csv`); else an archive.
        attachments: with the files that were submitted.
        group_paths: columns are named by their groups too.
        deleted_fields: with fields of former versions of the form.
        split_select_multiples: with a column for each choice.
        filter: an OData filter of submissions.
        media_names: UNIQUE, or CENTRAL: as Central has them, the last of one name winning.
        bom: with a byte order mark, by which Excel knows UTF-8.
        guard: values that a spreadsheet would take for formulas begin with a quote.
    """

    root_only: bool
    attachments: bool = True
    group_paths: bool = True
    deleted_fields: bool = False
    split_select_multiples: bool = False
    filter: str | None = None
    media_names: str = UNIQUE
    bom: bool = False
    guard: bool = False

    @classmethod
    def from_query(cls, query: Mapping[str, str], *, root_only: bool) -> Self:
        """Read them.

        Raises:
            UnexpectedValue: `mediaNames` is neither of its two values.
        """
        names = query.get("mediaNames", UNIQUE)
        fields.choice(names, "mediaNames", (UNIQUE, CENTRAL), "it must be unique or central.")
        return cls(
            root_only,
            attachments=not root_only and query.get("attachments", "").lower() != "false",
            group_paths=query.get("groupPaths", "").lower() != "false",
            deleted_fields=fields.flag(query, "deletedFields"),
            split_select_multiples=fields.flag(query, "splitSelectMultiples"),
            filter=query.get("$filter"),
            media_names=names,
            bom=fields.flag(query, "bom"),
            guard=fields.flag(query, "guardFormulas"),
        )

    def file_name(self, xml_form_id: str) -> str:
        """What the client saves an export as."""
        if self.root_only:
            return naming.after(xml_form_id, ".csv")
        return naming.after(xml_form_id, ".zip" if self.attachments else ".csv.zip")

    @property
    def content_type(self) -> str:
        """Its media type."""
        return "text/csv; charset=utf-8" if self.root_only else "application/zip"

    def to_json(self) -> dict[str, Any]:
        """Give them as JSON can hold them; `Options(**…)` reads that."""
        return asdict(self)


def passphrases(given: Mapping[str, Any]) -> dict[int, str]:
    """Take the passphrases out of a query or body: members whose names are numbers of keys."""
    return {int(name): str(value) for name, value in given.items() if _KEY_ID.fullmatch(name)}
