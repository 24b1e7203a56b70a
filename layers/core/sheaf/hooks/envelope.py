"""The standard body of a hook's request: what happened, and what it happened to. No storage here.

Its members may grow in number; none changes its meaning. It contains `{type, id, data}` with
`data.xml` and `data.reviewState`, so receivers made for central-webhook read it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sheaf import clock
from sheaf.access.actors import Actor
from sheaf.db import keys
from sheaf.forms.definitions import Definition
from sheaf.hooks import events, links
from sheaf.hooks.events import Event
from sheaf.hooks.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Published:
    """What a form's new version is, and who published it."""

    definition: Definition | None
    actor: Actor | None


# What an event is about, as it was then; None of a submission that is gone for good.
Subject = Snapshot | Published | None


def full(
    event: Event, then: Subject, hook_id: str, include: Mapping[str, bool], *, replay: bool
) -> dict[str, Any]:
    """Give the body with all data.

    Args:
        event: what happened.
        then: what it is about.
        hook_id: whom it is for.
        include: the hook's option of that name.
        replay: whether the hook is told of it again, or late.
    """
    if isinstance(then, Snapshot):
        data = _submission(event, then, hook_id, include)
    else:
        data = _form(event, then) if isinstance(then, Published) else _ids(event)
    return _around(event, then, hook_id, data, replay=replay)


def thin(
    event: Event, then: Subject, hook_id: str, include: Mapping[str, bool], *, replay: bool
) -> dict[str, Any]:
    """Give the body with ids and links alone; of a form and of what is gone there is no more."""
    if not isinstance(then, Snapshot):
        return full(event, then, hook_id, include, replay=replay)
    data = {
        **_ids(event),
        "deprecatedId": _deprecated_id(event, then),
        "url": links.submission(event),
        "attachments": _files(event, then, hook_id, include),
    }
    return _around(event, then, hook_id, data, replay=replay)


def _around(
    event: Event, then: Subject, hook_id: str, data: dict[str, Any], *, replay: bool
) -> dict[str, Any]:
    actor = then and then.actor
    return {
        "type": event["action"],
        "id": event.get("instanceId", event["xmlFormId"]),
        "timestamp": event["loggedAt"],
        "eventId": event["eventId"],
        "hookId": hook_id,
        "sequence": event.get("sequence"),
        "replay": replay,
        "project": {"id": event["projectId"]},
        "form": {"xmlFormId": event["xmlFormId"], "version": event["formVersion"]},
        "actor": actor and {"id": actor.id, "type": actor.type, "displayName": actor.display_name},
        "notes": event["notes"],
        "data": data,
    }


def _ids(event: Event) -> dict[str, Any]:
    return {
        "submission": {"__id": event["instanceId"]},
        "currentInstanceId": event["currentInstanceId"],
    }


def _form(event: Event, then: Published) -> dict[str, Any]:
    definition = then.definition
    if definition is None:
        return {"form": {"xmlFormId": event["xmlFormId"], "version": event["formVersion"]}}
    return {
        "form": {
            "xmlFormId": event["xmlFormId"],
            "version": definition.version,
            "name": definition.name,
            "hash": definition.md5,
            "sha": definition.sha1,
            "sha256": definition.sha256,
            "publishedAt": clock.iso(definition.published_at),
        }
    }


def _submission(
    event: Event, then: Snapshot, hook_id: str, include: Mapping[str, bool]
) -> dict[str, Any]:
    edited, files = event["action"] == events.EDIT, _files(event, then, hook_id, include)
    data = {
        "submission": row_of(event, then),
        "reviewState": event["reviewState"],
        "previousReviewState": event["previousReviewState"],
        "currentInstanceId": event["currentInstanceId"],
        "deprecatedId": _deprecated_id(event, then),
        "changes": then.changes if edited and include["changes"] else None,
        "previous": then.previous_row if edited and include["previous"] else None,
        "xml": then.instance.text if include["xml"] else None,
        "url": links.submission(event),
        "attachments": files,
    }
    if event["action"] == events.FILE:
        data["attachment"] = _file(event, files)
    if event["action"] == events.COMMENT:
        data["comment"] = then.comment and then.comment.to_api()
    return data


def row_of(event: Event, then: Snapshot) -> dict[str, Any]:
    """Give the submission as OData tells it, with what `__system` said at that moment."""
    number, submitter = then.root["submitter_id"], then.submitter
    system = {
        "submissionDate": clock.iso(keys.micros(event["submissionId"])),
        "updatedAt": clock.iso(event["updatedAt"]),
        "submitterId": None if number is None else str(number),
        "submitterName": submitter and submitter.display_name,
        "attachmentsPresent": sum(there for _, there in then.files),
        "attachmentsExpected": len(then.files),
        "status": then.status,
        "reviewState": event["reviewState"],
        "deviceId": then.root["device_id"],
        "edits": event["version"],
        "formVersion": event["formVersion"],
        "deletedAt": clock.iso(event["deletedAt"]),
    }
    return {**then.row, "__id": event["instanceId"], "__system": system}


def _file(event: Event, files: list[dict[str, Any]]) -> dict[str, Any]:
    """Tell of the file that came or went; in an older version one can only be removed."""
    name, there = event["details"]["name"], "newBlobId" in event["details"]
    urls = {each["name"]: each["url"] for each in files}
    return {"name": name, "exists": there, "url": urls.get(name) if there else None}


def _deprecated_id(event: Event, then: Snapshot) -> str | None:
    return then.instance.deprecated_id if event["action"] == events.EDIT else None


def _files(
    event: Event, then: Snapshot, hook_id: str, include: Mapping[str, bool]
) -> list[dict[str, Any]]:
    # What is in the trash nobody can fetch.
    linked = include["attachmentUrls"] and event["deletedAt"] is None
    return [
        {
            "name": name,
            "exists": there,
            "url": links.file(event, name, hook_id) if there and linked else None,
        }
        for name, there in then.files
    ]
