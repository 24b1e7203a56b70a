"""What the one who asks may do; every handler asks, visibly, before it shows or changes a thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sheaf.access import roles
from sheaf.access.actors import APP_USER, Actor
from sheaf.access.sessions import Session
from sheaf.problems import Forbidden, Problem

# Grants on this actee hold everywhere.
SITE = "*"
# Whatever else one may do, one may read and change one's own account, and log out. An app user may
# not: whoever holds its token could take it from all others who do.
_ON_ONESELF = frozenset({"user.read", "user.update"})
# Routes that a draft's token opens are about that draft alone: a place to try everything in. That
# it may be seen is a verb of its own, which no role has.
_ON_A_TESTED_DRAFT = frozenset(
    {
        "draft.test",
        "submission.create",
        "submission.read",
        "submission.list",
        "submission.update",
    }
)
_LOG_OUT = "session.end"


class Actee(Protocol):
    """What rights are held on: a project, a form, another actor."""

    @property
    def actees(self) -> tuple[str, ...]:
        """The acteeIds whose grants hold here: its own and those it lies in."""


@dataclass(frozen=True, slots=True)
class Auth:
    """The actor of a request, its session, and the notes to be kept with what it does.

    `hops` is how many systems have told each other of what led to the request.
    `tests` is the acteeId of a form whose draft may be tested, by nobody in particular.
    """

    actor: Actor | None
    session: Session | None = None
    notes: str | None = None
    tests: str | None = None
    hops: int = 0

    @property
    def actor_id(self) -> int | None:
        """The actor's number, None for an anonymous request or the system."""
        return None if self.actor is None else self.actor.id

    def verbs(self, on: Actee | None = None) -> set[str]:
        """Give the verbs allowed on an actee, or on the whole site."""
        actees = {SITE, *(on.actees if on else ())}
        grants = (self.actor.grants or ()) if self.actor else ()
        held = (grant.split(":", 1) for grant in grants)
        verbs = {verb for role, actee in held if actee in actees for verb in roles.verbs(int(role))}
        if self.actor and on is not None and self.actor.actee_id in on.actees:
            verbs |= _ON_ONESELF
            if self.actor.type != APP_USER:
                verbs.add(_LOG_OUT)
        if on is not None and self.tests is not None and self.tests in on.actees:
            verbs |= _ON_A_TESTED_DRAFT
        return verbs

    def can(self, verb: str, on: Actee | None = None) -> bool:
        """Whether a verb is allowed on an actee, or on the whole site."""
        return verb in self.verbs(on)

    def require(
        self, *any_of: str, on: Actee | None = None, otherwise: type[Problem] = Forbidden
    ) -> None:
        """Raise unless at least one of the verbs is allowed.

        Raises:
            Forbidden: or what `otherwise` names (OpenRosa asks for credentials instead).
        """
        if not self.verbs(on) & set(any_of):
            raise otherwise


SYSTEM = Auth(None)
