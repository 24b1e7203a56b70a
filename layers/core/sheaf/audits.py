"""The audit log, as administrators read it: what was done, by whom, to what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from sheaf import fields
from sheaf.access import actees, actors
from sheaf.access.actees import Place
from sheaf.access.actors import Actor
from sheaf.db import feeds, keys, reads
from sheaf.db.audit import Audit
from sheaf.db.items import Ref
from sheaf.forms.forms import Form
from sheaf.projects.projects import Project

# Central's categories, of which `nonverbose` is all but what is done to submissions; and one of our
# own, `hook`.
_NONVERBOSE = "nonverbose"
_CATEGORIES = {
    noun: frozenset(f"{noun}.{verb}" for verb in verbs.split())
    for noun, verbs in {
        "user": "create update delete assignment.create assignment.delete session.create",
        "field_key": "create assignment.create assignment.delete session.end delete",
        "public_link": "create assignment.create assignment.delete session.end delete",
        "project": "create update delete",
        "form": "create update delete restore purge attachment.update submission.export"
        " update.draft.set update.draft.delete update.draft.replace update.publish",
        "submission": "create update update.version attachment.update delete restore purge",
        "config": "set",
        "hook": "create update delete enable disable failing",
    }.items()
}
_NO_ENTITY = {"entityAvailable": False}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows a client asks for.

    `actions` is empty when all of these kinds are wanted; `since` and `before` are micros, the end
    not included.
    """

    kinds: tuple[str, ...]
    actions: frozenset[str]
    since: int | None
    before: int | None

    @classmethod
    def from_api(cls, query: Mapping[str, str]) -> Self:
        """Read `action` (one, or a category), `start` (inclusive) and `end` (exclusive).

        Raises:
            InvalidDataType: `start` or `end` is no time.
        """
        kinds, actions = _chosen(query.get("action"))
        return cls(kinds, actions, fields.moment(query, "start"), fields.moment(query, "end"))


def _chosen(action: str | None) -> tuple[tuple[str, ...], frozenset[str]]:
    if action is None:
        return keys.LOGGED, frozenset()
    if action == _NONVERBOSE:
        return (keys.kind("user.session.create"), keys.REST), frozenset()
    actions = _CATEGORIES.get(action, frozenset({action}))
    return tuple(sorted({keys.kind(each) for each in actions})), actions


def page(
    wanted: Wanted, *, offset: int = 0, limit: int | None = None, extended: bool = False
) -> list[dict[str, Any]]:
    """Give rows of the log, newest first; with actor and actee when extended."""
    end = None if limit is None else offset + limit
    rows = feeds.newest(
        wanted.kinds,
        actions=wanted.actions,
        since=wanted.since,
        before=wanted.before,
        expected=end,
    )
    listed = list(islice(rows, offset, end))
    if not extended:
        return [row.to_api() for row in listed]
    by, on = _involved(listed)
    return [
        row.to_api() | {"actor": by.get(row.actor_id), "actee": on.get(row.actee_id)}
        for row in listed
    ]


def own(
    written: Sequence[tuple[str, str]],
    *,
    offset: int = 0,
    limit: int | None = None,
    extended: bool = False,
) -> list[dict[str, Any]]:
    """Give rows of a submission, newest first; with actor and entity when extended.

    Central has a word on the entity in every row, also where there is none.

    Args:
        written: the keys of all of them, oldest first.
        offset: how many to leave out.
        limit: how many to give; all, when absent.
        extended: whether more is to be told of each.
    """
    end = None if limit is None else offset + limit
    refs = [Audit.ref(key) for key in written[::-1][offset:end]]
    rows = [row for row in reads.fetch(refs) if row is not None]
    if not extended:
        return [row.to_api() for row in rows]
    known = actors.by_id({int(row.actor_id) for row in rows if row.actor_id is not None})
    shown = []
    for row in rows:
        told = row.to_api()
        told["details"] = {**told["details"], "entity": _NO_ENTITY}
        shown.append(told | {"actor": known.get(row.actor_id)})
    return shown


def _involved(rows: Iterable[Audit]) -> tuple[dict[int, Actor], dict[str, Any]]:
    """Find who made rows, by number, and what they are about, by acteeId."""
    by = {int(row.actor_id) for row in rows if row.actor_id is not None}
    on = sorted({str(row.actee_id) for row in rows if row.actee_id is not None})
    found = reads.fetch(
        [Actor.ref(keys.actor(number)) for number in sorted(by)]
        + [Place.ref(keys.actee(actee_id)) for actee_id in on]
    )
    made, places = found[: len(by)], found[len(by) :]
    lying = [ref for place in places if place is not None for ref in _refs(place)]
    known: dict[str, Any] = {
        actee_id: place
        for actee_id, place in zip(on, places, strict=True)
        if place is not None and place.purged_at is not None
    }
    bearers = (each for each in reads.fetch(lying) if each is not None)
    known |= {each.actee_id: each for each in bearers if each.actee_id in on}
    return {actor.id: actor for actor in made if actor is not None}, known


def _refs(place: Place) -> list[Ref[Any]]:
    """Refer to where an actee may lie: a form among the live or the deleted ones."""
    if place.purged_at is not None:
        return []
    if place.species == actees.ACTOR:
        return [Actor.ref(keys.actor(place.number))]
    if place.species == actees.PROJECT:
        return [Project.ref(keys.project(place.number))]
    return [
        Form.ref(keys.form(place.project_id, place.xml_form_id)),
        Form.ref(keys.deleted_form(place.project_id, place.number)),
    ]
