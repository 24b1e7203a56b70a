"""The rows of a table as JSON, written by and by.

They are read as they are written, so memory does not grow with the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from functools import cached_property
from itertools import islice
from typing import Any

from sheaf.access import actors
from sheaf.data.eventhash import Seen
from sheaf.forms import schema
from sheaf.odata import feed, select, system
from sheaf.odata.feed import Asked
from sheaf.odata.links import Links
from sheaf.odata.options import Options
from sheaf.odata.paging import Row
from sheaf.odata.reading import Heed
from sheaf.odata.rows import Writer

# As many submitters as a batch of reads takes are looked up at a time.
_CHUNK = 100


class Answer:
    """The answer to a request for rows.

    Raises:
        NotFound: there are none where it looks.
        Problem: of an option that cannot be followed.
    """

    def __init__(self, asked: Asked, options: Options, links: Links, heed: Heed) -> None:
        self._options, self._links, self._fields = options, links, asked.feed.fields
        self._paging = feed.paging(asked, options, heed)
        table = self._paging.table
        selection = select.read(options.select, asked.feed.fields, table)
        self._writer = Writer(table, selection, expand=options.expand, as_wkt=options.wkt)
        self._names: dict[int, str] = {}
        self._more = False

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
        top = self._options.top
        rows = self._paging.rows(self._options)
        written = 0
        last: Row | None = None
        yield '{"value":['
        for row in self._known(rows if top is None else islice(rows, top)):
            yield ("," if written else "") + _json(self._members(row))
            written, last = written + 1, row
        yield f'],"@odata.context":{_json(self._links.context(self._paging.table.name))}'
        # Without `$top` nothing is left; with 0 a link would lead to the same again.
        self._more = bool(top and last) and next(rows, None) is not None
        if self._more and last:
            following = self._links.following(self._paging.token(last))
            yield f',"@odata.nextLink":{_json(following)}'
        if self._options.count:
            yield f',"@odata.count":{written if self._whole else self._count}'
        yield "}"

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

    def _known(self, rows: Iterator[Row]) -> Iterator[Row]:
        """Give rows of whose submitters the names are known: they are looked up by the hundred."""
        while chunk := list(islice(rows, _CHUNK)):
            if self._paging.table.parent is None:
                self._meet({row.candidate.told.root["submitter_id"] for row in chunk} - {None})
            yield from chunk

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
