"""Hooks: which system wants to be told of which events of a form, or of all forms of a project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from sheaf import clock
from sheaf.access.actors import Actor
from sheaf.access.auth import Auth
from sheaf.db import keys, reads
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Transaction
from sheaf.forms import scope as scopes
from sheaf.forms.forms import Form
from sheaf.hooks import gates, tally
from sheaf.hooks.draft import Draft
from sheaf.hooks.gates import Gate
from sheaf.hooks.keyring import Keyring
from sheaf.hooks.reading import count, invalid
from sheaf.hooks.records import ALL_FORMS, PREFIX, Hook
from sheaf.problems import Busy, NotFound, Problem, TooManyHooks
from sheaf.projects.projects import Project

LIMIT = 20
# Seconds that the key before signs beside a new one: unless it is told, and at most.
OVERLAP, LONGEST_OVERLAP = 86_400, 7 * 86_400
_TRIES = 10

Scope = Form | Project
_T = TypeVar("_T")


class Changed(Problem):
    """Somebody else changed the hook first. Never reaches a client."""

    code = 503.1
    message = "The hook has changed meanwhile."


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
    return [
        hook.to_api(known) | gate.to_api() | {"counts": counts}
        for hook, gate, counts in zip(
            hooks, held, tally.of([each.id for each in hooks]), strict=True
        )
    ]


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
    hook_id, keyring, now = PREFIX + clock.letters(10), Keyring.new(), clock.micros()
    hook = Hook(
        *keys.hook(project_id, form_id, hook_id),
        id=hook_id,
        project_id=project_id,
        form_id=form_id,
        actee_id=scope.actee_id,
        wishes=[],
        created_by=by.actor_id,
        created_at=now,
    )
    _fill(hook, draft, keyring, now)
    with Transaction() as tx:
        tx.create(hook)
        _tell(tx, "hook.create", hook, by=by)
    known = {} if by.actor is None else {by.actor.id: by.actor}
    fresh = Gate().to_api() | {"counts": dict(tally.NONE)}
    return hook.to_api(known) | fresh | {"secret": keyring.newest}


def update(hook: Hook, body: Mapping[str, Any], *, by: Auth) -> dict[str, Any]:
    """Change what the client named; the hook that results is judged whole.

    Raises:
        InvalidHook: it would be wrong.
        NotFound: it has been deleted meanwhile.
    """
    changed = _insist(hook, lambda now: _update(now, body, by=by))
    return describe([changed])[0]


def rotate(hook: Hook, body: Mapping[str, Any], *, by: Auth) -> dict[str, Any]:
    """Give a hook a new secret, which is shown this once; the one before signs for a while too.

    Raises:
        InvalidHook: `expireOldAfter` is no number of seconds.
        NotFound: the hook has been deleted meanwhile.
    """
    for name in body:
        if name != "expireOldAfter":
            raise invalid(name, "is not asked for")
    given = body.get("expireOldAfter", OVERLAP)
    seconds = count(given, "expireOldAfter", 0, LONGEST_OVERLAP)
    rotated = _insist(hook, lambda now: _rotate(now, seconds, by=by))
    return {"secret": rotated.newest}


def delete(hook: Hook, *, by: Auth) -> None:
    """Delete a hook. What has not been delivered yet is cancelled.

    Raises:
        NotFound: it has been deleted meanwhile.
    """
    gate = gates.of(hook.id)
    with Transaction() as tx:
        tx.delete(hook, Hook.pk.exists(), otherwise=NotFound())
        gates.release(tx, gate)
        _tell(tx, "hook.delete", hook, by=by)


def _update(hook: Hook, body: Mapping[str, Any], *, by: Auth) -> Hook:
    keyring = Keyring.unseal(hook.id, hook.sealed)
    draft = Draft.merged(body, hook, keyring)
    changed = _next(hook)
    _fill(changed, draft, keyring, changed.updated_at)
    _put(hook, changed, by=by)
    return changed


def _rotate(hook: Hook, seconds: int, *, by: Auth) -> Keyring:
    changed = _next(hook)
    keyring = Keyring.unseal(hook.id, hook.sealed).rotated(changed.updated_at, seconds)
    changed.sealed = keyring.seal(hook.id)
    _put(hook, changed, by=by)
    return keyring


def _next(hook: Hook) -> Hook:
    """Copy a hook for its next revision."""
    copy = Hook()
    copy.deserialize(hook.serialize())
    copy.revision, copy.updated_at = hook.revision + 1, clock.micros()
    return copy


def _put(hook: Hook, changed: Hook, *, by: Auth) -> None:
    with Transaction() as tx:
        tx.put(changed, Hook.revision == hook.revision, otherwise=Changed())
        _tell(tx, "hook.update", changed, by=by)


def _insist(hook: Hook, change: Callable[[Hook], _T]) -> _T:
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


def _fill(hook: Hook, draft: Draft, keyring: Keyring, now: int) -> None:
    hook.name, hook.url, hook.active = draft.name, draft.url, draft.active
    hook.events, hook.said = list(draft.events), dict(draft.options)
    shown = draft.credentials
    hook.auth, hook.headers = dict(shown.auth), dict(shown.headers)
    secrets = replace(keyring, words=dict(shown.words), headers=dict(shown.values))
    # What has not changed stays sealed as it is.
    if hook.sealed is None or secrets != keyring:
        hook.sealed = secrets.seal(hook.id)
    hook.remember(now)


def _place(scope: Scope) -> tuple[int, int]:
    """Give the numbers of the project and the form of a scope."""
    if isinstance(scope, Form):
        return scope.project_id, scope.id
    return scope.id, ALL_FORMS


def _tell(tx: Transaction, action: str, hook: Hook, *, by: Auth) -> None:
    """Let a transaction write the audit row. The URL may hold a secret: its origin must do."""
    origin = "/".join(hook.url.split("/", 3)[:3])
    data = {"name": hook.name, "active": hook.active, "events": list(hook.events), "origin": origin}
    hook.tell(tx, action, {} if action == "hook.delete" else {"data": data}, by=by)
