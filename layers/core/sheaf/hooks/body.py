"""The body of a hook's request: what happened, and the submission as it was then. No I/O here.

Rendered once for each delivery and stored, so that all its attempts send the same bytes. Its
members may grow in number; none changes its meaning.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from sheaf import clock, settings
from sheaf.db import keys
from sheaf.hooks import events
from sheaf.hooks.events import Event
from sheaf.hooks.snapshot import Snapshot


def render(event: Event, then: Snapshot, hook_id: str) -> bytes:
    """Give the JSON body (UTF-8) for an event of a submission, as one hook is sent it."""
    actor = then.actor
    body = {
        "type": event["action"],
        "id": event["instanceId"],
        "timestamp": event["loggedAt"],
        "eventId": event["eventId"],
        "hookId": hook_id,
        "sequence": event["sequence"],
        "replay": False,
        "project": {"id": event["projectId"]},
        "form": {"xmlFormId": event["xmlFormId"], "version": event["formVersion"]},
        "actor": actor and {"id": actor.id, "type": actor.type, "displayName": actor.display_name},
        "notes": event["notes"],
        "data": _data(event, then),
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _data(event: Event, then: Snapshot) -> dict[str, Any]:
    edited = event["action"] == events.EDIT
    return {
        "submission": {
            **then.row,
            "__id": event["instanceId"],
            "__system": _system(event, then),
        },
        "reviewState": event["reviewState"],
        "previousReviewState": event["previousReviewState"],
        "currentInstanceId": event["currentInstanceId"],
        "deprecatedId": then.deprecated_id if edited else None,
        "xml": None,
        "attachments": [
            {"name": name, "exists": exists, "url": _url(event, name) if exists else None}
            for name, exists in then.attachments
        ],
    }


def _system(event: Event, then: Snapshot) -> dict[str, Any]:
    """Give what OData tells of a submission under `__system`, with the values of that moment."""
    number, submitter = then.root["submitter_id"], then.submitter
    return {
        "submissionDate": clock.iso(keys.micros(event["submissionId"])),
        "updatedAt": clock.iso(then.updated_at),
        "submitterId": None if number is None else str(number),
        "submitterName": submitter and submitter.display_name,
        "attachmentsPresent": sum(exists for _, exists in then.attachments),
        "attachmentsExpected": len(then.attachments),
        "status": "notDecrypted" if then.encrypted else None,
        "reviewState": event["reviewState"],
        "deviceId": then.root["device_id"],
        "edits": event["version"],
        "formVersion": event["formVersion"],
        "deletedAt": clock.iso(event["deletedAt"]),
    }


def _url(event: Event, name: str) -> str:
    """Give an attachment's URL; where the stack does not know its origin, the path on its API."""
    parts = (
        f"projects/{event['projectId']}",
        f"forms/{quote(event['xmlFormId'], safe='')}",
        f"submissions/{quote(event['instanceId'], safe='')}",
        f"attachments/{quote(name, safe='')}",
    )
    return f"{settings.ORIGIN}/v1/{'/'.join(parts)}"
