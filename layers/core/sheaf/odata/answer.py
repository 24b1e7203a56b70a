"""The rows of a table as JSON, written by and by.

They are read as they are written, so memory does not grow with the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any

from sheaf.access import actors
from sheaf.data.eventhash import Seen
from sheaf.forms import schema
from sheaf.odata import chunks, feed, select, system
from sheaf.odata.feed import Asked
from sheaf.odata.links import Links
from sheaf.odata.options import Options
from sheaf.odata.paging import Row
from sheaf.odata.reading import Heed
from sheaf.odata.rows import Writer
from sheaf.odata.tokens import Token

_NOWHERE = Token("", (), [], {})


class Answer:
    """The answer to a request for rows, or what is left of it.

    Args:
        asked: what it is about.
        options: the client's.
        links: the URLs of the request.
        heed: see Heed.
        reached: how far it has come, as `reached` told it.

    Raises:
        NotFound: there are none where it looks.
        Problem: of an option that cannot be followed.
    """

    def __init__(
        self,
        asked: Asked,
        options: Options,
        links: Links,
        heed: Heed,
        reached: Mapping[str, Any] | None = None,
    ) -> None:
        self._options, self._links, self._fields = options, links, asked.feed.fields
        self._paging = feed.paging(asked, options, heed)
        table = self._paging.table
        selection = select.read(options.select, asked.feed.fields, table)
        self._writer = Writer(table, selection, expand=options.expand, as_wkt=options.wkt)
        self._names: dict[int, str] = {}
        self._more = False
        told = reached or {}
        self._written: int = told.get("written", 0)
        self._last: Token | Row = Token.from_json(told["last"]) if self._written else _NOWHERE
        self._ended: bool = told.get("ended", False)

    def look(self) -> str | None:
        """Give the ETag that it will have, without reading data; None if that takes data."""
        if not self._paging.hashed(self._options):
            return None
        return self._etag(*self._paging.look(self._options))

    def etag(self) -> str | None:
        """Give the same of what was written."""
        if not self._paging.hashed(self._options):
            return None
        return self._etag(self._paging.seen, self._more)

    def write(self) -> Iterator[str]:
        """Give it in pieces, in ODK Central's order: rows, context, next link, count."""
        if self._ended:
            return
        options, top = self._options, self._options.top
        if self._written:
            options = replace(options, token=self._token, skip=0)
        rows = self._paging.rows(options)
        begin = "" if self._written else '{"value":['
        left = rows if top is None else islice(rows, top - self._written)
        for chunk in chunks.of(left, lambda row: row.candidate.told):
            if self._paging.table.parent is None:
                self._meet({row.candidate.told.root["submitter_id"] for row in chunk} - {None})
            begin += "," if self._written else ""
            text = ",".join([_json(self._members(row)) for row in chunk])
            self._written, self._last = self._written + len(chunk), chunk[-1]
            yield begin + text
            begin = ""
        # To find out what follows may take longer than there is.
        end = self._end(rows)
        self._ended = True
        yield begin + end

    def _end(self, rows: Iterator[Row]) -> str:
        """Give what follows the rows."""
        end = f'],"@odata.context":{_json(self._links.context(self._paging.table.name))}'
        # Without `$top` nothing is left; with 0 a link would lead to the same again.
        self._more = bool(self._options.top and self._written) and next(rows, None) is not None
        if self._more:
            end += f',"@odata.nextLink":{_json(self._links.following(self._token))}'
        if self._options.count:
            end += f',"@odata.count":{self._written if self._whole else self._count}'
        return end + "}"

    def reached(self) -> dict[str, Any]:
        """Tell how far the pieces that were given have come."""
        return {
            "written": self._written,
            "last": self._token.to_json() if self._written else None,
            "ended": self._ended,
            # The next row may be of the same submission.
            "again": int(self._paging.table.parent is not None and not self._ended),
        }

    def expected(self) -> int:
        """Count the submissions that may be looked at."""
        return self._paging.source.expected()

    @property
    def _token(self) -> Token:
        """Tell where the last row that was given stands."""
        return self._last if isinstance(self._last, Token) else self._paging.token(self._last)

    @property
    def _whole(self) -> bool:
        """Whether all rows are given, so that they need not be counted apart."""
        options = self._options
        return options.top is None and options.token is None and not options.skip

    @cached_property
    def _count(self) -> int:
        return self._paging.count()

    def _etag(self, seen: Seen, more: bool) -> str:
        if self._paging.table.parent is None:
            if self._options.count and not self._whole:
                seen.hash.add_count(self._count)
            self._meet(seen.submitters)
        names = {number: self._names.get(number) for number in seen.submitters}
        fields, links = schema.dump(self._fields), self._links
        return seen.hash.etag(fields, links.origin, links.path, links.query, more, names)

    def _meet(self, numbers: Set[int]) -> None:
        """Look up the names of submitters that are not known yet."""
        if unknown := set(numbers - self._names.keys()):
            found = actors.by_id(unknown)
            self._names |= {number: actor.display_name for number, actor in found.items()}

    def _members(self, row: Row) -> dict[str, Any]:
        if self._paging.table.parent is not None and row.place is not None:
            return self._writer.write(row.place)
        told = row.candidate.told
        name = self._names.get(told.root["submitter_id"])
        said = system.of(told, name)
        if row.place is None:
            return self._writer.encrypted(told.root_id, said)
        return self._writer.write(row.place, said)


# Made once: json.dumps would make one for each row.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
