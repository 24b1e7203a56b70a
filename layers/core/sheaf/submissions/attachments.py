"""Attachments: the files that a submission's XML names, each in a slot of its own.

A slot belongs to a version; what is sent goes to the current one. The file goes to S3 first, then
one transaction fills the slot and tells of it: a crash in between leaves bytes that nothing refers
to, and that go with the submission.
"""

from __future__ import annotations

import mimetypes
from typing import Any
from unicodedata import normalize

from sheaf import blobs, clock
from sheaf.access.auth import Auth
from sheaf.blobs import Blob
from sheaf.db.transaction import Transaction
from sheaf.forms.forms import Form
from sheaf.problems import Forbidden, NotFound
from sheaf.submissions.records import Submission, SubmissionVersion
from sheaf.submissions.submissions import Changed, insist, tell

# Types that Python's table lacks or a system's table changes.
_TYPES = {".csv": "text/csv", ".geojson": "application/geo+json"}
_UNKNOWN = "application/octet-stream"


def names(version: SubmissionVersion) -> list[dict[str, Any]]:
    """List the attachments of a version by name, as Central does."""
    listed = sorted(version.attachments, key=lambda each: each[0])
    return [{"name": name, "exists": blob is not None} for name, blob in listed]


def get(version: SubmissionVersion, name: str) -> tuple[str, Blob]:
    """Give an attachment's name as the XML spells it, and its file.

    Raises:
        NotFound: there is no such slot, or nothing in it.
    """
    spelt, blob = version.attachments[_index(version, name)]
    if blob is None:
        raise NotFound
    return spelt, blob


def upload(
    form: Form,
    submission: Submission,
    name: str,
    data: bytes,
    content_type: str | None,
    *,
    by: Auth,
) -> None:
    """Put a file into a slot. The same file again changes nothing.

    Raises:
        NotFound: the XML names no such file.
        Forbidden: who may only create submissions fills empty slots of his own first versions.
    """
    kind = content_type or _guess(name)
    spelt, held = submission.attachments[_index(submission, name)]
    if not by.can("submission.update", form) and not _own(submission, held, by):
        raise Forbidden
    if blobs.same(held, data, kind):
        return
    blob = blobs.store(blobs.submission_prefix(submission.id), data, kind)
    insist(submission, lambda now: _set(form, now, spelt, blob, by=by))


def clear(form: Form, submission: Submission, name: str, *, by: Auth) -> None:
    """Empty a slot; it stays, and may be filled again.

    Raises:
        NotFound: the XML names no such file.
    """
    spelt, _ = submission.attachments[_index(submission, name)]
    insist(submission, lambda now: _set(form, now, spelt, None, by=by))


def _own(submission: Submission, held: Blob | None, by: Auth) -> bool:
    return held is None and submission.edits == 0 and submission.submitter_id == by.actor_id


def _set(
    form: Form, submission: Submission, name: str, blob: Blob | None, *, by: Auth
) -> Submission:
    index = _index(submission, name)
    held = submission.attachments[index][1]
    slot = {"n": name} if blob is None else {"n": name, "b": blob.to_item()}
    with Transaction() as tx:
        tx.update(
            submission,
            [
                Submission.slots[index].set(slot),
                Submission.revision.set(submission.revision + 1),
            ],
            Submission.revision == submission.revision,
            otherwise=Changed(),
        )
        submission.revision += 1
        details: dict[str, Any] = {
            "instanceId": submission.root_id,
            "submissionDefId": submission.created_at,
            "name": name,
            "oldBlobId": held and held.id,
        }
        tell(
            tx,
            "submission.attachment.update",
            form,
            submission,
            by=by,
            details=details if blob is None else details | {"newBlobId": blob.id},
            at=clock.micros(),
        )
    # Older versions may share the file; without any, nothing else can.
    if held is not None and not submission.edits:
        blobs.forget(held)
    return submission


def _index(version: SubmissionVersion, name: str) -> int:
    """Find a slot by its name; composed and decomposed spellings are the same name."""
    spelt = [each for each, _ in version.attachments]
    if name in spelt:
        return spelt.index(name)
    composed = [normalize("NFC", each) for each in spelt]
    if normalize("NFC", name) not in composed:
        raise NotFound
    return composed.index(normalize("NFC", name))


def _guess(name: str) -> str:
    dot = name.rfind(".")
    suffix = name[dot:].lower() if dot > 0 else ""
    return _TYPES.get(suffix) or mimetypes.types_map.get(suffix, _UNKNOWN)
