"""The flat record that KoBoToolbox sends and its API lists: every value under its whole path.

Texts are as the submission has them, also of numbers; what has no value is absent; repeats are
lists of records, whose keys are whole paths too. What begins with `_` is about the submission.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sheaf.blobs import Blob
from sheaf.data import tables
from sheaf.data.extraction import Extraction
from sheaf.data.tables import Column, Table
from sheaf.data.values import Record
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
# KoBoToolbox makes smaller pictures of each; here there is one of each size, the whole.
_SIZES = ("download_url", "download_large_url", "download_medium_url", "download_small_url")

# Gives the URL of a file by its name.
Link = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class About:
    """What a record says of a submission, besides its data.

    `number` is its `_id`, `root_id` the instanceID that names it for ever, `instance_id` that of
    the version in question and `deprecated_id` of the one before; `files` are those that had come
    (without a blob, if one has been removed since);
    `reviewed_at` (micros) and `reviewer` tell when and by whom it got its state, where that is
    known.
    """

    number: int
    form_id: int
    xml_form_id: str
    form_version: str
    root_id: str
    instance_id: str
    deprecated_id: str | None
    review_state: str | None
    reviewed_at: int | None
    reviewer: str | None
    submitter: str | None
    files: tuple[tuple[str, Blob | None], ...]


def about(event: Event, then: Snapshot) -> About:
    """Tell of a submission as it was at an event."""
    # Of the states that it shows, only reviews are the last change of a submission.
    reviewed = event["action"] == events.REVIEW
    held = zip(then.files, then.version.attachments, strict=True)
    return About(
        number=keys.micros(event["submissionId"]),
        form_id=event["formId"],
        xml_form_id=event["xmlFormId"],
        form_version=event["formVersion"],
        root_id=event["instanceId"],
        instance_id=event["currentInstanceId"],
        deprecated_id=then.instance.deprecated_id,
        review_state=event["reviewState"],
        reviewed_at=event["updatedAt"],
        reviewer=then.actor.display_name if reviewed and then.actor else None,
        submitter=None if then.submitter is None else then.submitter.display_name,
        files=tuple((name, blob) for (name, there), (_, blob) in held if there),
    )


def record(told: About, text: str, fields: tuple[Field, ...], link: Link) -> dict[str, Any]:
    """Give the record of a submission.

    Args:
        told: what it says besides data.
        text: its XML.
        fields: those of its version of the form.
        link: see Link.
    """
    root, said = _read(text, fields)
    sent = datetime.fromtimestamp(told.number // _SECOND, UTC)
    deprecated = {} if told.deprecated_id is None else {"meta/deprecatedID": told.deprecated_id}
    return {
        "_id": told.number,
        "__version__": told.form_version,
        **({"meta/instanceID": told.instance_id} if said is None else _values(root, said)),
        **deprecated,
        "_xform_id_string": told.xml_form_id,
        "_uuid": told.instance_id.removeprefix("uuid:"),
        "meta/rootUuid": told.root_id,
        "_attachments": _attachments(told, link, {} if said is None else dict(_named(root, said))),
        "_status": "submitted_via_web",
        "_geolocation": [None, None] if said is None else _place(root, said),
        "_submission_time": sent.strftime("%Y-%m-%dT%H:%M:%S"),
        "_tags": [],
        "_notes": [],
        "_validation_status": validation_status(told.review_state, told.reviewed_at, told.reviewer),
        "_submitted_by": told.submitter,
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
        _key(column): text for column in table.columns if (text := said.cells[column.index])
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
        parts = said.cells[column.index].split()
        if column.field.type == "geopoint" and len(parts) >= 2:
            try:
                return [float(parts[0]), float(parts[1])]
            except ValueError:
                continue
    return [None, None]


def _attachments(told: About, link: Link, named: dict[str, str]) -> list[dict[str, Any]]:
    """Tell of the files that have come; where one is named, `question_xpath` says."""
    return [
        {
            **dict.fromkeys(_SIZES, link(name)),
            "mimetype": blob and blob.content_type,
            "filename": name,
            "media_file_basename": name,
            "instance": told.number,
            "xform": told.form_id,
            "id": blob and blob.id,
            "uid": blob and f"att{blob.id}",
            "question_xpath": named.get(name),
            "is_deleted": False,
        }
        for name, blob in told.files
    ]


def _named(table: Table, said: Record, row: str = "") -> Iterator[tuple[str, str]]:
    """Give the files that a row and those below it name, each with the path of its question.

    In paths, KoBoToolbox counts the rows of repeats: `group/child[1]/photo`. `row` is such a path.
    """
    for column in table.columns:
        if column.field.binary:
            path = row + column.field.path[len(table.path) :]
            yield said.cells[column.index].strip(), path.removeprefix("/")
    for repeat in table.repeats:
        for number, below in enumerate(said.below(repeat), 1):
            yield from _named(repeat, below, f"{row}{repeat.path[len(table.path) :]}[{number}]")
