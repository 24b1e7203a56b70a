"""Trying a hook by hand: a ping that is sent at once, and a look at what would be sent.

Neither is an event: nothing is recorded, and no other hook hears of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sheaf import clock, fields
from sheaf.access.auth import Auth
from sheaf.db import keys
from sheaf.db.reads import Lookup
from sheaf.forms import forms
from sheaf.forms.forms import Form
from sheaf.hooks import body, connect, events, match, sending, targets, template
from sheaf.hooks.hooks import Scope
from sheaf.hooks.keyring import Keyring
from sheaf.hooks.records import PREFIX, Hook
from sheaf.hooks.sending import JSON, Body, Message
from sheaf.problems import found
from sheaf.submissions import location, telling
from sheaf.submissions.records import Submission

# Seconds that a ping may take: the API answers within 30.
LONGEST = 20


def ping(scope: Scope, hook: Hook, *, by: Auth) -> dict[str, Any]:
    """Send a hook's receiver an event that means nothing, and tell what came of it."""
    now, key = clock.micros(), keys.identifier(0)
    form, actor = scope if isinstance(scope, Form) else None, by.actor
    said = {
        "type": events.PING,
        "id": hook.id,
        "timestamp": clock.iso(now),
        "eventId": events.shown_id(key),
        "hookId": hook.id,
        "sequence": None,
        "replay": False,
        "project": {"id": hook.project_id},
        "form": form and {"xmlFormId": form.xml_form_id, "version": form.version},
        "actor": actor and {"id": actor.id, "type": actor.type, "displayName": actor.display_name},
        "notes": by.notes,
        "data": {},
    }
    text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
    if hook.options["template"] is not None:
        text = template.fill(hook.options["template"], text)
    message = Message(_message_id(hook, key), events.PING, Body(text.encode(), JSON))
    return sending.attempt_to_api(sending.send(hook, message, seconds=min(hook.timeout, LONGEST)))


@dataclass(frozen=True, slots=True)
class Wish:
    """Of which event a client wants to see the request: its type, and what it is about."""

    kind: str
    path: Mapping[str, str]

    @classmethod
    def from_api(cls, said: Mapping[str, Any], path: Mapping[str, str]) -> Self:
        """Read `event`, `instanceId` and, for a hook of a project, `xmlFormId`.

        Raises:
            MissingParameter: one is absent.
            UnexpectedValue: there is no such type.
        """
        kind = fields.choice(
            fields.text(said, "event"), "event", events.TYPES, "not a recognized type of event"
        )
        whole = dict(path)
        if "xmlFormId" not in path:
            whole["xmlFormId"] = fields.text(said, "xmlFormId")
        if kind != events.PUBLISH:
            whole["instanceId"] = fields.text(said, "instanceId")
        return cls(kind, whole)

    def lookup(self) -> Lookup[tuple[Form, Submission | None]]:
        """Find the form, and the submission that it is about (None: it is about the form).

        Raises:
            NotFound: there is none.
        """
        if self.kind == events.PUBLISH:
            form = yield from forms.lookup(self.path)
            found(form.version)
            return form, None
        form, submission = yield from location.lookup(self.path)
        return form, found(submission)


def preview(
    hook: Hook, wish: Wish, form: Form, submission: Submission | None, *, origin: str, by: Auth
) -> dict[str, Any]:
    """Give the request that a hook would be sent if the event happened now, without sending it.

    Args:
        hook: whose.
        wish: of which event.
        form: the form that it is about.
        submission: the submission, unless it is about the form.
        origin: what links to the API begin with.
        by: who would have made it.
    """
    event = _imagined(wish.kind, form, submission, by) | {"origin": origin}
    then, wanted = match.subject(event), hook.options["filter"]
    made = found(body.render(hook, event, then))
    message = Message(_message_id(hook, events.key(event)), wish.kind, made)
    keyring = Keyring.unseal(hook.id, hook.sealed)
    headers = sending.headers_of(hook, keyring, message, clock.micros())
    target = targets.parse(hook.url)
    sent = {"host": target.authority, "content-length": str(len(made.data)), **connect.OURS}
    return {
        "method": "POST",
        "url": hook.url,
        "headers": sending.masked(hook, sent | headers),
        "body": made.data.decode(errors="replace"),
        "matches": wanted is None or body.render(hook, event, then, wanted=wanted) is not None,
    }


def _message_id(hook: Hook, key: str) -> str:
    return f"dlv_{key}-{hook.id.removeprefix(PREFIX)}"


def _imagined(kind: str, form: Form, submission: Submission | None, by: Auth) -> dict[str, Any]:
    """Make an event that has not happened, of what there is now."""
    now = clock.micros()
    event: dict[str, Any] = {
        "eventId": events.shown_id(keys.identifier(0)),
        "action": kind,
        "actorId": by.actor_id,
        "acteeId": form.actee_id,
        "details": {},
        "notes": by.notes,
        "loggedAt": clock.iso(now),
    }
    if submission is None:
        return event | {
            "projectId": form.project_id,
            "formId": form.id,
            "xmlFormId": form.xml_form_id,
            "formVersion": form.version,
        }
    event |= telling.event(form, submission, submission)
    if kind == events.DELETE:
        event["deletedAt"] = now
    if kind == events.FILE:
        names = [name for name, _ in submission.attachments]
        event["details"] = {"name": names[0] if names else "", "newBlobId": now}
    return event
