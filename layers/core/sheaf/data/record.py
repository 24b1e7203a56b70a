"""A submission as it lies in the table, decoded but as far as needed."""

from __future__ import annotations

import json
from base64 import b64encode
from binascii import a2b_base64 as _bytes
from typing import Any, Self

from sheaf import blobs
from sheaf.blobs import Blob
from sheaf.db import keys
from sheaf.db.bulk import Raw
from sheaf.db.compression import unpack
from sheaf.submissions import markup
from sheaf.submissions.records import Submission

# What formats show of a submission, without its XML; and with it.
_ABOUT = (
    "instance_id", "submitter_id", "device_id", "form_version", "created_at", "slots", "first",
    "edits", "review_state", "updated_at", "deleted_at", "revision", "key_id", "data_slot",
)  # fmt: skip
_XML = ("xml_packed", "xml_key", "charset")
_NAMES = {name: attribute.attr_name for name, attribute in Submission.get_attributes().items()}
ABOUT = ("sk", *(_NAMES[name] for name in _ABOUT))
ALL = (*ABOUT, *(_NAMES[name] for name in _XML))
_PACKED, _SLOTS = _NAMES["xml_packed"], _NAMES["slots"]
# No request brings more XML than this; what is packed is rarely so much smaller.
_LARGEST, _INFLATED = 4_500_000, 30
# What lists show.
LISTED = (*ABOUT, _NAMES["instance_name"], _NAMES["user_agent"])
# What tells whether a submission has changed.
REVISIONS = ("sk", _NAMES["revision"])


def _string(name: str, otherwise: str | None = None) -> Any:
    """Make a property of a text, with what counts where there is none."""
    key = _NAMES[name]

    def read(stored: Stored) -> str | None:
        value = stored.raw.get(key)
        return value["S"] if value and "S" in value else otherwise

    return property(read)


def _number(name: str, otherwise: int | None = None) -> Any:
    """Make a property of a whole number, with what counts where there is none."""
    key = _NAMES[name]

    def read(stored: Stored) -> int | None:
        value = stored.raw.get(key)
        return int(value["N"]) if value and "N" in value else otherwise

    return property(read)


class Stored:
    """A submission as it lies in the table, under the names of `records.Submission`.

    Only what was read is there. There are millions of these, so nothing is decoded before it is
    asked for, and what is kept is kept by hand: a cached property takes a lock.
    """

    __slots__ = ("_attachments", "_root", "_text", "id", "raw")

    instance_id: str = _string("instance_id", "")
    instance_name: str | None = _string("instance_name")
    submitter_id: int | None = _number("submitter_id")
    device_id: str | None = _string("device_id")
    user_agent: str | None = _string("user_agent")
    form_version: str = _string("form_version", "")
    charset: str | None = _string("charset")
    # Where its XML lies in the bucket, when it is too large for the item.
    remote: str | None = _string("xml_key")
    # What is told of the first version, if that is not the current one, as JSON.
    first: str | None = _string("first")
    edits: int = _number("edits", 0)
    review_state: str | None = _string("review_state")
    updated_at: int | None = _number("updated_at")
    deleted_at: int | None = _number("deleted_at")
    revision: int = _number("revision", 1)
    key_id: int | None = _number("key_id")
    data_slot: int | None = _number("data_slot")
    _since: int | None = _number("created_at")

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.id: str = raw["sk"]["S"]
        self._attachments: list[tuple[str, Blob | None]] | None = None
        self._root: dict[str, Any] | None = None
        self._text: str | None = None

    @classmethod
    def of(cls, submission: Submission) -> Self:
        """Give a submission that has been read by itself."""
        raw: Raw = submission.serialize()
        if (packed := raw.get(_PACKED)) is not None:
            packed["B"] = b64encode(packed["B"])
        return cls(raw)

    @property
    def number(self) -> int:
        """When it came, in micros."""
        return keys.micros(self.id)

    @property
    def created_at(self) -> int:
        """When its current version came."""
        return self._since or self.number

    @property
    def root(self) -> dict[str, Any]:
        """What is told of the first version (see `Submission.root`), as far as it was read."""
        if self._root is None:
            first = self.first
            self._root = _own(self) if first is None else json.loads(first)
        return self._root

    @property
    def root_id(self) -> str:
        """The instanceId that names it for ever."""
        return str(self.root["instance_id"])

    @property
    def attachments(self) -> list[tuple[str, Blob | None]]:
        """The names that its XML gives its files, each with the file if that has come."""
        if self._attachments is None:
            slots = self.raw.get(_SLOTS)
            self._attachments = [_slot(each["M"]) for each in slots["L"]] if slots else []
        return self._attachments

    @property
    def text(self) -> str:
        """Its XML, decoded; kept until it is released."""
        if self._text is None:
            packed = self.raw.get(_PACKED)
            raw = blobs.load(self.remote or "") if packed is None else unpack(_bytes(packed["B"]))
            self._text = markup.decode(raw, self.charset)
        return self._text

    def release(self) -> None:
        """Let go of the decoded XML."""
        self._text = None

    @property
    def weight(self) -> int:
        """About how much its XML may take once it is decoded, in bytes."""
        packed = self.raw.get(_PACKED)
        return _LARGEST if packed is None else min(_LARGEST, _INFLATED * len(packed["B"]))


def _own(stored: Stored) -> dict[str, Any]:
    """Tell of the first version, which is the current one."""
    return {
        "instance_id": stored.instance_id,
        "submitter_id": stored.submitter_id,
        "device_id": stored.device_id,
        "user_agent": stored.user_agent,
        "form_version": stored.form_version,
    }


def _slot(slot: dict[str, Any]) -> tuple[str, Blob | None]:
    told = slot.get("b")
    if told is None:
        return slot["n"]["S"], None
    blob = {name: value.get("S", value.get("N")) for name, value in told["M"].items()}
    return slot["n"]["S"], Blob.from_item(blob | {"i": int(blob["i"] or 0)})
