"""Hooks: which system wants to be told of which events of a form, or of all forms of a project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    UnicodeAttribute,
)

from sheaf import clock, sealing
from sheaf.access.actors import Actor
from sheaf.access.auth import Auth
from sheaf.db import keys, reads
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Author, Transaction
from sheaf.forms import scope as scopes
from sheaf.forms.forms import Form
from sheaf.hooks import gates, signature
from sheaf.hooks.draft import BASIC, NO_AUTH, Draft
from sheaf.hooks.gates import Gate
from sheaf.problems import Busy, NotFound, Problem, TooManyHooks
from sheaf.projects.projects import Project

PREFIX = "whk_"
LIMIT = 20
# The form number of hooks that listen to all forms of their project.
ALL_FORMS = 0
# How long an event may be under way before it is matched: a day in the stream, six hours to the
# matching function, and time to spare. In microseconds.
_LONGEST_WAY = 3 * 24 * 60 * 60 * 1_000_000
_TRIES = 10

Scope = Form | Project


class Changed(Problem):
    """Somebody else changed the hook first. Never reaches a client."""

    code = 503.1
    message = "The hook has changed meanwhile."


class Hook(Item):
    """A hook (key: `H#<project>`, `<form>#<hook>`). Times are microseconds since 1970.

    `wishes` are what it wanted and since when, `[moment, [type, …]]`, nothing while it was turned
    off: an event is judged by what held when it was committed. `sealed` holds its secrets
    (`sheaf.sealing`): `{"keys": ["whsec_…", …], "password": …}`, the newest key first.
    """

    id = UnicodeAttribute(attr_name="i")
    project_id = IntegerAttribute(attr_name="p")
    form_id = IntegerAttribute(attr_name="f")
    actee_id = UnicodeAttribute(attr_name="on")
    name = UnicodeAttribute(attr_name="n")
    url = UnicodeAttribute(attr_name="u")
    active = BooleanAttribute(attr_name="a")
    events: ListAttribute[Any] = ListAttribute(attr_name="e")
    auth: JSONAttribute = JSONAttribute(attr_name="au")
    sealed = BinaryAttribute(attr_name="s", legacy_encoding=False)
    wishes: JSONAttribute = JSONAttribute(attr_name="w")
    revision = IntegerAttribute(attr_name="q", default=1)
    created_by = IntegerAttribute(attr_name="by", null=True)
    created_at = IntegerAttribute(attr_name="c")
    updated_at = IntegerAttribute(attr_name="up", null=True)

    def tell(self, tx: Transaction, action: str, details: Mapping[str, Any], *, by: Author) -> None:
        """Let a transaction write an audit row of something that was done to the hook."""
        tx.audit(action, by=by, on=self.actee_id, details={"hookId": self.id, **details})

    def wanted(self, kind: str, moment: int) -> bool:
        """Whether it wanted events of a type at a moment (micros)."""
        held = [types for since, types in self.wishes if since <= moment]
        return bool(held) and kind in held[-1]

    def to_api(self, known: Mapping[int, Actor]) -> dict[str, Any]:
        """Give the hook without its secrets; `known` holds the actor who made it."""
        creator = None if self.created_by is None else known.get(self.created_by)
        return {
            "id": self.id,
            "name": self.name,
            "url": self.url,
            "active": self.active,
            "events": list(self.events),
            "auth": self.auth,
            "createdAt": clock.iso(self.created_at),
            "updatedAt": clock.iso(self.updated_at),
            "createdBy": creator and {"id": creator.id, "displayName": creator.display_name},
        }


def scope_lookup(path: Mapping[str, str]) -> Lookup[Scope]:
    """Find the form of `{xmlFormId}`, or the project of `{projectId}`.

    Raises:
        NotFound: there is none.
    """
    found = yield from scopes.lookup(path)
    if not isinstance(found, Scope):
        raise NotFound
    return found


def lookup(path: Mapping[str, str]) -> Lookup[tuple[Scope, Hook | None]]:
    """Find the form or project of a path and its hook `{hookId}` (None: there is none).

    Raises:
        NotFound: no such form or project.
    """
    scope = yield from scope_lookup(path)
    (hook,) = yield (Hook.ref(keys.hook(*_place(scope), path["hookId"])),)
    return scope, hook


def of(project_id: int, form_id: int) -> list[Hook]:
    """Give the hooks of a form, or with ALL_FORMS those of the project itself, oldest first."""
    listed = Hook.query(
        keys.hooks(project_id),
        Hook.sk.startswith(keys.hook_scope(form_id)),
        consistent_read=True,
    )
    return sorted(listed, key=lambda hook: hook.created_at)


def list_for(scope: Scope) -> list[dict[str, Any]]:
    """List the hooks of a form, or of a project itself, oldest first."""
    return describe(of(*_place(scope)))


def describe(hooks: list[Hook]) -> list[dict[str, Any]]:
    """Give hooks as the API shows them."""
    numbers = {hook.created_by for hook in hooks if hook.created_by is not None}
    creators = [Actor.ref(keys.actor(number)) for number in numbers]
    found = reads.fetch([*creators, *(gates.ref(hook.id) for hook in hooks)])
    known = {actor.id: actor for actor in found[: len(creators)] if actor is not None}
    held = [gate or Gate() for gate in found[len(creators) :]]
    return [hook.to_api(known) | gate.to_api() for hook, gate in zip(hooks, held, strict=True)]


def create(scope: Scope, body: Mapping[str, Any], *, by: Auth) -> dict[str, Any]:
    """Create a hook, and give it together with its secret, which is shown this once.

    Raises:
        InvalidHook: the definition is wrong.
        TooManyHooks: the form or project has its full number.
    """
    draft = Draft.from_api(body)
    project_id, form_id = _place(scope)
    if len(of(project_id, form_id)) >= LIMIT:
        raise TooManyHooks(limit=LIMIT)
    hook_id, secret, now = PREFIX + clock.letters(10), signature.new_secret(), clock.micros()
    hook = Hook(
        *keys.hook(project_id, form_id, hook_id),
        id=hook_id,
        project_id=project_id,
        form_id=form_id,
        actee_id=scope.actee_id,
        sealed=sealing.seal(hook_id, {"keys": [secret], "password": draft.password}),
        wishes=[],
        created_by=by.actor_id,
        created_at=now,
    )
    _fill(hook, draft, now)
    with Transaction() as tx:
        tx.create(hook)
        _tell(tx, "hook.create", scope, hook, by=by)
    known = {} if by.actor is None else {by.actor.id: by.actor}
    return hook.to_api(known) | Gate().to_api() | {"secret": secret}


def update(scope: Scope, hook: Hook, body: Mapping[str, Any], *, by: Auth) -> dict[str, Any]:
    """Change what the client named; the hook that results is judged whole.

    Raises:
        InvalidHook: it would be wrong.
        NotFound: it has been deleted meanwhile.
    """
    changed = _insist(hook, lambda now: _update(scope, now, body, by=by))
    return describe([changed])[0]


def delete(scope: Scope, hook: Hook, *, by: Auth) -> None:
    """Delete a hook. What has not been delivered yet is cancelled.

    Raises:
        NotFound: it has been deleted meanwhile.
    """
    with Transaction() as tx:
        tx.delete(hook, Hook.pk.exists(), otherwise=NotFound())
        _tell(tx, "hook.delete", scope, hook, by=by)


def _update(scope: Scope, hook: Hook, body: Mapping[str, Any], *, by: Auth) -> Hook:
    held = sealing.unseal(hook.id, hook.sealed)
    draft = Draft.merged(body, hook, held["password"])
    changed = Hook()
    changed.deserialize(hook.serialize())
    changed.revision, changed.updated_at = hook.revision + 1, clock.micros()
    if draft.password != held["password"]:
        changed.sealed = sealing.seal(hook.id, held | {"password": draft.password})
    _fill(changed, draft, changed.updated_at)
    with Transaction() as tx:
        tx.put(changed, Hook.revision == hook.revision, otherwise=Changed())
        _tell(tx, "hook.update", scope, changed, by=by)
    return changed


def _insist(hook: Hook, change: Callable[[Hook], Hook]) -> Hook:
    """Make a change, judging it anew on the hook as it is when somebody was faster."""
    current: Hook | None = hook
    for _ in range(_TRIES):
        if current is None:
            raise NotFound
        try:
            return change(current)
        except Changed:
            clock.wait(0.1)
            current = reads.get(Hook.ref((hook.pk, hook.sk)))
    raise Busy


def _fill(hook: Hook, draft: Draft, now: int) -> None:
    hook.name, hook.url, hook.active = draft.name, draft.url, draft.active
    hook.events = list(draft.events)
    hook.auth = (
        {"type": NO_AUTH}
        if draft.username is None
        else {"type": BASIC, "username": draft.username, "password": None}
    )
    wishes = [*hook.wishes, [now, list(draft.events) if draft.active else []]]
    # The last wish before the oldest event that may still come holds for that event.
    started = sum(since <= now - _LONGEST_WAY for since, _ in wishes)
    hook.wishes = wishes[max(started - 1, 0) :]


def _place(scope: Scope) -> tuple[int, int]:
    """Give the numbers of the project and the form of a scope."""
    if isinstance(scope, Form):
        return scope.project_id, scope.id
    return scope.id, ALL_FORMS


def _tell(tx: Transaction, action: str, scope: Scope, hook: Hook, *, by: Auth) -> None:
    """Let a transaction write the audit row. The URL may hold a secret: its origin must do."""
    details: dict[str, Any] = {"hookId": hook.id}
    if action != "hook.delete":
        data = {"name": hook.name, "active": hook.active, "events": list(hook.events)}
        details["data"] = data | {"origin": "/".join(hook.url.split("/", 3)[:3])}
    tx.audit(action, by=by, on=scope.actee_id, details=details)
