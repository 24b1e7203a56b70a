"""What the server tells of a submission in its row: `__system`."""

from __future__ import annotations

from typing import Any

from sheaf import clock
from sheaf.data import row
from sheaf.data.record import Stored


def of(told: Stored, submitter_name: str | None) -> dict[str, Any]:
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
        "status": None if told.key_id is None else row.status(has_data=_has_data(told)),
        "reviewState": told.review_state,
        "deviceId": root["device_id"],
        "edits": told.edits,
        "formVersion": root["form_version"],
        "deletedAt": clock.iso(told.deleted_at),
    }


def _has_data(told: Stored) -> bool:
    return told.data_slot is not None and told.attachments[told.data_slot][1] is not None
