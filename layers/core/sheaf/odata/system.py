"""What the server tells of a submission in its row: `__system`."""

from __future__ import annotations

from typing import Any

from sheaf import clock
from sheaf.data.stored import Stored
from sheaf.submissions import instance, markup


def of(told: Stored, submitter_name: str | None, *, encrypted: bool) -> dict[str, Any]:
    """Give `__system` with all its properties.

    Dates are those of the submission, the device and form version those of its first version, the
    attachments those of its current one.
    """
    root, attachments = told.root, told.attachments
    submitter = root["submitter_id"]
    return {
        "submissionDate": clock.iso(told.number),
        "updatedAt": clock.iso(told.updated_at),
        "submitterId": None if submitter is None else str(submitter),
        "submitterName": submitter_name or None,
        "attachmentsPresent": sum(1 for _, blob in attachments if blob is not None),
        "attachmentsExpected": len(attachments),
        "status": _status(told) if encrypted else None,
        "reviewState": told.review_state,
        "deviceId": root["device_id"],
        "edits": told.edits,
        "formVersion": root["form_version"],
        "deletedAt": clock.iso(told.deleted_at),
    }


def _status(told: Stored) -> str:
    """Tell what an encrypted submission lacks: the key, or the encrypted form itself."""
    name = instance.read(told.text.encode()).encrypted_file or ""
    there = {each for each, blob in told.attachments if blob is not None}
    found = markup.unescape(name).strip() in there
    return "notDecrypted" if found else "missingEncryptedFormData"
