"""The body of a hook's request, in the form that the hook asks for. No storage here.

Rendered once for each delivery and stored, so that all its attempts send the same bytes. What a
body of another form than the standard one does not say, headers say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sheaf.hooks import envelope, flat, options, pattern, subset, template
from sheaf.hooks.envelope import Subject
from sheaf.hooks.events import Event
from sheaf.hooks.records import Hook
from sheaf.hooks.sending import HOPS, JSON, XML, Body
from sheaf.hooks.snapshot import Snapshot

# A body with more bytes has ids and links alone.
LARGEST = 1_000_000
# Characters that a header may have; only notes and names come near it.
_LONGEST = 1_000
_PLAIN = "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~ "


def render(
    hook: Hook,
    event: Event,
    then: Subject,
    *,
    wanted: Mapping[str, Any] | None = None,
    replay: bool = False,
) -> Body | None:
    """Give the body of an event for a hook, or None when the event is not what it wants.

    Args:
        hook: whom it is for.
        event: what happened.
        then: what it is about, as it was.
        wanted: the filter that decides, if there is one.
        replay: whether the hook is told of it again, or late.
    """
    include = hook.options["include"]
    whole = envelope.full(event, then, hook.id, include, replay=replay)
    if wanted is not None and not pattern.matches(wanted, whole):
        return None
    hops = {HOPS: str(int(event["hops"]) + 1)} if "hops" in event else {}
    made = _made(hook, event, then, whole)
    if len(made.data) > LARGEST:
        short = envelope.thin(event, then, hook.id, include, replay=replay)
        made = Body(_dumped(short | {"truncated": True}), JSON, {"webhook-truncated": "true"})
    about = {} if hook.options["bodyFormat"] == options.STANDARD else _told(whole)
    return Body(made.data, made.content_type, {**about, **made.headers, **hops})


def _made(hook: Hook, event: Event, then: Subject, whole: dict[str, Any]) -> Body:
    """Give the body as the hook wants it, however large."""
    told = hook.options
    if told["contentType"] == options.XML and isinstance(then, Snapshot):
        return _xml(then, told["fields"])
    content = _content(hook, event, then, whole)
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if told["template"] is not None:
        text = template.fill(told["template"], text)
    return Body(text.encode(), JSON)


def _content(hook: Hook, event: Event, then: Subject, whole: dict[str, Any]) -> Any:
    """Give what is sent as JSON. What is about no submission's data has one form only."""
    told = hook.options
    names, include = told["fields"], told["include"]
    if not isinstance(then, Snapshot):
        return whole
    if told["payloadMode"] == options.THIN:
        return envelope.thin(event, then, hook.id, include, replay=whole["replay"])
    if told["bodyFormat"] == options.KOBO:
        linked = {each["name"]: each["url"] for each in whole["data"]["attachments"]}
        about = flat.about(event, then)
        record = flat.record(about, then.instance.text, then.fields, linked.get)
        return subset.of_flat(record, names) if names else record
    row = whole["data"]["submission"]
    row = subset.of_row(row, names) if names else row
    if told["bodyFormat"] == options.RAW:
        return row
    return whole | {"data": whole["data"] | {"submission": row}}


def _xml(then: Snapshot, names: list[str]) -> Body:
    """Give the submission's XML, byte for byte as it came unless it is a part."""
    if names:
        return Body(subset.of_xml(then.instance.text, names).encode(), XML)
    charset = then.version.charset
    kind = XML if charset is None else f"{XML}; charset={charset}"
    return Body(then.version.xml, kind)


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _told(whole: Mapping[str, Any]) -> dict[str, str]:
    """Give what the standard body says around the data, as headers; what is null is left out."""
    data, actor = whole["data"], whole["actor"] or {}
    said = {
        "event-id": whole["eventId"],
        "event-time": whole["timestamp"],
        "hook-id": whole["hookId"],
        "sequence": whole["sequence"],
        "replay": "true" if whole["replay"] else None,
        "project-id": whole["project"]["id"],
        "form-id": whole["form"]["xmlFormId"],
        "form-version": whole["form"]["version"],
        "instance-id": whole["id"],
        "actor-id": actor.get("id"),
        "actor-name": actor.get("displayName"),
        "notes": whole["notes"],
        **{
            name: data.get(member)
            for name, member in (
                ("current-instance-id", "currentInstanceId"),
                ("deprecated-id", "deprecatedId"),
                ("review-state", "reviewState"),
                ("previous-review-state", "previousReviewState"),
            )
        },
        "deleted-at": data.get("submission", {}).get("__system", {}).get("deletedAt"),
    }
    return {f"webhook-{name}": _value(told) for name, told in said.items() if told is not None}


def _value(told: Any) -> str:
    """Write a header's value: ASCII, with all else percent-encoded, as UTF-8."""
    return quote(str(told)[:_LONGEST], safe=_PLAIN).strip()
