"""What must be true of hooks, told without any of the product's code: plain values and comparisons.

Moments are micros. What is asked for takes time, from when it was asked until it was answered; of
two things that overlap nobody can say which was first, so there are events of which a hook *must*
be told, and others of which it *may* be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

FOREVER = 2**62
CREATE, EDIT, REVIEW = "submission.create", "submission.update.version", "submission.update"
FILE, COMPLETE = "submission.attachment.update", "submission.attachments.complete"
COMMENT, DELETE, RESTORE = "comment.create", "submission.delete", "submission.restore"
PURGE, PUBLISH = "submission.purge", "form.update.publish"
TYPES = (CREATE, EDIT, REVIEW, FILE, COMPLETE, COMMENT, DELETE, RESTORE, PURGE, PUBLISH)
# Those of a submission that come in their order where that is asked for.
IN_ORDER = (CREATE, EDIT, REVIEW, DELETE, RESTORE)
APPROVED = {"data": {"submission": {"__system": {"reviewState": ["approved"]}}}}


@dataclass
class Stretch:
    """From when something was asked for until it was answered, however."""

    began: int
    ended: int = FOREVER

    def is_before(self, other: Stretch) -> bool:
        return self.ended < other.began

    def meets(self, other: Stretch) -> bool:
        return not (self.is_before(other) or other.is_before(self))


@dataclass
class Submission:
    """A submission: its versions' ids, and what is said of it. `mark` stands in all its words."""

    root: str
    mark: str
    form: str
    versions: list[str]
    age: int = 0
    state: str | None = None
    photo: bool = False
    # What the slot of the photo holds.
    file: bytes | None = None
    deleted: bool = False
    trashed_at: int = 0
    # Since when a purge may have been at it, and whether all of it is gone.
    purged: Stretch | None = None
    gone: bool = False
    # While somebody changes it, nobody else does.
    busy: bool = True
    born: bool = False

    @property
    def live(self) -> bool:
        return self.born and not (self.deleted or self.purged or self.busy)

    @property
    def complete(self) -> bool:
        return self.file is not None or not self.photo

    def facts(self) -> dict[str, Any]:
        """What a body must say of it, as long as nothing more happens."""
        return {
            "name": f"{self.mark}-{self.age}",
            "age": self.age,
            "reviewState": self.state,
            "deleted": self.deleted,
            "current": self.versions[-1],
            "present": int(self.file is not None),
        }


@dataclass
class Told:
    """An event that a request is to make, once for all: what it is, and what it changes here."""

    kind: str
    about: Submission | None
    apply: Callable[[], None] = lambda: None


@dataclass
class Event:
    """An event that was committed, by the id that the table gave it."""

    key: str
    kind: str
    form: str
    about: Submission | None
    facts: dict[str, Any]
    when: Stretch

    @property
    def root(self) -> str | None:
        return self.about and self.about.root


@dataclass
class Wish:
    """What a hook wants to be told of, from some time on."""

    since: Stretch
    kinds: tuple[str, ...]
    approved_only: bool = False

    def wants(self, event: Event) -> set[bool]:
        """Whether it asks for an event; both where that depends on what a purge has taken."""
        if event.kind not in self.kinds:
            return {False}
        if not self.approved_only or event.facts.get("reviewState") == "approved":
            return {True}
        gone = event.about is not None and event.about.purged is not None
        return {False, True} if gone and event.kind != PURGE else {False}


@dataclass
class Hook:
    """A hook: for which form (None: all), in what order, and what it wanted when."""

    id: str
    path: str
    form: str | None
    ordered: bool
    tries: int
    format: str
    wishes: list[Wish]
    place: str = ""
    gone: Stretch | None = None
    busy: bool = False
    # Whether somebody asked to send things again: then there may be more records, in other order.
    replayed: bool = False
    retried: bool = False

    def verdicts(self, event: Event) -> set[bool]:
        """Whether it is told of an event; both where nobody can know."""
        if self.form not in (None, event.form):
            return {False}
        before = [wish for wish in self.wishes if wish.since.is_before(event.when)]
        about_then = [wish for wish in self.wishes if wish.since.meets(event.when)]
        verdicts = before[-1].wants(event) if before else {False}
        for wish in about_then:
            verdicts |= wish.wants(event)
        if self.gone is not None and verdicts == {True}:
            # It may have been deleted before the event was matched.
            return {True, False}
        return verdicts

    def was_off(self, since: int) -> bool:
        """Whether it was turned off, for a moment, at any time from then on."""
        late = [wish for wish in self.wishes if wish.since.ended >= since]
        earlier = [wish for wish in self.wishes if wish.since.ended < since]
        return any(not wish.kinds for wish in (*earlier[-1:], *late))


@dataclass
class World:
    """All there is."""

    submissions: dict[str, Submission] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)

    def must(self, hook: Hook) -> set[str]:
        """The keys of the events of which a hook must be told."""
        return {key for key, event in self.events.items() if hook.verdicts(event) == {True}}

    def may(self, hook: Hook) -> set[str]:
        """The keys of those of which it may be."""
        if hook.replayed:
            return {key for key, each in self.events.items() if hook.form in (None, each.form)}
        return {key for key, event in self.events.items() if True in hook.verdicts(event)}
