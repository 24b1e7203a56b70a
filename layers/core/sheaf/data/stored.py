"""Submissions in bulk: newest first over all shards, each read and decoded but as far as needed.

All shards are read side by side, each a page ahead. What they hold is merged by the page: an id is
given when no shard can hold a later one. The last id given is where reading can go on.
"""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from sheaf import blobs
from sheaf.blobs import Blob
from sheaf.db import bulk, keys, reads
from sheaf.db.bulk import Page, Raw, Span
from sheaf.db.compression import unpack
from sheaf.forms.forms import Form
from sheaf.submissions import markup
from sheaf.submissions.records import ROOT, Submission

# What formats show of a submission, without its XML; and with it.
_ABOUT = (
    "instance_id", "submitter_id", "device_id", "form_version", "created_at", "slots", "first",
    "edits", "review_state", "updated_at", "deleted_at", "revision", "key_id", "data_slot",
)  # fmt: skip
_XML = ("xml_packed", "xml_key", "charset")
_NAMES = {name: attribute.attr_name for name, attribute in Submission.get_attributes().items()}
ABOUT = ("sk", *(_NAMES[name] for name in _ABOUT))
ALL = (*ABOUT, *(_NAMES[name] for name in _XML))
# No request brings more XML than this; what is packed is rarely so much smaller.
_LARGEST, _INFLATED = 4_500_000, 30
# What lists show.
LISTED = (*ABOUT, _NAMES["instance_name"], _NAMES["user_agent"])
# A page of a query is at most 1 MB whatever its limit; so many items rarely reach it.
LARGEST_PAGE = 1000
# What tells whether a submission has changed.
REVISIONS = ("sk", _NAMES["revision"])


class Stored:
    """A submission as it lies in the table, under the names of `records.Submission`."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self.id: str = raw["sk"]["S"]

    @classmethod
    def of(cls, submission: Submission) -> Self:
        """Give a submission that has been read by itself."""
        raw: Raw = submission.serialize()
        if (packed := raw.get(_NAMES["xml_packed"])) is not None:
            packed["B"] = b64encode(packed["B"])
        return cls(raw)

    @property
    def number(self) -> int:
        """When it came, in micros."""
        return keys.micros(self.id)

    @property
    def revision(self) -> int:
        """How often it has changed, from 1 on."""
        return self._number("revision") or 1

    @property
    def edits(self) -> int:
        """How many versions there were before the current one."""
        return self._number("edits") or 0

    @property
    def created_at(self) -> int:
        """When its current version came."""
        return self._number("created_at") or self.number

    @property
    def updated_at(self) -> int | None:
        """When it was last edited or reviewed."""
        return self._number("updated_at")

    @property
    def deleted_at(self) -> int | None:
        """Since when it lies in the trash."""
        return self._number("deleted_at")

    @property
    def review_state(self) -> str | None:
        """Its review state; None for received."""
        return self._text("review_state")

    @property
    def instance_id(self) -> str:
        """The instanceId of its current version."""
        return self._text("instance_id") or ""

    @property
    def instance_name(self) -> str | None:
        """What its current version calls itself."""
        return self._text("instance_name")

    @property
    def submitter_id(self) -> int | None:
        """Who sent its current version."""
        return self._number("submitter_id")

    @property
    def device_id(self) -> str | None:
        """From which device that came."""
        return self._text("device_id")

    @property
    def user_agent(self) -> str | None:
        """And by which program."""
        return self._text("user_agent")

    @property
    def form_version(self) -> str:
        """Of which version of the form its current version is."""
        return self._text("form_version") or ""

    @cached_property
    def root(self) -> dict[str, Any]:
        """What is told of the first version (see `Submission.root`), as far as it was read."""
        if (first := self._text("first")) is not None:
            told: dict[str, Any] = json.loads(first)
            return told
        return {name: self._text(name) for name in ROOT} | {"submitter_id": self.submitter_id}

    @property
    def root_id(self) -> str:
        """The instanceId that names it for ever."""
        return str(self.root["instance_id"])

    @cached_property
    def attachments(self) -> list[tuple[str, Blob | None]]:
        """The names that its XML gives its files, each with the file if that has come."""
        slots = self._raw.get(_NAMES["slots"], {}).get("L", ())
        return [_attachment(slot["M"]) for slot in slots]

    @property
    def key_id(self) -> int | None:
        """The key of an encrypted one, or 0; None of any other."""
        return self._number("key_id")

    @property
    def data_slot(self) -> int | None:
        """Of an encrypted one, which of the attachments is the encrypted XML."""
        return self._number("data_slot")

    @property
    def remote(self) -> str | None:
        """Where its XML lies in the bucket, when it is too large for the item."""
        return self._text("xml_key")

    @cached_property
    def text(self) -> str:
        """Its XML, decoded."""
        packed = self._raw.get(_NAMES["xml_packed"])
        raw = blobs.load(self.remote or "") if packed is None else unpack(b64decode(packed["B"]))
        return markup.decode(raw, self._text("charset"))

    @property
    def weight(self) -> int:
        """About how much its XML may take once it is decoded, in bytes."""
        packed = self._raw.get(_NAMES["xml_packed"])
        return _LARGEST if packed is None else min(_LARGEST, _INFLATED * len(packed["B"]))

    def release(self) -> None:
        """Let go of the decoded XML."""
        self.__dict__.pop("text", None)

    def _text(self, name: str) -> str | None:
        value = self._raw.get(_NAMES[name])
        return None if value is None else value.get("S")

    def _number(self, name: str) -> int | None:
        value = self._raw.get(_NAMES[name])
        return int(value["N"]) if value and "N" in value else None


def _attachment(slot: dict[str, Any]) -> tuple[str, Blob | None]:
    told = slot.get("b")
    if told is None:
        return slot["n"]["S"], None
    blob = {name: value.get("S", value.get("N")) for name, value in told["M"].items()}
    return slot["n"]["S"], Blob.from_item(blob | {"i": int(blob["i"] or 0)})


@dataclass(frozen=True, slots=True)
class Range:
    """Which submissions: of a form's partitions, created from `since` on and before `until`.

    `until` may be a submission's id, too: then those that come after it in the list.
    """

    form: Form
    partitions: Sequence[str]
    since: str = ""
    until: str = ""

    def spans(self) -> list[Span]:
        """Give the parts of the table that hold them."""
        return [
            Span(keys.submissions(self.form.id, partition, f"{shard:02x}"), self.since, self.until)
            for partition in self.partitions
            for shard in range(self.form.shards)
        ]


def newest(
    wanted: Range, attributes: Collection[str] = ALL, *, size: int | None = None
) -> Iterator[list[Stored]]:
    """Give submissions newest first, in batches of up to some thousands; none is empty.

    Args:
        wanted: which.
        attributes: what is read of them: ALL, ABOUT, LISTED or REVISIONS.
        size: how many to read at a time from each shard, when few are needed. Then nothing is read
            ahead.
    """
    return _batches(wanted, attributes, size, forward=False)


def oldest(
    wanted: Range, attributes: Collection[str] = ALL, *, size: int | None = None
) -> Iterator[list[Stored]]:
    """Give submissions oldest first; all else as with `newest`."""
    return _batches(wanted, attributes, size, forward=True)


def _batches(
    wanted: Range, attributes: Collection[str], size: int | None, *, forward: bool
) -> Iterator[list[Stored]]:
    spans = wanted.spans()
    if not spans:
        return
    with ThreadPoolExecutor(max_workers=len(spans)) as pool:
        runs = [_Run(pool, span, attributes, size, forward=forward) for span in spans]
        try:
            while batch := _merged(runs, forward=forward):
                yield batch
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def fetch(form: Form, places: Iterable[tuple[str, str]]) -> list[Stored]:
    """Give submissions by partition and id, in that order; those that are gone are left out."""
    refs = [Submission.ref(keys.submission(form.id, *place)) for place in places]
    return [Stored.of(each) for each in reads.fetch(refs) if each is not None]


def share(shards: int, count: int) -> int:
    """Give how many to ask each shard for, so that hardly ever one has to be asked again.

    Submissions fall into shards by chance: three standard deviations above the mean are enough.
    """
    mean = count / max(1, shards)
    return min(LARGEST_PAGE, math.ceil(mean + 3 * math.sqrt(mean)) + 1)


def count(wanted: Range) -> int:
    """Count submissions."""
    spans = wanted.spans()
    with ThreadPoolExecutor(max_workers=len(spans) or 1) as pool:
        return sum(pool.map(bulk.count, spans))


class _Run:
    """A shard that is being read: what has come of it, and the page that comes next."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        span: Span,
        attributes: Collection[str],
        size: int | None,
        *,
        forward: bool,
    ) -> None:
        self.held: list[Stored] = []
        self._pool, self._span, self._attributes, self._size = pool, span, attributes, size
        self._forward = forward
        self._next: Callable[[], Page] | None = self._ask(None)

    @property
    def more(self) -> bool:
        """Whether more may come than is held."""
        return self._next is not None

    def fill(self) -> None:
        """Wait for items, unless some are held or there are no more."""
        while not self.held and self._next is not None:
            page = self._next()
            self._next = None if page.last is None else self._ask(page.last)
            self.held = [Stored(raw) for raw in page.items]

    def take(self, end: str | None) -> list[Stored]:
        """Take what is held up to an id, and that too; all without one."""
        at = len(self.held)
        if end is not None and at and self._beyond(self.held[-1], end):
            at = next(index for index, each in enumerate(self.held) if self._beyond(each, end))
        taken, self.held = self.held[:at], self.held[at:]
        return taken

    def _beyond(self, told: Stored, end: str) -> bool:
        return told.id > end if self._forward else told.id < end

    def _ask(self, after: dict[str, Any] | None) -> Callable[[], Page]:
        """Ask for a page: at once, or where nothing is read ahead, when it is wanted."""

        def read() -> Page:
            return bulk.page(
                self._span, self._attributes, size=self._size, after=after, forward=self._forward
            )

        if self._size is not None and after is not None:
            return read
        return self._pool.submit(read).result


def _merged(runs: list[_Run], *, forward: bool) -> list[Stored]:
    """Give the next batch: all that comes before whatever has not come yet.

    What was moved between partitions while they were read may be in both: the later state counts.
    """
    for run in runs:
        run.fill()
    first = min if forward else max
    end = first((run.held[-1].id for run in runs if run.more), default=None)
    found = [each for run in runs for each in run.take(end)]
    found.sort(key=lambda stored: (stored.id, stored.revision))
    merged = list({stored.id: stored for stored in found}.values())
    return merged if forward else merged[::-1]
