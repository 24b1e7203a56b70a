"""Telling of changes: the audit rows of submissions and of their files, and what events need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sheaf import clock
from sheaf.access.auth import Auth
from sheaf.blobs import Blob
from sheaf.db import keys
from sheaf.db.transaction import Author, Transaction
from sheaf.forms.forms import Form
from sheaf.submissions.records import Submission

# A transaction takes 100 items; so many of the files that a version begins with have a row each.
MOST_FILES = 90


@dataclass(frozen=True, slots=True)
class _Silent:
    """Who makes a change, without words of his own."""

    actor_id: int | None
    hops: int
    notes: str | None = None


def tell(
    tx: Transaction,
    action: str,
    form: Form,
    submission: Submission,
    *,
    by: Auth,
    before: Submission | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Let a transaction write the audit row of a change.

    Its id comes from the last of `submission.events`, through which a purge finds it again.

    Args:
        tx: the transaction that makes the change.
        action: Central's name of it.
        form: the submission's form.
        submission: as it is after the change.
        by: who made it.
        before: the submission as it was.
        more: details besides those that name the submission.
    """
    tx.audit(
        action,
        by=by,
        on=form.actee_id,
        event_id=keys.event_of(submission.id, submission.events[-1]),
        details={**_details(action, submission), **(more or {})},
        event=event(form, submission, before),
    )


def tell_file(
    tx: Transaction,
    form: Form,
    submission: Submission,
    details: Mapping[str, Any],
    *,
    by: Author,
    along: bool = False,
) -> None:
    """Let a transaction write the audit row of a file.

    In Central it is none of the submission's own rows, and a purge leaves its notes.

    Args:
        tx: the transaction that makes the change.
        form: the submission's form.
        submission: as it is after the change.
        details: Central's: instanceId, name, newBlobId where a file has come, and oldBlobId where a
            client asked for it.
        by: who made the change.
        along: whether it came with its version, of which hooks hear anyway.
    """
    tx.audit(
        "submission.attachment.update",
        by=by,
        on=form.actee_id,
        event_id=keys.event_of(submission.id, clock.micros()),
        details={"submissionDefId": submission.created_at, **details},
        event=event(form, submission, submission) | ({"along": True} if along else {}),
    )


def tell_files(tx: Transaction, form: Form, submission: Submission, *, by: Author) -> None:
    """Let a transaction write the audit rows of the files that a new version begins with."""
    held: list[tuple[str, Blob]] = [(n, blob) for n, blob in submission.attachments if blob]
    for name, blob in held[:MOST_FILES]:
        details = {"instanceId": submission.instance_id, "name": name, "newBlobId": blob.id}
        tell_file(tx, form, submission, details, by=by, along=True)


def is_complete(submission: Submission) -> bool:
    """Whether all files that a submission names are there; one that names none is complete."""
    return all(blob is not None for _, blob in submission.attachments)


def tell_complete(tx: Transaction, form: Form, submission: Submission, *, by: Author) -> None:
    """Let a transaction tell that the last file of a version has come, an event of hooks alone.

    Whoever makes a version complete says so, once; nobody is told of drafts.
    """
    if submission.draft:
        return
    tx.audit(
        "submission.attachments.complete",
        # A purge would not find the row again, so it must not hold what a client has written.
        by=_Silent(by.actor_id, by.hops),
        on=form.actee_id,
        event_id=keys.event_of(submission.id, clock.micros()),
        details={"instanceId": submission.root_id, "submissionDefId": submission.created_at},
        event=event(form, submission, submission),
        hidden=True,
    )


def tell_comment(
    tx: Transaction, form: Form, submission: Submission, comment_id: str, *, by: Author
) -> None:
    """Let a transaction tell hooks of a comment; the audit log does not know it.

    The row does not hold what was said: who wants that reads the comment (`keys.comment`). A purge
    removes both.
    """
    tx.audit(
        "comment.create",
        by=by,
        on=form.actee_id,
        event_id=comment_id,
        event=event(form, submission, submission) | {"commentId": comment_id},
        hidden=True,
    )


def event(form: Form, submission: Submission, before: Submission | None) -> dict[str, Any]:
    """Give what the event path needs of a submission after a change, and of it before."""
    return {
        "projectId": form.project_id,
        "formId": form.id,
        "xmlFormId": form.xml_form_id,
        "formVersion": submission.form_version,
        "draft": submission.draft,
        "submissionId": submission.id,
        "instanceId": submission.root_id,
        "currentInstanceId": submission.instance_id,
        "version": submission.edits,
        "sequence": submission.revision,
        "reviewState": submission.review_state,
        "previousReviewState": before and before.review_state,
        "updatedAt": submission.updated_at,
        "deletedAt": submission.deleted_at,
        # Of each file that the XML names, in its order, whether it is there.
        "files": "".join("01"[blob is not None] for _, blob in submission.attachments),
    }


def _details(action: str, submission: Submission) -> dict[str, Any]:
    """Give what names the submission; Central is not of one mind about what that is."""
    details: dict[str, Any] = {"submissionId": submission.number}
    if action == "submission.update.version":
        details["instanceId"] = submission.instance_id
    elif action != "submission.update":
        details["instanceId"] = submission.root_id
    if action not in ("submission.delete", "submission.restore"):
        details["submissionDefId"] = submission.created_at
    return details
