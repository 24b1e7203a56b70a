"""Attachments: the files that a submission's XML names, each in a slot of its own.

A slot belongs to a version; what is sent goes to the current one. The file goes to S3 first, then
one transaction fills the slot and tells of it: a crash in between leaves bytes that nothing refers
to, and that go with the submission.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sheaf import blobs
from sheaf.access.auth import Auth
from sheaf.blobs import Blob
from sheaf.db.transaction import Author, Transaction
from sheaf.forms.forms import Form
from sheaf.problems import FileTooLarge, Forbidden, OutdatedCopy, found
from sheaf.submissions import files
from sheaf.submissions.files import File
from sheaf.submissions.records import Submission, SubmissionVersion
from sheaf.submissions.revisions import Changed, insist
from sheaf.submissions.telling import MOST_FILES, is_complete, tell_complete, tell_file


def names(version: SubmissionVersion) -> list[dict[str, Any]]:
    """List the attachments of a version by name, as Central does."""
    listed = sorted(version.attachments, key=lambda each: each[0])
    return [{"name": name, "exists": blob is not None} for name, blob in listed]


def get(version: SubmissionVersion, name: str) -> tuple[str, Blob]:
    """Give an attachment's name as the XML spells it, and its file.

    Raises:
        NotFound: there is no such slot, or nothing in it.
    """
    index = place(version, name)
    spelt, blob = version.attachments[index]
    return spelt, found(blob)


def upload(form: Form, submission: Submission, file: File, *, by: Auth) -> None:
    """Put a file into its slot. The same file again changes nothing.

    Raises:
        FileTooLarge: it is more than a request may carry.
        NotFound: the XML names no such file, or the submission has been deleted meanwhile.
        Forbidden: who may only create submissions fills empty slots of his own first versions.
    """
    if len(file.data) > blobs.REQUEST_LIMIT:
        raise FileTooLarge(limit=blobs.REQUEST_LIMIT)
    if file.is_same(judge(form, submission, file, by=by)):
        return
    blob = blobs.store(blobs.submission_prefix(submission.id), file.data, file.kind)

    def fill(now: Submission) -> Submission:
        if file.is_same(judge(form, now, file, by=by)):
            # A client that lost patience had sent it twice: ours is of no use to anybody.
            blobs.forget(blob.key)
            return now
        return put(form, now, {place(now, file.name): blob}, by=by)

    insist(submission, fill)


def add(form: Form, submission: Submission, sent: Sequence[File], *, by: Auth) -> None:
    """Put files into the slots that are theirs, or drop them, as OpenRosa wants it.

    Raises:
        NotFound: the submission has been deleted meanwhile.
        OutdatedCopy: it has been edited meanwhile: these are the files of an older version.
    """
    held = dict(submission.attachments)
    wanted = files.by_slot(tuple(held), sent)
    new = {name: file for name, file in wanted.items() if not file.is_same(held[name])}
    stored = list(files.store(submission.id, new).items())
    version, edits = submission.instance_id, submission.edits
    for start in range(0, len(stored), MOST_FILES):
        some = dict(stored[start : start + MOST_FILES])

        def fill(now: Submission, some: Mapping[str, Blob] = some) -> Submission:
            if now.edits != edits:
                raise OutdatedCopy(deprecatedId=version)
            into = {
                index: some[name]
                for index, (name, there) in enumerate(now.attachments)
                if name in some and not new[name].is_same(there)
            }
            return put(form, now, into, by=by, asked=False)

        submission = insist(submission, fill)


def clear(form: Form, submission: Submission, name: str, *, by: Auth) -> None:
    """Empty a slot of the current version; it stays, and may be filled again.

    Raises:
        NotFound: the XML names no such file, or the submission has been deleted meanwhile.
    """
    insist(submission, lambda now: put(form, now, {place(now, name): None}, by=by))


def judge(form: Form, submission: Submission, file: File, *, by: Auth) -> Blob | None:
    """Give what a file's slot holds, or raise what forbids to put it there.

    Raises:
        NotFound: the XML names no such file.
        Forbidden: who may only create submissions fills empty slots of his own first versions.
    """
    held = submission.attachments[place(submission, file.name)][1]
    own = submission.edits == 0 and submission.submitter_id == by.actor_id
    # A client that lost the answer to its first upload may repeat it.
    may_fill = own and (held is None or file.is_same(held))
    if not (may_fill or by.can("submission.update", form)):
        raise Forbidden
    return held


def put(
    form: Form,
    submission: Submission,
    into: Mapping[int, Blob | None],
    *,
    by: Author,
    asked: bool = True,
    named: str | None = None,
    along: Callable[[Transaction], None] | None = None,
) -> Submission:
    """Fill or empty slots, by their places.

    Args:
        form: the submission's form.
        submission: as it was read.
        into: the file for each slot, None to empty it.
        by: who does it.
        asked: whether a client named the slot itself: Central then tells what was there before.
        named: the instanceId by which he named it, if it was not the submission's first.
        along: what else belongs to the transaction.

    Raises:
        Changed: somebody else was faster.
    """
    if not into:
        return submission
    revision, before = submission.revision, submission.attachments
    was_complete = is_complete(submission)
    submission.revision += 1
    actions = [Submission.revision.set(submission.revision)]
    for index, blob in into.items():
        slot = {"n": before[index][0]} | ({} if blob is None else {"b": blob.to_item()})
        actions.append(Submission.slots[index].set(slot))
        submission.slots[index] = slot
    with Transaction() as tx:
        tx.update(submission, actions, Submission.revision == revision, otherwise=Changed())
        for index, blob in into.items():
            told = named or submission.root_id
            details = details_of(told, *before[index], blob, asked=asked)
            tell_file(tx, form, submission, details, by=by)
        if is_complete(submission) and not was_complete:
            tell_complete(tx, form, submission, by=by)
        if along is not None:
            along(tx)
    # Older versions may share a file; without any, nothing else can.
    for index in into:
        held = before[index][1]
        if held is not None and not submission.edits:
            blobs.forget(held.key)
    return submission


def details_of(
    instance_id: str, name: str, held: Blob | None, blob: Blob | None, *, asked: bool = True
) -> dict[str, Any]:
    """Give what Central's audit row tells of a slot."""
    details: dict[str, Any] = {"instanceId": instance_id, "name": name}
    if asked:
        details["oldBlobId"] = held and held.id
    if blob is not None:
        details["newBlobId"] = blob.id
    return details


def place(version: SubmissionVersion, name: str) -> int:
    """Find the slot of a name.

    Raises:
        NotFound: the XML names no such file.
    """
    names = [each for each, _ in version.attachments]
    return names.index(found(files.spelt(names, name)))
