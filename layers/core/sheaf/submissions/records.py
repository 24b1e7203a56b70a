"""How a submission rests: its claims, its current version, its older ones."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    UnicodeAttribute,
)

from sheaf import blobs, clock
from sheaf.access.actors import Actor
from sheaf.blobs import Blob
from sheaf.db import keys
from sheaf.db.compression import unpack
from sheaf.db.items import IntegerAttribute, Item

# Partitions of a form's submissions. What is deleted lies apart until it is purged, so that
# lists and exports never read it; each draft has a partition of its own (`keys.draft_partition`).
LIVE = ""
TRASH = "x"
# Where the claims of all drafts of a form lie; all others lie in the world `LIVE`.
DRAFTS = "d"

# A list of actors by number, for extended metadata.
Actors = dict[int, Actor]


class Claim(Item):
    """An instanceId that is taken (key: see `keys.claim`): of which submission, which version."""

    submission_id = UnicodeAttribute(attr_name="i")
    version = IntegerAttribute(attr_name="v", default=0)


class SubmissionVersion(Item):
    """An older version of a submission, kept aside (key: `V#<submission>`, `V#<nr>`).

    `slots` are the attachments that the XML names, in its order: `{n: name[, b: blob]}`. Of an
    encrypted one, `key_id` is the key of its form version (0, where that has none), and `data_slot`
    the slot of the encrypted XML, if the envelope names it.
    """

    instance_id = UnicodeAttribute(attr_name="v")
    instance_name = UnicodeAttribute(attr_name="n", null=True)
    submitter_id = IntegerAttribute(attr_name="a", null=True)
    device_id = UnicodeAttribute(attr_name="d", null=True)
    user_agent = UnicodeAttribute(attr_name="u", null=True)
    form_version = UnicodeAttribute(attr_name="f")
    created_at = IntegerAttribute(attr_name="t")
    xml_packed = BinaryAttribute(attr_name="x", null=True, legacy_encoding=False)
    xml_key = UnicodeAttribute(attr_name="xk", null=True)
    charset = UnicodeAttribute(attr_name="cs", null=True)
    slots: ListAttribute[Any] = ListAttribute(attr_name="s", null=True)
    key_id = IntegerAttribute(attr_name="k", null=True)
    data_slot = IntegerAttribute(attr_name="ds", null=True)

    @property
    def encrypted(self) -> bool:
        """Whether its XML is the envelope of an encrypted submission."""
        return self.key_id is not None

    @property
    def data(self) -> Blob | None:
        """The encrypted XML of an encrypted submission, if it has come."""
        return None if self.data_slot is None else self.attachments[self.data_slot][1]

    @property
    def xml(self) -> bytes:
        """The XML, byte for byte as it came."""
        return blobs.load(self.xml_key) if self.xml_packed is None else unpack(self.xml_packed)

    @property
    def attachments(self) -> list[tuple[str, Blob | None]]:
        """The names that the XML gives its attachments, each with its file if that has come."""
        return [
            (slot["n"], Blob.from_item(slot["b"]) if "b" in slot else None)
            for slot in (dict(each) for each in self.slots or ())
        ]

    def version_to_api(self, actors: Actors | None = None, *, current: bool) -> dict[str, Any]:
        """Give the version as `currentVersion` shows it, with its submitter when extended."""
        return version_shown(self, actors, current=current)


class Submission(SubmissionVersion):
    """A submission with its current version (key: `S#<form><partition>#<shard>`, id).

    `first` holds what the API tells of the first version, once there is a second. `revision`
    counts all changes, attachments and comments included; every write requires the one it has read,
    so of concurrent changes exactly one wins. `events` are the micros of its audit rows, `kinds`
    the kind of each (`keys.kind`); those of files are not among them. `due` and `due_at` put what
    is in the trash into the index of the purge, which marks what it has begun to remove as
    `purging`: that can no longer be restored. `home` is what it takes to find the claims again: the
    form's project, xmlFormId and use.
    """

    first: JSONAttribute = JSONAttribute(attr_name="r", null=True)
    edits = IntegerAttribute(attr_name="e", default=0)
    review_state = UnicodeAttribute(attr_name="rs", null=True)
    updated_at = IntegerAttribute(attr_name="up", null=True)
    deleted_at = IntegerAttribute(attr_name="dl", null=True)
    revision = IntegerAttribute(attr_name="q", default=1)
    events: ListAttribute[Any] = ListAttribute(attr_name="ev")
    kinds = UnicodeAttribute(attr_name="ek", default=keys.kind("submission.create"))
    home: JSONAttribute = JSONAttribute(attr_name="h", null=True)
    due = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(attr_name="dueAt", null=True)
    purging = BooleanAttribute(attr_name="pg", null=True)

    @property
    def id(self) -> str:
        """Our id of the submission, which says when it came and where it lies."""
        return str(self.sk)

    @property
    def world(self) -> str:
        """Where its claims lie: LIVE or DRAFTS."""
        _, partition = keys.home(self.pk)
        return DRAFTS if partition.startswith(DRAFTS) else LIVE

    @property
    def draft(self) -> bool:
        """Whether it was sent to a draft of its form."""
        return self.world == DRAFTS

    @property
    def audits(self) -> list[tuple[str, str]]:
        """The keys of its audit rows, oldest first."""
        return [
            keys.audit(kind, keys.event_of(self.id, int(moment)))
            for kind, moment in zip(self.kinds, self.events, strict=True)
        ]

    @property
    def number(self) -> int:
        """The `submissionId` that audits show."""
        return keys.micros(self.id)

    @property
    def root(self) -> dict[str, Any]:
        """What is told of the first version, under the attribute names of SubmissionVersion."""
        if self.first is not None:
            return dict(self.first)
        return {name: getattr(self, name) for name in ROOT}

    @property
    def root_id(self) -> str:
        """The instanceId that names the submission for ever."""
        return str(self.root["instance_id"])

    def to_api(self, actors: Actors | None = None) -> dict[str, Any]:
        """Give the submission as lists and single reads show it."""
        return shown(self, actors)

    def created_to_api(self) -> dict[str, Any]:
        """Give it as the answer to its creation: without review state and deletion."""
        return {
            **_head(self),
            "userAgent": self.user_agent,
            "currentVersion": self.version_to_api(current=True),
        }

    def reviewed_to_api(self) -> dict[str, Any]:
        """Give it as the answer to a review: without user agent and current version."""
        return {
            **_head(self),
            "reviewState": self.review_state,
            "deletedAt": clock.iso(self.deleted_at),
        }


NOBODY = dict.fromkeys(("id", "type", "displayName", "createdAt", "updatedAt", "deletedAt"))
# What the first version tells once it is no longer the current one.
ROOT = ("instance_id", "submitter_id", "device_id", "user_agent", "form_version")
# What a version is made of, and what moves aside when the next one comes.
VERSION = tuple(
    name for name in SubmissionVersion.get_attributes() if name not in ("pk", "sk", "due_index")
)


def shown(submission: Any, actors: Actors | None = None) -> dict[str, Any]:
    """Give a submission as lists and single reads show it, with its submitter when extended.

    It may be a Submission or, read in bulk, what has the same attributes (`data.record.Stored`).
    """
    root = submission.root
    return {
        **_head(submission),
        "reviewState": submission.review_state,
        "userAgent": root["user_agent"],
        "deletedAt": clock.iso(submission.deleted_at),
        **submitter(root["submitter_id"], actors),
        "currentVersion": version_shown(submission, actors, current=True),
    }


def people(submission: Any) -> set[int]:
    """Give the numbers of those whom `shown` shows: who sent the first and the current version."""
    numbers = (submission.root["submitter_id"], submission.submitter_id)
    return {int(number) for number in numbers if number is not None}


def version_shown(version: Any, actors: Actors | None = None, *, current: bool) -> dict[str, Any]:
    """Give a version, or the current one of a submission, with its submitter when extended."""
    told = {
        "submitterId": version.submitter_id,
        "createdAt": clock.iso(version.created_at),
        "instanceName": version.instance_name,
        "instanceId": version.instance_id,
        "current": current,
        "deviceId": version.device_id,
        "userAgent": version.user_agent,
    }
    return told | submitter(version.submitter_id, actors)


def _head(submission: Any) -> dict[str, Any]:
    root = submission.root
    return {
        "instanceId": root["instance_id"],
        "submitterId": root["submitter_id"],
        "deviceId": root["device_id"],
        "createdAt": clock.iso(submission.number),
        "updatedAt": clock.iso(submission.updated_at),
    }


def submitter(number: int | None, actors: Actors | None) -> dict[str, Any]:
    """Give the `submitter` member of extended metadata, or nothing when it is not asked for.

    Who tested a draft by its link is nobody: Central shows an actor of which all is null.
    """
    if actors is None:
        return {}
    actor = None if number is None else actors.get(number)
    return {"submitter": NOBODY if actor is None else actor.to_api()}
