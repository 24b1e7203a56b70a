"""Files too large for a request: a client sends one to the bucket itself, and its slot fills then.

The client asks for a link, which is good for an hour and for one file. What is awaited is kept
beside the submission; when the object arrives, the bucket tells a queue, and its worker fills the
slot in one transaction that also ends the waiting. So an event that comes twice, even to two
workers at once, does nothing, and one that is lost in a crash comes again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from sheaf import blobs, clock, fields
from sheaf.access.auth import Auth
from sheaf.blobs import Blob
from sheaf.db import keys, reads
from sheaf.db.conditional import held
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.transaction import Transaction
from sheaf.forms.forms import Form
from sheaf.problems import FileTooLarge, NotFound
from sheaf.submissions import attachments, files
from sheaf.submissions.files import File
from sheaf.submissions.records import TRASH, Submission
from sheaf.submissions.revisions import insist
from sheaf.telemetry import logger

# In seconds: longer than a link is good and an event may be late.
KEPT = 2 * 24 * 60 * 60


class Upload(Item):
    """A file that is awaited (key: `V#<submission>`, `U#<upload>`).

    `place` is the partition key of its submission, `form` the key of the form. `replaces` says
    whether it may take the place of another file. `ttl` (seconds) ends what never comes.
    """

    name = UnicodeAttribute(attr_name="n")
    content_type = UnicodeAttribute(attr_name="t")
    place = UnicodeAttribute(attr_name="s")
    project_id = IntegerAttribute(attr_name="pr")
    xml_form_id = UnicodeAttribute(attr_name="f")
    form_id = IntegerAttribute(attr_name="i")
    replaces = BooleanAttribute(attr_name="r")
    actor_id = IntegerAttribute(attr_name="by", null=True)
    notes = UnicodeAttribute(attr_name="no", null=True)
    hops = IntegerAttribute(attr_name="h", default=0)
    ttl = IntegerAttribute()


@dataclass(frozen=True, slots=True)
class Link:
    """Where to send a file: a PUT to `url` with these headers, until `expires_at` (micros)."""

    url: str
    headers: Mapping[str, str]
    expires_at: int

    def to_api(self) -> dict[str, Any]:
        """Give it as a client is shown it."""
        return {
            "method": "PUT",
            "url": self.url,
            "headers": dict(self.headers),
            "expiresAt": clock.iso(self.expires_at),
        }


def offer(
    form: Form, submission: Submission, name: str, body: Mapping[str, Any], *, by: Auth
) -> Link:
    """Give a link to which the file of a slot can be sent.

    Args:
        form: the submission's form.
        submission: whose file it is.
        name: the slot's.
        body: `contentType` and `size` (bytes), each if the client says so.
        by: who asks; he must be allowed to fill the slot.

    Raises:
        NotFound: the XML names no such file.
        Forbidden: see `attachments.upload`.
        FileTooLarge: `size` is beyond what the bucket takes in one piece.
        InvalidDataType: `contentType` or `size` is of the wrong type.
    """
    file = File(name, b"", fields.optional_text(body, "contentType"))
    attachments.judge(form, submission, file, by=by)
    if (fields.optional_size(body, "size") or 0) > blobs.LARGEST_UPLOAD:
        raise FileTooLarge(limit=blobs.LARGEST_UPLOAD)
    now, upload_id = clock.micros(), clock.letters(12)
    _, url, headers = blobs.place_for_upload(submission.id, upload_id, file.kind)
    Upload(
        *keys.upload(submission.id, upload_id),
        name=name,
        content_type=file.kind,
        place=submission.pk,
        project_id=form.project_id,
        xml_form_id=form.xml_form_id,
        form_id=form.id,
        replaces=by.can("submission.update", form),
        actor_id=by.actor_id,
        notes=by.notes,
        hops=by.hops,
        ttl=now // 1_000_000 + KEPT,
    ).save()
    return Link(url, headers, now + blobs.UPLOAD_LIFE * 1_000_000)


def run(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Fill the slots of files that have arrived; give the ids of messages that must come again.

    Args:
        records: messages of the queue that the bucket tells of new objects.
    """
    failed = []
    for record in records:
        try:
            for event in json.loads(record["body"]).get("Records", ()):
                receive(unquote_plus(event["s3"]["object"]["key"]))
        except Exception:
            logger.exception("upload.failed")
            failed.append(record["messageId"])
    return failed


def receive(key: str) -> None:
    """Put a file that has arrived into its slot, or remove it where there is none for it.

    Raises:
        NotFound: the submission has moved meanwhile, or another worker was faster; ask again.
    """
    submission_id, name = key.split("/")[1:]
    upload_id = name.removesuffix(blobs.UPLOADED)
    upload = reads.get(Upload.ref(keys.upload(submission_id, upload_id)))
    if upload is None:
        return  # it has been received before
    form, submission = _find(upload, submission_id)
    blob = blobs.uploaded(key, upload.content_type)
    taken = False
    if form is not None and submission is not None:
        taken = insist(submission, partial(_fill, form, upload, blob))
    # Only who ends the waiting may remove the file: the queue can hand the same news to another
    # worker, which has put it into the slot meanwhile.
    if not taken and held(partial(upload.delete, Upload.pk.exists())):
        blobs.forget(key)


def _find(upload: Upload, submission_id: str) -> tuple[Form | None, Submission | None]:
    """Find the form and the submission, also in the trash: they may be restored."""
    forms = (
        Form.ref(keys.form(upload.project_id, upload.xml_form_id)),
        Form.ref(keys.deleted_form(upload.project_id, upload.form_id)),
    )
    here = Submission.ref((upload.place, submission_id))
    trashed = Submission.ref(keys.submission(upload.form_id, TRASH, submission_id))
    live, deleted, submission, in_trash = reads.fetch([*forms, here, trashed])
    form = live if live is not None and live.id == upload.form_id else deleted
    return form, submission or in_trash


def _fill(form: Form, upload: Upload, blob: Blob, submission: Submission) -> bool:
    """Fill the slot; give whether there is one that the file may go into."""
    names = [name for name, _ in submission.attachments]
    spelt = files.spelt(names, upload.name)
    if spelt is None:
        return False
    index = names.index(spelt)
    if submission.attachments[index][1] is not None and not upload.replaces:
        return False

    def end(tx: Transaction) -> None:
        # Gone, it has been received before, and the slot may hold a later file.
        tx.delete(upload, Upload.pk.exists(), otherwise=NotFound())

    attachments.put(form, submission, {index: blob}, by=upload, along=end)
    return True
