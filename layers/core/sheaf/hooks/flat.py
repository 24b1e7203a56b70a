"""The flat record that KoBoToolbox sends and its API lists: every value under its whole path.

Texts are as the submission has them, also of numbers; what has no value is absent; repeats are
lists of records, whose keys are whole paths too. What begins with `_` is about the submission.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sheaf.data import tables
from sheaf.data.extraction import Extraction, Record
from sheaf.data.tables import Column, Table
from sheaf.db import keys
from sheaf.forms.schema import Field
from sheaf.hooks import events
from sheaf.hooks.events import Event
from sheaf.hooks.snapshot import Snapshot

_SECOND = 1_000_000
# Central's review states as KoBoToolbox's validation statuses: the uid, and what people read.
STATUSES = {
    "approved": ("validation_status_approved", "Approved"),
    "rejected": ("validation_status_not_approved", "Not Approved"),
    "hasIssues": ("validation_status_on_hold", "On Hold"),
}

# Gives the URL of a file by its name.
Link = Callable[[str], str | None]


def record(event: Event, then: Snapshot, link: Link) -> dict[str, Any]:
    """Give the record of a submission, as it was at an event."""
    root, said = _read(then.instance.text, then.fields)
    values = {} if said is None else _values(root, said)
    number = keys.micros(event["submissionId"])
    sent = datetime.fromtimestamp(number // _SECOND, UTC)
    return {
        "_id": number,
        "__version__": event["formVersion"],
        **values,
        "_xform_id_string": event["xmlFormId"],
        "_uuid": event["currentInstanceId"].removeprefix("uuid:"),
        "meta/rootUuid": event["instanceId"],
        "_attachments": [] if said is None else _attachments(event, then, link, root, said),
        "_status": "submitted_via_web",
        "_geolocation": [None, None] if said is None else _place(root, said),
        "_submission_time": sent.strftime("%Y-%m-%dT%H:%M:%S"),
        "_tags": [],
        "_notes": [],
        "_validation_status": _status(event, then),
        "_submitted_by": then.submitter and then.submitter.display_name,
    }


def validation_status(state: str | None, moment: int | None, who: str | None) -> dict[str, Any]:
    """Give a review state as KoBoToolbox tells it; {} for one that it does not have.

    Args:
        state: Central's name of it.
        moment: since when, in micros.
        who: by whom.
    """
    if state not in STATUSES:
        return {}
    uid, label = STATUSES[state]
    seconds = None if moment is None else moment // _SECOND
    return {"timestamp": seconds, "uid": uid, "by_whom": who, "label": label}


@lru_cache(maxsize=8)
def _compiled(fields: tuple[Field, ...]) -> tuple[Table, Extraction]:
    root = tables.of(fields)
    return root, Extraction(root)


def _read(text: str, fields: tuple[Field, ...]) -> tuple[Table, Record | None]:
    root, extraction = _compiled(fields)
    return root, extraction.read(text)


def _values(table: Table, said: Record) -> dict[str, Any]:
    values: dict[str, Any] = {
        _key(column): text
        for column in table.columns
        if (text := said.cells.get(column.index)) is not None and text
    }
    for repeat in table.repeats:
        if rows := said.below(repeat):
            values[repeat.path[1:]] = [_values(repeat, row) for row in rows]
    return values


def _key(column: Column) -> str:
    return column.field.path[1:]


def _place(root: Table, said: Record) -> list[float | None]:
    """Give latitude and longitude of the first point that has a value."""
    for column in root.columns:
        parts = said.cells.get(column.index, "").split()
        if column.field.type == "geopoint" and len(parts) >= 2:
            try:
                return [float(parts[0]), float(parts[1])]
            except ValueError:
                continue
    return [None, None]


def _attachments(
    event: Event, then: Snapshot, link: Link, root: Table, said: Record
) -> list[dict[str, Any]]:
    """Tell of the files that had come; where one is named, `question_xpath` says."""
    named = dict(_named(root, said))
    number = keys.micros(event["submissionId"])
    return [
        {
            "download_url": link(name),
            "mimetype": blob and blob.content_type,
            "filename": name,
            "media_file_basename": name,
            "instance": number,
            "xform": event["formId"],
            "id": blob and blob.id,
            "question_xpath": named.get(name),
        }
        for (name, there), (_, blob) in zip(then.files, then.version.attachments, strict=True)
        if there
    ]


def _named(table: Table, said: Record) -> list[tuple[str, str]]:
    """List the files that a row and those below it name, each with the path of its question."""
    found = [
        (said.cells.get(column.index, "").strip(), _key(column))
        for column in table.columns
        if column.field.binary
    ]
    for repeat in table.repeats:
        for row in said.below(repeat):
            found += _named(repeat, row)
    return found


def _status(event: Event, then: Snapshot) -> dict[str, Any]:
    # Of the states that it shows, only reviews are the last change of a submission.
    reviewed = event["action"] == events.REVIEW
    who = then.actor.display_name if reviewed and then.actor else None
    return validation_status(event["reviewState"], event["updatedAt"], who)
