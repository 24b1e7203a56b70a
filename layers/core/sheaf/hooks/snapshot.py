"""A submission as it was when an event was committed, found whatever has happened to it since.

What may have changed is told by the event itself (review state, deletion, last change, which files
were there) or was kept aside (older versions); the rest never changes. So edits, reviews, deletes,
restores and uploads in between make no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sheaf import clock
from sheaf.access.actors import Actor
from sheaf.data import row
from sheaf.db import keys, reads
from sheaf.db.items import Ref
from sheaf.forms.definitions import Definition
from sheaf.forms.schema import Field
from sheaf.hooks import events
from sheaf.submissions import diff, instance
from sheaf.submissions.comments import Comment
from sheaf.submissions.instance import Instance
from sheaf.submissions.location import NOWHERE
from sheaf.submissions.records import LIVE, TRASH, Submission, SubmissionVersion

# A batch of reads is not one moment: what is moved while it runs may be seen nowhere, once.
TRIES = 5


@dataclass(frozen=True)
class Snapshot:
    """A submission at a moment.

    `version` is its current version of then, `previous` the one that an edit replaced, `comment`
    the one that was made; `root` what its first version tells, under attribute names; `files` the
    names that its XML gives, and whether each file was there; `actor` who made the event.
    """

    version: SubmissionVersion
    previous: SubmissionVersion | None
    comment: Comment | None
    fields: tuple[Field, ...]
    root: Mapping[str, Any]
    files: tuple[tuple[str, bool], ...]
    submitter: Actor | None
    actor: Actor | None

    @cached_property
    def instance(self) -> Instance:
        """What its XML says."""
        return instance.read(self.version.xml, self.version.charset)

    @property
    def encrypted(self) -> bool:
        """Whether it is an envelope, whose data nobody here can read."""
        return self.version.encrypted

    @property
    def status(self) -> str | None:
        """What OData tells of an encrypted one."""
        slot = self.version.data_slot
        has_data = slot is not None and self.files[slot][1]
        return row.status(has_data=has_data) if self.encrypted else None

    @cached_property
    def row(self) -> dict[str, Any]:
        """Its data as OData tells it, {} for an encrypted one."""
        return self._row(self.instance)

    @cached_property
    def _before(self) -> Instance | None:
        """What the XML said that an edit replaced."""
        kept = self.previous
        return None if kept is None else instance.read(kept.xml, kept.charset)

    @property
    def previous_row(self) -> dict[str, Any] | None:
        """The data that an edit replaced."""
        return None if self._before is None else self._row(self._before)

    @property
    def changes(self) -> list[dict[str, Any]] | None:
        """What an edit changed, as `/diffs` tells it; None where nobody here can read the data."""
        if self._before is None or self.encrypted or self._before.encrypted:
            return None
        return diff.between(self._before.text, self.instance.text, self.fields)

    def _row(self, said: Instance) -> dict[str, Any]:
        return row.read(said.text, self.fields, instance_id=str(self.root["instance_id"]))


@dataclass(frozen=True, slots=True)
class _Found:
    """What an event leads to: the submission as it is now, and what it was made of then.

    `beside` is what the event needs besides: the version before, or a comment.
    """

    current: Submission
    version: SubmissionVersion
    beside: SubmissionVersion | Comment | None
    definition: Definition | None
    actor: Actor | None


def at(event: Mapping[str, Any]) -> Snapshot | None:
    """Give a submission as it was at an event, or None when it has been purged.

    Args:
        event: the columns of the audit row and its `event` (see `submissions.telling`).
    """
    found = _find(event)
    if found is None:
        return None
    names = [name for name, _ in found.version.attachments]
    return Snapshot(
        version=found.version,
        previous=found.beside if isinstance(found.beside, SubmissionVersion) else None,
        comment=found.beside if isinstance(found.beside, Comment) else None,
        fields=() if found.definition is None else found.definition.fields,
        root=found.current.root,
        files=tuple((n, there == "1") for n, there in zip(names, event["files"], strict=True)),
        submitter=_submitter(found.current, found.actor),
        actor=found.actor,
    )


def is_gone(event: Mapping[str, Any]) -> bool:
    """Whether the submission of an event has been purged, or is about to be."""
    refs = [_submission_ref(event, place) for place in (LIVE, TRASH)]
    for attempt in range(TRIES):
        there = [each for each in reads.fetch(refs) if each is not None]
        if there:
            return all(each.purging for each in there)
        clock.wait(0.05 * 2**attempt)
    return True


def _submission_ref(event: Mapping[str, Any], place: str) -> Ref[Submission]:
    return Submission.ref(keys.submission(event["formId"], place, event["submissionId"]))


def _find(event: Mapping[str, Any]) -> _Found | None:
    form_id, submission_id, actor_id = event["formId"], event["submissionId"], event["actorId"]
    # Most events are told at once, so the submission still lies where the event has left it.
    place = LIVE if event["deletedAt"] is None else TRASH
    current, definition, actor, beside = reads.fetch(
        [
            Submission.ref(keys.submission(form_id, place, submission_id)),
            Definition.ref(keys.definition(form_id, event["formVersion"])),
            NOWHERE if actor_id is None else Actor.ref(keys.actor(actor_id)),
            _beside(event),
        ]
    )
    version = current
    if current is None or current.edits != event["version"]:
        current, version = _look_everywhere(event)
    if current is None or version is None:
        return None
    return _Found(current, version, beside, definition, actor)


def _beside(event: Mapping[str, Any]) -> Ref[Any]:
    if event["action"] == events.EDIT:
        return _version_ref(event["submissionId"], event["version"] - 1)
    if "commentId" in event:
        return Comment.ref(keys.comment(event["submissionId"], event["commentId"]))
    return NOWHERE


def _version_ref(submission_id: str, number: int) -> Ref[SubmissionVersion]:
    return SubmissionVersion.ref(keys.version(submission_id, number))


def _look_everywhere(
    event: Mapping[str, Any],
) -> tuple[Submission | None, SubmissionVersion | None]:
    """Find a submission that has been edited or moved since, and its version of then."""
    refs: list[Ref[Any]] = [
        _submission_ref(event, LIVE),
        _submission_ref(event, TRASH),
        _version_ref(event["submissionId"], event["version"]),
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
