"""Attachments: the files that a submission's XML names, each in a slot of its own.

A slot belongs to a version; what is sent goes to the current one. The file goes to S3 first, then
one transaction fills the slot and tells of it: a crash in between leaves bytes that nothing refers
to, and that go with the submission.
"""

from __future__ import annotations

import re
from typing import Any
from unicodedata import normalize

from sheaf import blobs
from sheaf.access.auth import Auth
from sheaf.blobs import Blob
from sheaf.db.transaction import Transaction
from sheaf.forms.forms import Form
from sheaf.problems import Forbidden, NotFound
from sheaf.submissions.records import Submission, SubmissionVersion
from sheaf.submissions.submissions import Changed, insist
from sheaf.submissions.telling import tell_file

# The types that Central knows by their extension, for clients that name none.
_TYPES = {".csv": "text/csv", ".geojson": "application/geo+json"}
_UNKNOWN = "application/octet-stream"
# What S3 and an item (`reception.SLOT`) can take for a type.
_KEPT = re.compile(r"[ -~]{1,100}")


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
        NotFound: the XML names no such file, or the submission has been deleted meanwhile.
        Forbidden: who may only create submissions fills empty slots of his own first versions.
    """
    kind = content_type if _KEPT.fullmatch(content_type or "") else None
    kind = kind or _TYPES.get(name[name.rfind(".") :].lower(), _UNKNOWN)
    held = _judge(form, submission, name, data, kind, by=by)
    if blobs.same(held, data, kind):
        return
    blob = blobs.store(blobs.submission_prefix(submission.id), data, kind)

    def fill(now: Submission) -> Submission:
        _judge(form, now, name, data, kind, by=by)
        return _set(form, now, name, blob, by=by)

    insist(submission, fill)


def clear(form: Form, submission: Submission, name: str, *, by: Auth) -> None:
    """Empty a slot; it stays, and may be filled again.

    Raises:
        NotFound: the XML names no such file, or the submission has been deleted meanwhile.
    """
    insist(submission, lambda now: _set(form, now, name, None, by=by))


def _judge(
    form: Form, submission: Submission, name: str, data: bytes, kind: str, *, by: Auth
) -> Blob | None:
    """Give what a slot holds, or raise what forbids to put a file there."""
    held = submission.attachments[_index(submission, name)][1]
    own = submission.edits == 0 and submission.submitter_id == by.actor_id
    # A client that lost the answer to its first upload may repeat it.
    may_fill = own and (held is None or blobs.same(held, data, kind))
    if not (may_fill or by.can("submission.update", form)):
        raise Forbidden
    return held


def _set(
    form: Form, submission: Submission, name: str, blob: Blob | None, *, by: Auth
) -> Submission:
    index = _index(submission, name)
    spelt, held = submission.attachments[index]
    slot = {"n": spelt} if blob is None else {"n": spelt, "b": blob.to_item()}
    details: dict[str, Any] = {
        "instanceId": submission.root_id,
        "name": spelt,
        "oldBlobId": held and held.id,
    }
    revision = submission.revision
    submission.revision += 1
    with Transaction() as tx:
        tx.update(
            submission,
            [Submission.slots[index].set(slot), Submission.revision.set(submission.revision)],
            Submission.revision == revision,
            otherwise=Changed(),
        )
        tell_file(tx, form, submission, details | ({"newBlobId": blob.id} if blob else {}), by=by)
    # Older versions may share the file; without any, nothing else can.
    if held is not None and not submission.edits:
        blobs.forget(held.key)
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
