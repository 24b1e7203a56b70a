"""A submission as it lies in the table, decoded but as far as needed."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from functools import cached_property
from typing import Any, Self

from sheaf import blobs
from sheaf.blobs import Blob
from sheaf.db import keys
from sheaf.db.bulk import Raw
from sheaf.db.compression import unpack
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
