"""Submissions as KoBoToolbox lists them: flat records, in pages, that a query may choose."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, Self, TypeVar

from sheaf.blobs import Blob
from sheaf.data import stored
from sheaf.data.record import ALL, REVISIONS, Stored
from sheaf.data.stored import Range
from sheaf.forms.forms import Form
from sheaf.kobo import assets, paging, query, statuses
from sheaf.kobo.records import Records
from sheaf.problems import KoboRefused, NotFound
from sheaf.submissions.records import LIVE, Submission

# How many submissions a query may look at.
MOST_READ = 5_000
# By which members a list may be sorted: both say when a submission came.
_AGE = ("_id", "_submission_time")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a form's submissions a client asks for."""

    query: Mapping[str, Any]
    members: frozenset[str]
    newest_first: bool

    @classmethod
    def of(cls, said: Mapping[str, str]) -> Self:
        """Read `query`, `fields` and `sort` of a request.

        Raises:
            KoboRefused: one of them is wrong.
        """
        members = _json(said, "fields", list)
        if not all(isinstance(each, str) for each in members):
            raise KoboRefused(fields=["A list of names is required."])
        wanted = query.read(said.get("query") or {}, "query")
        return cls(wanted, frozenset(members), _newest_first(said))

    def part(self, record: dict[str, Any]) -> dict[str, Any]:
        """Give of a record the members that are asked for, and its `_id`."""
        if not self.members:
            return record
        return {name: record[name] for name in record if name in self.members or name == "_id"}


def page(form: Form, said: Mapping[str, str], origin: str) -> dict[str, Any]:
    """List the submissions of a form in pages, those first that came first.

    Args:
        form: whose submissions they are.
        said: the request's query: `limit`, `start`, `query`, `fields` and `sort`.
        origin: where the API is.

    Raises:
        KoboRefused: something in it is wrong, or its `query` would have to look at too many.
    """
    asked, url = Asked.of(said), _url(form, origin)
    wanted = Range(form, [LIVE], *query.bounds(asked.query))
    take = _chosen if asked.query else _plain
    total, found = take(asked, wanted, Records(form, url), paging.bounds(said))
    return paging.told([asked.part(each) for each in found], total, said, url)


def get(form: Form, submission: Submission, said: Mapping[str, str], origin: str) -> dict[str, Any]:
    """Give the record of a submission, with who reviewed it."""
    (record,) = Records(form, _url(form, origin)).of([Stored.of(submission)])
    return Asked.of(said).part(record | {"_validation_status": statuses.get(submission)})


def file(submission: Submission, number: str) -> tuple[str, Blob]:
    """Give the name of a submission's file, and the file, by the number that its record tells.

    Raises:
        NotFound: there is none such.
    """
    for name, blob in submission.attachments:
        if blob is not None and number in (str(blob.id), f"att{blob.id}"):
            return name, blob
    raise NotFound


def _url(form: Form, origin: str) -> str:
    return f"{assets.url(assets.uid(form), origin)}data/"


def _plain(
    asked: Asked, wanted: Range, records: Records, bounds: tuple[int, int]
) -> tuple[int, Iterable[dict[str, Any]]]:
    """Give how many there are, and a page of them, of which alone the data are read."""
    size, start = bounds
    ids = [each.id for each in _read(wanted, REVISIONS, asked)]
    on_page = ids[start : start + size]
    if not on_page:
        return len(ids), ()
    # What begins with an id is the id itself, and comes before the id and a `~`.
    within = replace(wanted, since=min(on_page), until=f"{max(on_page)}~")
    return len(ids), records.of(islice(_read(within, ALL, asked), size))


def _chosen(
    asked: Asked, wanted: Range, records: Records, bounds: tuple[int, int]
) -> tuple[int, Iterable[dict[str, Any]]]:
    """Give how many a query chooses, and a page of them."""
    size, start = bounds
    looked_at = list(islice(_read(wanted, ALL, asked), MOST_READ + 1))
    if len(looked_at) > MOST_READ:
        detail = f"A query can look at {MOST_READ} submissions. Narrow it by `_submission_time`."
        raise KoboRefused(detail=detail)
    chosen = [each for each in records.of(looked_at) if query.fits(asked.query, each)]
    return len(chosen), chosen[start : start + size]


def _read(wanted: Range, attributes: Collection[str], asked: Asked) -> Iterator[Stored]:
    read = stored.newest if asked.newest_first else stored.oldest
    return chain.from_iterable(read(wanted, attributes))


def _newest_first(said: Mapping[str, str]) -> bool:
    order = _json(said, "sort", dict) or {_AGE[0]: 1}
    ((name, way), *more) = order.items()
    if more or name not in _AGE or way not in (1, -1):
        raise KoboRefused(sort=["Only `_id` and `_submission_time` can be sorted by: 1 or -1."])
    return bool(way == -1)


def _json(said: Mapping[str, str], name: str, kind: type[_T]) -> _T:
    """Read a parameter that is JSON of some type; an empty one when it is absent."""
    text = said.get(name)
    try:
        value = json.loads(text) if text else kind()
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, kind):
        raise KoboRefused(**{name: ["Value must be valid JSON."]})
    return value
