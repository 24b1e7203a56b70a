"""Attachments of one version of a submission, which may have been put aside by an edit."""

from __future__ import annotations

from sheaf.access.auth import Auth
from sheaf.db import keys, reads
from sheaf.db.items import Ref
from sheaf.db.transaction import Transaction
from sheaf.forms.forms import Form
from sheaf.problems import NotFound, found
from sheaf.submissions import attachments
from sheaf.submissions.records import Submission, SubmissionVersion
from sheaf.submissions.revisions import Changed, insist
from sheaf.submissions.telling import tell_file


def clear(
    form: Form, submission: Submission, version: SubmissionVersion, name: str, *, by: Auth
) -> None:
    """Empty a slot of a version; other versions keep theirs, even if they share the file.

    Raises:
        NotFound: the XML names no such file, or the submission has been deleted meanwhile.
    """
    named = version.instance_id

    def empty(now: Submission) -> None:
        if now.instance_id == named:
            place = attachments.place(now, name)
            attachments.put(form, now, {place: None}, by=by, named=named)
        else:
            # Since it was read, an edit may have put it aside, or somebody have emptied it.
            kept = version if now is submission else found(reads.get(_aside(submission, version)))
            _empty(form, now, kept, name, by=by)

    insist(submission, empty)


def _aside(submission: Submission, version: SubmissionVersion) -> Ref[SubmissionVersion]:
    """Refer to where a version lies, or will, once an edit has put it aside."""
    if isinstance(version, Submission):
        return SubmissionVersion.ref(keys.version(submission.id, version.edits))
    return SubmissionVersion.ref((version.pk, version.sk))


def _empty(
    form: Form, submission: Submission, kept: SubmissionVersion, name: str, *, by: Auth
) -> None:
    place = attachments.place(kept, name)
    spelt, held = kept.attachments[place]
    details = attachments.details_of(kept.instance_id, spelt, held, None)
    revision = submission.revision
    submission.revision += 1
    counted = [Submission.revision.set(submission.revision)]
    emptied = [SubmissionVersion.slots[place].set({"n": spelt})]
    with Transaction() as tx:
        tx.update(submission, counted, Submission.revision == revision, otherwise=Changed())
        tx.update(kept, emptied, SubmissionVersion.pk.exists(), otherwise=NotFound())
        tell_file(tx, form, submission, {"submissionDefId": kept.created_at, **details}, by=by)
