"""What a client asks of a table: how many rows, which, in what order and shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from sheaf import fields
from sheaf.odata import tokens
from sheaf.odata.tokens import Token


@dataclass(frozen=True, slots=True)
class Options:
    """The system query options of OData, and Central's `$wkt`.

    Attributes:
        top: how many rows; None for all.
        skip: how many to leave out first; with a token this counts nothing (it is in the link).
        count: whether all rows that pass are counted.
        filter, order, select: expressions, None when not given.
        expand: with the rows of repeats.
        wkt: places as well-known text.
        token: where to read on.
    """

    top: int | None = None
    skip: int = 0
    count: bool = False
    filter: str | None = None
    order: str | None = None
    select: str | None = None
    expand: bool = False
    wkt: bool = False
    token: Token | None = None

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Self:
        """Read the query parameters.

        Raises:
            InvalidDataType (400.11): a number is none, or less than 0.
            InvalidSkipToken (400.35): the token is none.
        """
        text = query.get("$skiptoken")
        token = tokens.read(text) if text else None
        return cls(
            top=fields.count(query, "$top"),
            skip=0 if token else fields.count(query, "$skip") or 0,
            count=fields.flag(query, "$count"),
            filter=query.get("$filter"),
            order=query.get("$orderby"),
            select=query.get("$select"),
            expand=bool(query.get("$expand")),
            wkt=fields.flag(query, "$wkt"),
            token=token,
        )
