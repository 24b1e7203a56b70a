"""What must hold of everything that is stored, whatever was done and in whatever order.

An item that refers to another is led to it; one that is found through another is found. Each rule
gives what breaks it, in words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from sheaf.access.actors import Actor
from sheaf.access.assignments import Assignment, grant
from sheaf.access.bearers import Bearer
from sheaf.access.sessions import Session
from sheaf.access.users import Email
from sheaf.db import keys
from sheaf.db.items import Item
from sheaf.encryption.keyring import Key, PublicKey
from sheaf.forms.definitions import Definition
from sheaf.forms.drafts import AbandonedDraft
from sheaf.forms.forms import Form
from sheaf.forms.publication import FormName
from sheaf.projects.projects import Project
from sheaf.submissions.comments import Comment
from sheaf.submissions.key_uses import KeyUse
from sheaf.submissions.records import DRAFTS, LIVE, TRASH, Claim, Submission, SubmissionVersion
from sheaf.submissions.submitters import Submitter
from sheaf.submissions.uploads import Upload
from tests.stage import State, changes

_I = TypeVar("_I", bound=Item)


class Stored:
    """Everything in the table, by kind."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.forms = self.of(Form, "P#", "F#") + self.of(Form, "P#", "X#")
        self.submissions = self.of(Submission, "S#")
        self.versions = self.of(SubmissionVersion, "V#", "V#")
        self.claims = self.of(Claim, "C#")
        self.actors = self.of(Actor, "A#")

    def of(self, kind: type[_I], pk: str, sk: str = "") -> list[_I]:
        """The items of a kind, by how their keys begin."""
        return [
            kind.ref(key).read(raw)
            for key, raw in self._state.items()
            if key[0].startswith(pk) and key[1].startswith(sk)
        ]

    def has(self, key: tuple[str, str]) -> bool:
        """Whether an item has this key."""
        return key in self._state

    def form(self, number: int) -> Form:
        """The form of a number."""
        (form,) = [each for each in self.forms if each.id == number]
        return form


def _claims(stored: Stored) -> Iterator[str]:
    """Every version has its claim, and every claim its version."""
    due = {}
    edits = {each.id: each.edits for each in stored.submissions}
    for submission in stored.submissions:
        form = stored.form(keys.home(submission.pk)[0])
        aside = [each for each in stored.versions if each.pk == keys.collection(submission.id)]
        if len(aside) != submission.edits:
            yield f"{submission.id}: {submission.edits} edits, {len(aside)} versions aside"
        for version in (*aside, submission):
            number = submission.edits if version is submission else int(version.sk[2:])
            world = DRAFTS if submission.draft else LIVE
            home = form.project_id, form.xml_form_id, form.use, world
            due[keys.claim(*home, version.instance_id)] = submission.id, number
    there = {(each.pk, each.sk): (each.submission_id, each.version) for each in stored.claims}
    if there != due:
        yield f"claims {there}, versions {due}, edits {edits}"


def _versions(stored: Stored) -> Iterator[str]:
    """What hangs on a submission hangs on one that is there."""
    ids = {keys.collection(each.id) for each in stored.submissions}
    for kind, sk in ((SubmissionVersion, "V#"), (Comment, "K#"), (Upload, "U#")):
        for item in stored.of(kind, "V#", sk):
            if item.pk not in ids:
                yield f"{item.pk} {item.sk} hangs on nothing"


def _rows(stored: Stored) -> Iterator[str]:
    """A submission knows its audit rows."""
    for submission in stored.submissions:
        for key in submission.audits:
            if not stored.has(key):
                yield f"{submission.id} has no row {key}"


def _key_uses(stored: Stored) -> Iterator[str]:
    """Of each encrypted current version, and of no other, it is known for which key."""
    there = {(each.pk, each.sk) for each in stored.of(KeyUse, "KU#")}
    due = set()
    for each in stored.submissions:
        form_id, partition = keys.home(each.pk)
        if each.key_id and partition != TRASH:
            due.add(keys.key_use(form_id, partition, each.key_id, each.id))
    if there != due:
        yield f"key uses {there} instead of {due}"


def _grants(stored: Stored) -> Iterator[str]:
    """Actors hold what actees say that they hold; the deleted hold nothing."""
    gone = {each.id for each in stored.actors if each.deleted_at is not None}
    told = {
        (each.actor_id, grant(each.role_id, each.pk.removeprefix("G#")))
        for each in stored.of(Assignment, "G#")
        if each.actor_id not in gone
    }
    held = {(each.id, one) for each in stored.actors for one in each.grants or ()}
    if told != held:
        yield f"assignments {told}, grants {held}"


def _accounts(stored: Stored) -> Iterator[str]:
    """Addresses lead to their users, places to their bearers, tokens to who is there."""
    users = {
        keys.email(each.email): each.id
        for each in stored.actors
        if each.type == "user" and each.deleted_at is None
    }
    claims = {(each.pk, each.sk): each.actor_id for each in stored.of(Email, "EMAILS")}
    if users != claims:
        yield f"users {users}, addresses {claims}"
    actors = {each.id: each for each in stored.actors}
    sessions = {each.pk for each in stored.of(Session, "T#")}
    for bearer in stored.of(Bearer, "B#"):
        if actors[bearer.actor_id].deleted_at is not None:
            yield f"bearer {bearer.actor_id} is deleted"
    for actor in stored.actors:
        if (actor.session_pk is None) != (actor.sealed is None):
            yield f"actor {actor.id} has half a token"
        if actor.session_pk is not None and actor.session_pk not in sessions:
            yield f"actor {actor.id} has a token without a session"


def _definitions(stored: Stored) -> Iterator[str]:
    """What forms show is defined."""
    numbers = {(each.pk, each.sk): each.id for each in _all_definitions(stored)}
    for key, number in _shown(stored):
        if numbers.get(key) != number:
            yield f"{key} {number} is shown, but not defined"


def _sources(stored: Stored) -> Iterator[str]:
    """What is defined has its XML; a draft's is shown, or left to a purge."""
    abandoned = stored.of(AbandonedDraft, "D#", "A#")
    due = {key for key, _ in _shown(stored)} | {
        keys.working_definition(each.form_id, each.draft_id) for each in abandoned
    }
    for each in _all_definitions(stored):
        form_id = int(each.pk.removeprefix("D#"))
        if not stored.has(keys.definition_source(form_id, each.sha256)):
            yield f"{each.pk} {each.sk} has no XML"
        if each.sk.startswith("W#") and (each.pk, each.sk) not in due:
            yield f"draft {each.pk} {each.sk} is left behind"


def _shown(stored: Stored) -> Iterator[tuple[tuple[str, str], int]]:
    """Give the keys of the definitions that forms show, and their numbers."""
    for form in stored.forms:
        if form.version is not None:
            yield keys.definition(form.id, form.version), form.definition_id
        if form.draft is not None:
            yield keys.working_definition(form.id, form.draft.id), form.draft.id


def _all_definitions(stored: Stored) -> list[Definition]:
    return stored.of(Definition, "D#", "V#") + stored.of(Definition, "D#", "W#")


def _names(stored: Stored) -> Iterator[str]:
    """A name knows how many forms have borne it, and their versions."""
    numbers = {form.id: keys.form_name(form.project_id, form.xml_form_id) for form in stored.forms}
    for name in stored.of(FormName, "P#", "N#"):
        bearers = [number for number, key in numbers.items() if key == (name.pk, name.sk)]
        versions = {
            f"={each.version}"
            for each in stored.of(Definition, "D#", "V#")
            if int(each.pk.removeprefix("D#")) in bearers
        }
        if name.uses != len(bearers) + name.purged or (name.versions or set()) != versions:
            yield f"{name.sk}: {name.uses}, {name.versions} of {bearers}, {versions}"


def _encryption(stored: Stored) -> Iterator[str]:
    """Keys are there for whoever has one, once each; an encrypted project has no open form."""
    numbers = {each.id for each in stored.of(Key, "K#", "K")}
    found = sorted(each.key_id for each in stored.of(PublicKey, "KP#"))
    if found != sorted(numbers):
        yield f"keys {numbers}, found by {found}"
    projects = stored.of(Project, keys.PROJECTS)
    encrypted = {each.id for each in projects if each.key_id is not None}
    for form in stored.forms:
        shown = [each for each in (form.version and form, form.draft) if each]
        for each in shown:
            if each.key_id is not None and each.key_id not in numbers:
                yield f"form {form.id} has no key {each.key_id}"
            if each.key_id is None and form.project_id in encrypted and form.deleted_at is None:
                yield f"form {form.id} is open in an encrypted project"


def _submitters(stored: Stored) -> Iterator[str]:
    """Forms list who knows that he is listed; what is told of purged forms nobody asks for."""
    listed = {(each.pk, each.sk) for each in stored.of(Submitter, "SU#")}
    there = {form.id for form in stored.forms}
    due = {
        keys.submitter(form, each.id)
        for each in stored.actors
        for form in there & set(each.submitted_to or ())
    }
    if listed != due:
        yield f"listed {listed}, known {due}"


RULES: tuple[Callable[[Stored], Iterator[str]], ...] = (
    _claims,
    _versions,
    _rows,
    _key_uses,
    _grants,
    _accounts,
    _definitions,
    _sources,
    _names,
    _encryption,
    _submitters,
)


def broken(state: State) -> list[str]:
    """Give what is broken in what is stored."""
    stored = Stored(state)
    return [told for rule in RULES for told in rule(stored)]


# What time and chance make: ids and moments, acteeIds, hashes, the ends of files' names, numbers.
_CHANCE = (
    (r"\b\d{16}[0-9a-f]{2}[0-9a-z]{2}", "ID"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r"\b[0-9a-f]{64}-[0-9a-z]{6}", "FILE"),
    (r"\b([0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b", "HASH"),
    (r"(encrypted:)[0-9a-z]{8}", r"\1LETTERS"),
    (r"(T#|KP#|U#\d+#)[\w-]+", r"\1DIGEST"),
    (r"U#[0-9a-z]{12}\b", "U#LETTERS"),
    (r"(whk|job)_[0-9a-z]+", r"\1_LETTERS"),
    (r"\d+", "N"),
)


def shape(state: State) -> list[str]:
    """Give what is stored without what time and chance have made of it, sorted."""
    return sorted(map(_shaped, changes(state).values()))


def _shaped(item: dict[str, Any]) -> str:
    text = json.dumps(item, sort_keys=True, default=repr)
    for pattern, name in _CHANCE:
        text = re.sub(pattern, name, text)
    return text
