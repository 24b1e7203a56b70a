"""Events: what an audit row says to the bus and to hooks.

A type is Central's name of the action. An event's id is its row's sort key, which no other row of
the table has; the same row makes the same event however often it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sheaf import clock
from sheaf.db import keys
from sheaf.db.audit import Audit

CREATE = "submission.create"
EDIT = "submission.update.version"
REVIEW = "submission.update"
FILE = "submission.attachment.update"
COMPLETE = "submission.attachments.complete"
COMMENT = "comment.create"
DELETE = "submission.delete"
RESTORE = "submission.restore"
PURGE = "submission.purge"
PUBLISH = "form.update.publish"
# What a hook may ask for, in the order in which it happens. template.yaml has a rule for each.
TYPES = (CREATE, EDIT, REVIEW, FILE, COMPLETE, COMMENT, DELETE, RESTORE, PURGE, PUBLISH)
DEFAULT = (CREATE,)
# What a hook is sent when somebody tries it. It is no change, so it is in no outbox.
PING = "hook.ping"

# An event that is the echo of so many others is told to nobody: systems that tell each other of
# what they were told would never end.
MOST_HOPS = 3

# What an event is, as the bus carries it: the columns of the audit row and its `event`.
Event = Mapping[str, Any]
_PREFIX = "evt_"


def of(row: Audit) -> dict[str, Any]:
    """Give the event of an audit row."""
    return {
        "eventId": f"{_PREFIX}{row.sk}",
        "action": row.action,
        "actorId": row.actor_id,
        "acteeId": row.actee_id,
        "details": row.details,
        "notes": row.notes,
        "loggedAt": clock.iso(keys.micros(row.sk)),
        **(row.event or {}),
    }


def key(event: Event) -> str:
    """Give an event's id as keys of the table hold it."""
    return str(event["eventId"]).removeprefix(_PREFIX)


def micros(event: Event) -> int:
    """Give the moment of an event, in microseconds since 1970."""
    return keys.micros(key(event))


def shown_id(event_key: str) -> str:
    """Give an event's id as receivers see it, from what the table holds."""
    return f"{_PREFIX}{event_key}"


def worth_telling(event: Event) -> bool:
    """Whether hooks are told of an event.

    They are not of what is about no form (the purge's row with the count of a whole run), about a
    draft, or no news: a review that left the state as it was, a file that came with its version.
    Nor of what goes round in circles.
    """
    if "formId" not in event or event.get("draft") or event.get("hops", 0) >= MOST_HOPS:
        return False
    if event["action"] == REVIEW:
        return bool(event["reviewState"] != event["previousReviewState"])
    return not event.get("along")
