"""What can be done with a submission: create, replace, review, delete, restore.

Each is one transaction: the change, the claim of a new instanceId, the version that is replaced,
and the audit row that tells of it. The condition is the revision that was read; when somebody else
was faster, the submission is read again and the whole is judged anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sheaf import blobs
from sheaf.access import actors
from sheaf.access.auth import Auth
from sheaf.blobs import Blob
from sheaf.db import keys
from sheaf.db.compression import pack
from sheaf.db.transaction import Transaction
from sheaf.forms.forms import Form
from sheaf.problems import AlreadyExists, Busy, LinkUsed, OutdatedCopy, Problem
from sheaf.submissions import files, key_uses, senders
from sheaf.submissions.files import File
from sheaf.submissions.reception import Received
from sheaf.submissions.records import (
    LIVE,
    TRASH,
    VERSION,
    Claim,
    Submission,
    SubmissionVersion,
    people,
)
from sheaf.submissions.revisions import Changed, following, insist
from sheaf.submissions.telling import is_complete, tell, tell_complete, tell_files

EDITED = "edited"
# An item holds 400 KB, most of which its slots may need (`reception.LARGEST_SLOTS`): XML beyond
# this, compressed, lies in S3, and longer instance names are cut (the XML has them whole).
LARGEST_INLINE = 100_000
LONGEST_NAME = 4_000


@dataclass(frozen=True, slots=True)
class Client:
    """What a client says of itself."""

    device_id: str | None
    user_agent: str | None


def describe(submission: Submission, *, extended: bool) -> dict[str, Any]:
    """Give a submission as the API shows it; with its submitters when extended."""
    return submission.to_api(actors.by_id(people(submission)) if extended else None)


def create(
    form: Form, received: Received, client: Client, *, by: Auth, sent: Sequence[File] = ()
) -> Submission:
    """Store a new submission, together with the files that were sent along.

    Raises:
        AlreadyExists: the instanceId is taken.
        LinkUsed: it came by a single-use link that the device has used.
    """
    submission_id = keys.identifier(keys.shard_for(received.instance_id, form.shards))
    submission = Submission(
        *keys.submission(form.id, received.partition, submission_id),
        events=[keys.micros(submission_id)],
    )
    stored = files.store(submission_id, files.by_slot(received.slots, sent))
    _fill(submission, received, client, by, held=stored)
    try:
        with Transaction() as tx:
            _claim(tx, form, received.instance_id, submission, 0)
            tx.create(submission, otherwise=Busy())
            key_uses.follow(tx, None, submission)
            tell(tx, "submission.create", form, submission, by=by)
            tell_files(tx, form, submission, by=by)
            _tell_whole(tx, form, submission, received, by=by)
            senders.note(tx, form, submission, by=by)
    except (AlreadyExists, LinkUsed):
        # Nothing will ever lead to what was stored for it.
        for key in (submission.xml_key, *(blob.key for blob in stored.values())):
            if key is not None:
                blobs.forget(key)
        raise
    senders.see(submission, by=by)
    return submission


def replace(
    form: Form,
    submission: Submission,
    received: Received,
    client: Client,
    *,
    by: Auth,
    sent: Sequence[File] = (),
) -> Submission:
    """Make a new version the current one, with the files sent along; the one before is kept aside.

    Raises:
        OutdatedCopy: the version that it replaces is not the current one.
        AlreadyExists: its instanceId is taken.
        NotFound: the submission has been deleted meanwhile.
    """
    stored = files.store(submission.id, files.by_slot(received.slots, sent))
    try:
        return insist(submission, lambda now: _replace(form, now, received, client, stored, by=by))
    except Problem as problem:
        # Who is told to come again may have been heard: of a lost answer, the repeat can throttle.
        if not isinstance(problem, Busy):
            for blob in stored.values():
                blobs.forget(blob.key)
        raise


def delete(form: Form, submission: Submission, *, by: Auth) -> None:
    """Put a submission into the trash, from where it can be restored until it is purged.

    Raises:
        NotFound: it has been deleted meanwhile.
    """
    insist(submission, lambda now: _move(form, now, TRASH, by=by))


def restore(form: Form, submission: Submission, *, by: Auth) -> None:
    """Take a submission out of the trash.

    Raises:
        NotFound: it is not there any more: restored, or about to be purged.
    """
    insist(submission, lambda now: _move(form, now, LIVE, by=by))


def _replace(
    form: Form,
    submission: Submission,
    received: Received,
    client: Client,
    stored: Mapping[str, Blob],
    *,
    by: Auth,
) -> Submission:
    deprecated = received.instance.deprecated_id
    if submission.instance_id != deprecated:
        raise OutdatedCopy(deprecatedId=deprecated)
    kept = SubmissionVersion(*keys.version(submission.id, submission.edits))
    for name in VERSION:
        setattr(kept, name, getattr(submission, name))
    action = "submission.update.version"
    changed = following(submission, action)
    changed.first = submission.root
    changed.edits = submission.edits + 1
    changed.review_state, changed.updated_at = EDITED, changed.events[-1]
    # Each envelope has an AES key of its own, which opens no file that came with another.
    kept_files = () if received.key_id is not None else submission.attachments
    held = {name: blob for name, blob in kept_files if blob}
    _fill(changed, received, client, by, held={**held, **stored})
    with Transaction() as tx:
        # Before the claim: who sent the same edit a moment later learns that his copy is outdated.
        tx.put(changed, Submission.revision == submission.revision, otherwise=Changed())
        _claim(tx, form, received.instance_id, changed, changed.edits)
        tx.create(kept)
        key_uses.follow(tx, submission, changed)
        tell(tx, action, form, changed, by=by, before=submission)
        tell_files(tx, form, changed, by=by)
        _tell_whole(tx, form, changed, received, by=by)
    return changed


def _tell_whole(
    tx: Transaction, form: Form, submission: Submission, received: Received, *, by: Auth
) -> None:
    """Tell of a version that comes with all its files: carried over, or because it names none.

    Where a form asks for no files, nobody waits for them.
    """
    if received.asks_for_files and is_complete(submission):
        tell_complete(tx, form, submission, by=by)


def _move(form: Form, submission: Submission, partition: str, *, by: Auth) -> Submission:
    trashed = partition == TRASH
    action = "submission.delete" if trashed else "submission.restore"
    moved = following(submission, action)
    moved.pk, moved.sk = keys.submission(form.id, partition, submission.id)
    moved.deleted_at = moved.events[-1] if trashed else None
    moved.home = [form.project_id, form.xml_form_id, form.use] if trashed else None
    moved.due = keys.DUE_PURGE if trashed else None
    moved.due_at = f"{moved.events[-1]:016d}" if trashed else None
    unmarked = Submission.purging.does_not_exist()
    with Transaction() as tx:
        tx.delete(
            submission,
            (Submission.revision == submission.revision) & unmarked,
            otherwise=Changed(),
        )
        tx.create(moved)
        key_uses.follow(tx, submission, moved)
        tell(tx, action, form, moved, by=by, before=submission)
    return moved


def _fill(
    submission: Submission,
    received: Received,
    client: Client,
    by: Auth,
    *,
    held: Mapping[str, Blob],
) -> None:
    """Let the current version be what was received, its slots filled with files of their names."""
    name = received.instance.instance_name
    submission.instance_id = received.instance_id
    submission.instance_name = name and name[:LONGEST_NAME]
    submission.submitter_id = by.actor_id
    submission.device_id, submission.user_agent = client.device_id, client.user_agent
    submission.form_version = received.form_version
    submission.created_at = submission.events[-1]
    submission.charset = received.charset
    submission.slots = [_slot(each, held) for each in received.slots] or None
    submission.key_id, submission.data_slot = received.key_id, received.data_slot
    packed = pack(received.raw)
    if len(packed) <= LARGEST_INLINE:
        submission.xml_packed, submission.xml_key = packed, None
    else:
        prefix = blobs.submission_prefix(submission.id)
        blob = blobs.store(prefix, received.raw, "application/xml")
        submission.xml_packed, submission.xml_key = None, blob.key


def _slot(name: str, held: Mapping[str, Blob]) -> dict[str, Any]:
    found = files.spelt(tuple(held), name)
    return {"n": name} if found is None else {"n": name, "b": held[found].to_item()}


def _claim(
    tx: Transaction, form: Form, instance_id: str, submission: Submission, version: int
) -> None:
    """Let a transaction take an instanceId for a version of a submission."""
    key = keys.claim(form.project_id, form.xml_form_id, form.use, submission.world, instance_id)

    def otherwise(raw: dict[str, Any] | None) -> Problem:
        taken_by_first = not int((raw or {}).get("v", {}).get("N", 0))
        if taken_by_first and version == 0:
            return AlreadyExists(
                table="submissions",
                formId=form.id,
                instanceId=instance_id,
                draft=submission.draft,
            )
        return AlreadyExists(instanceID=instance_id)

    claim = Claim(*key, submission_id=submission.id, version=version)
    tx.create(claim, otherwise=otherwise)
