"""Lists of submissions as the API gives them: newest first, a page at a time or whole.

A page is written as it is read, so a list of any length takes the memory of its JSON alone. What is
read follows what is returned; the id of the last submission of a page is where the next one begins,
at no greater cost however deep that is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice

from sheaf.access import actors
from sheaf.access.actors import Actor
from sheaf.data import stored
from sheaf.data.eventhash import EventHash
from sheaf.data.record import LISTED, Stored
from sheaf.data.stored import LARGEST_PAGE, Range
from sheaf.forms.forms import Form
from sheaf.submissions import location
from sheaf.submissions.records import TRASH, people, shown


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a form's submissions a list is to show.

    Args:
        draft: those of its draft.
        deleted: those in the trash instead.
        after: those that come after this id (`Page.last`).
        offset: how many to leave out.
        limit: how many to give; all, when absent.
        extended: with their submitters.
    """

    draft: bool = False
    deleted: bool = False
    after: str = ""
    offset: int = 0
    limit: int | None = None
    extended: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A list as JSON, its ETag, and the id of its last submission if there are more after it."""

    body: bytes
    etag: str
    last: str | None


def page(form: Form, wanted: Wanted) -> Page:
    """Give a list of a form's submissions."""
    hashed = EventHash()
    body, count = bytearray(b"["), 0
    known: dict[int, Actor] = {}
    last: Stored | None = None
    more = False
    for batch in _batches(form, wanted):
        if wanted.extended:
            _meet(batch, known)
        taken = batch if wanted.limit is None else batch[: wanted.limit - count]
        more = len(taken) < len(batch)
        hashed.add(taken)
        told = (shown(each, known if wanted.extended else None) for each in taken)
        body += (b"," if count and taken else b"") + ",".join(map(_json, told)).encode()
        count, last = count + len(taken), taken[-1] if taken else last
    body += b"]"
    etag = hashed.etag(wanted.deleted, wanted.extended, more)
    return Page(bytes(body), etag, last.id if more and last else None)


# Made once: json.dumps would make one for each submission.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _batches(form: Form, wanted: Wanted) -> Iterator[list[Stored]]:
    """Read what is wanted and, where that is limited, one more."""
    if wanted.limit == 0:
        return
    partition = TRASH if wanted.deleted else location.partition_of(form, draft=wanted.draft)
    end = None if wanted.limit is None else wanted.offset + wanted.limit + 1
    size = None if end is None else stored.share(form.shards, end)
    read = stored.newest(Range(form, [partition], until=wanted.after), LISTED, size=size)
    if wanted.offset == 0 and end is None:
        yield from read
        return
    kept = islice(chain.from_iterable(read), wanted.offset, end)
    while batch := list(islice(kept, LARGEST_PAGE)):
        yield batch


def _meet(batch: Iterable[Stored], known: dict[int, Actor]) -> None:
    """Read the submitters that are not known yet."""
    unknown = set().union(*map(people, batch)) - known.keys()
    if unknown:
        known.update(actors.by_id(unknown))
