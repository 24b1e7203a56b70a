"""Telling of changes: the audit rows of submissions and of their files, and what events need."""

from __future__ import annotations

from collections.abc import Mapping
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
        event=_event(form, submission, before),
    )


def tell_file(
    tx: Transaction, form: Form, submission: Submission, details: Mapping[str, Any], *, by: Author
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
    """
    tx.audit(
        "submission.attachment.update",
        by=by,
        on=form.actee_id,
        event_id=keys.event_of(submission.id, clock.micros()),
        details={"submissionDefId": submission.created_at, **details},
        event=_event(form, submission, submission),
    )


def tell_files(tx: Transaction, form: Form, submission: Submission, *, by: Auth) -> None:
    """Let a transaction write the audit rows of the files that a new version begins with."""
    held: list[tuple[str, Blob]] = [(n, blob) for n, blob in submission.attachments if blob]
    for name, blob in held[:MOST_FILES]:
        details = {"instanceId": submission.instance_id, "name": name, "newBlobId": blob.id}
        tell_file(tx, form, submission, details, by=by)


def _event(form: Form, submission: Submission, before: Submission | None) -> dict[str, Any]:
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
