"""REST services: hooks, as KoBoToolbox describes them.

What it does not know (events, filters, other ways to authenticate) a hook keeps when it is changed
here. Secrets are write-only here too: where KoBoToolbox shows them, null stands for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sheaf import clock
from sheaf.access.auth import Auth
from sheaf.db import keys, reads
from sheaf.db.reads import Lookup
from sheaf.forms.forms import Form
from sheaf.hooks import credentials, hooks, tally
from sheaf.hooks.options import JSON, KOBO, RAW, XML
from sheaf.hooks.records import Hook
from sheaf.kobo import assets, paging
from sheaf.problems import InvalidHook, KoboRefused, found

NO_AUTH, BASIC_AUTH = "no_auth", "basic_auth"
# What KoBoToolbox calls members, and which of them they are here.
_PLAIN = {
    "name": "name",
    "endpoint": "url",
    "active": "active",
    "export_type": "contentType",
    "subset_fields": "fields",
    "events": "events",
}
_NAMES = {ours: theirs for theirs, ours in _PLAIN.items()} | {
    "template": "payload_template",
    "notify": "email_notification",
    "bodyFormat": "export_type",
}
# How KoBoToolbox words what is wrong, by how that ends here.
_WORDS = (
    ("is missing", "This field is required."),
    ("is not a plain URL", "Invalid scheme"),
    ("must begin with https://", "Unsecured endpoint is not allowed"),
    ("must be JSON once", "Invalid JSON"),
    ("can be used only where contentType is json", "Can be used only with JSON submission format"),
)
_REQUIRED = ("name", "endpoint")


def lookup(form: Form, hook_id: str) -> Lookup[Hook]:
    """Find a hook of a form.

    Raises:
        NotFound: there is none.
    """
    (hook,) = yield (Hook.ref(keys.hook(form.project_id, form.id, hook_id)),)
    there: Hook = found(hook)
    return there


def page(form: Form, query: Mapping[str, str], origin: str) -> dict[str, Any]:
    """List the hooks of a form in pages."""
    listed = hooks.of(form.project_id, form.id)
    counts = tally.of([hook.id for hook in listed])
    told = [shown(*each, form, origin) for each in zip(listed, counts, strict=True)]
    return paging.page(told, query, f"{assets.url(assets.uid(form), origin)}hooks/")


def describe(hook: Hook, form: Form, origin: str) -> dict[str, Any]:
    """Give a hook with its counts."""
    (counts,) = tally.of([hook.id])
    return shown(hook, counts, form, origin)


def create(form: Form, body: Mapping[str, Any], origin: str, *, by: Auth) -> dict[str, Any]:
    """Create a hook, and give it as KoBoToolbox does, with the `secret` that signs besides.

    Raises:
        KoboRefused, InvalidHook: the definition is wrong.
        TooManyHooks: the form has its full number.
    """
    made = hooks.create(form, new(body), by=by)
    hook = found(reads.get(Hook.ref(keys.hook(form.project_id, form.id, made["id"]))))
    return shown(hook, tally.NONE, form, origin) | {"secret": made["secret"]}


def update(
    hook: Hook, form: Form, body: Mapping[str, Any], origin: str, *, by: Auth
) -> dict[str, Any]:
    """Change what the client named.

    Raises:
        KoboRefused, InvalidHook: the hook would be wrong.
        NotFound: it has been deleted meanwhile.
    """
    hooks.update(hook, changes(body, hook), by=by)
    return describe(found(reads.get(Hook.ref((hook.pk, hook.sk)))), form, origin)


def url(hook: Hook, form: Form, origin: str) -> str:
    """Give where a hook is found."""
    return f"{assets.url(assets.uid(form), origin)}hooks/{hook.id}/"


def shown(hook: Hook, counts: Mapping[str, int], form: Form, origin: str) -> dict[str, Any]:
    """Give a hook as KoBoToolbox shows it, with its `events` besides."""
    options, place = hook.options, url(hook, form, origin)
    return {
        "active": hook.active,
        "asset": form.id,
        "auth_level": BASIC_AUTH if hook.auth["type"] == credentials.BASIC else NO_AUTH,
        "date_modified": clock.iso(hook.updated_at or hook.created_at),
        "email_notification": hook.notifies,
        "endpoint": hook.url,
        "export_type": options["contentType"],
        "failed_count": counts["failed"],
        "logs_url": f"{place}logs/",
        "name": hook.name,
        "payload_template": options["template"],
        "pending_count": counts["pending"],
        "settings": _settings(hook),
        "subset_fields": options["fields"],
        "success_count": counts["succeeded"],
        "uid": hook.id,
        "url": place,
        "events": list(hook.events),
    }


def _settings(hook: Hook) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if hook.headers:
        settings["custom_headers"] = hook.headers
    if hook.auth["type"] == credentials.BASIC:
        settings |= {"username": hook.auth["username"], "password": None}
    return settings


def new(body: Mapping[str, Any]) -> dict[str, Any]:
    """Read the JSON of a new service, as that of a hook; it sends KoBoToolbox's record or XML.

    Raises:
        KoboRefused: a member is absent.
    """
    for name in _REQUIRED:
        if name not in body:
            raise KoboRefused(**{name: ["This field is required."]})
    kind = body.get("export_type", JSON)
    return {"bodyFormat": RAW if kind == XML else KOBO, **_read(body, None)}


def changes(body: Mapping[str, Any], hook: Hook) -> dict[str, Any]:
    """Read the JSON of a change to a service, as that of a hook."""
    said = _read(body, hook)
    kind = said.get("contentType", hook.options["contentType"])
    if kind != hook.options["contentType"]:
        said["bodyFormat"] = RAW if kind == XML else KOBO
    return said


def told(problem: InvalidHook) -> KoboRefused:
    """Give what is wrong with a hook in KoBoToolbox's words."""
    field, reason = problem.details["field"], problem.details["reason"]
    first = field.partition(".")[0]
    name = "settings" if first in ("auth", "headers") else _NAMES.get(first, first)
    words = next((theirs for ours, theirs in _WORDS if reason.startswith(ours)), None)
    return KoboRefused(**{name: [words or f"{field} {reason}."]})


def _read(body: Mapping[str, Any], hook: Hook | None) -> dict[str, Any]:
    said = {ours: body[theirs] for theirs, ours in _PLAIN.items() if theirs in body}
    if "payload_template" in body:
        said["template"] = body["payload_template"] or None
    if "email_notification" in body:
        said["notify"] = {"email": body["email_notification"]}
    if "settings" in body or "auth_level" in body:
        said |= _credentials(body, hook)
    return said


def _credentials(body: Mapping[str, Any], hook: Hook | None) -> dict[str, Any]:
    """Read `auth_level` and `settings`; what is not told of them stays."""
    settings = body.get("settings") or {}
    if not isinstance(settings, dict):
        raise KoboRefused(settings=["Value must be valid JSON."])
    held = hook.auth if hook else {"type": credentials.NONE}
    known = BASIC_AUTH if held["type"] == credentials.BASIC else NO_AUTH
    level = body.get("auth_level", known)
    if level not in (NO_AUTH, BASIC_AUTH):
        raise KoboRefused(auth_level=[f'"{level}" is not a valid choice.'])
    said: dict[str, Any] = {}
    if level == BASIC_AUTH:
        names = {"username": held.get("username"), **settings}
        said["auth"] = {
            "type": credentials.BASIC,
            "username": names["username"],
            "password": names.get("password"),
        }
    elif held["type"] == credentials.BASIC:
        said["auth"] = None
    if "settings" in body:
        said["headers"] = settings.get("custom_headers") or {}
    return said
