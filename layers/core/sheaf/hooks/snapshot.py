"""A submission as it was when an event was committed, found whatever has happened to it since.

What may have changed is told by the event itself (review state, deletion, last change) or was kept
aside (older versions); the rest never changes. So edits, reviews, deletes and restores in between
make no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sheaf import clock
from sheaf.access.actors import Actor
from sheaf.data import row
from sheaf.db import keys, reads
from sheaf.db.items import Ref
from sheaf.forms.definitions import Definition
from sheaf.submissions import instance
from sheaf.submissions.location import NOWHERE
from sheaf.submissions.records import LIVE, TRASH, Submission, SubmissionVersion

# A batch of reads is not one moment: what is moved while it runs may be seen nowhere, once.
TRIES = 5


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A submission at a moment.

    `row` is its data as OData tells it, {} for an encrypted one; `root` what its first version
    tells, under attribute names; `attachments` the names that its XML gives, and whether each file
    was there; `deprecated_id` the instanceId that its version replaced; `updated_at` in micros;
    `actor` who made the event.
    """

    version: SubmissionVersion
    row: dict[str, Any]
    root: dict[str, Any]
    attachments: tuple[tuple[str, bool], ...]
    deprecated_id: str | None
    encrypted: bool
    updated_at: int | None
    submitter: Actor | None
    actor: Actor | None


@dataclass(frozen=True, slots=True)
class _Found:
    """What an event leads to: the submission as it is now, and what it was made of then."""

    current: Submission
    version: SubmissionVersion
    definition: Definition | None
    actor: Actor | None


def at(event: Mapping[str, Any], moment: int) -> Snapshot | None:
    """Give a submission as it was at an event, or None when it has been purged.

    Args:
        event: the columns of the audit row and its `event` (see `telling`).
        moment: the event's time in micros.
    """
    found = _find(event)
    if found is None:
        return None
    current, version = found.current, found.version
    text = instance.read(version.xml, version.charset)
    fields = () if found.definition is None else found.definition.fields
    return Snapshot(
        version=version,
        row=row.read(text.text, fields, instance_id=current.root_id),
        root=current.root,
        # A file's number is the moment when it came.
        attachments=tuple(
            (name, blob is not None and blob.id <= moment) for name, blob in version.attachments
        ),
        deprecated_id=text.deprecated_id,
        encrypted=text.encrypted,
        updated_at=event["updatedAt"],
        submitter=_submitter(current, found.actor),
        actor=found.actor,
    )


def _find(event: Mapping[str, Any]) -> _Found | None:
    form_id, submission_id, actor_id = event["formId"], event["submissionId"], event["actorId"]
    # Most events are told at once, so the submission still lies where the event has left it.
    place = LIVE if event["deletedAt"] is None else TRASH
    current, definition, actor = reads.fetch(
        [
            Submission.ref(keys.submission(form_id, place, submission_id)),
            Definition.ref(keys.definition(form_id, event["formVersion"])),
            NOWHERE if actor_id is None else Actor.ref(keys.actor(actor_id)),
        ]
    )
    version = current
    if current is None or current.edits != event["version"]:
        current, version = _look_everywhere(event)
    if current is None or version is None:
        return None
    return _Found(current, version, definition, actor)


def _look_everywhere(
    event: Mapping[str, Any],
) -> tuple[Submission | None, SubmissionVersion | None]:
    """Find a submission that has been edited or moved since, and its version of then."""
    form_id, submission_id = event["formId"], event["submissionId"]
    refs: list[Ref[Any]] = [
        Submission.ref(keys.submission(form_id, LIVE, submission_id)),
        Submission.ref(keys.submission(form_id, TRASH, submission_id)),
        SubmissionVersion.ref(keys.version(submission_id, event["version"])),
    ]
    for attempt in range(TRIES):
        live, trashed, kept = reads.fetch(refs)
        current = _newest(each for each in (live, trashed) if each is not None)
        if current is not None and current.edits == event["version"]:
            return current, current
        if current is not None and kept is not None:
            return current, kept
        clock.wait(0.05 * 2**attempt)
    return None, None


def _newest(found: Iterable[Submission]) -> Submission | None:
    """Choose between a submission and what a move has left of it in the same batch."""
    return max(found, key=lambda submission: submission.revision, default=None)


def _submitter(current: Submission, actor: Actor | None) -> Actor | None:
    number = current.root["submitter_id"]
    if number is None:
        return None
    if actor is not None and actor.id == number:
        return actor
    submitter: Actor | None = reads.get(Actor.ref(keys.actor(number)))
    return submitter
