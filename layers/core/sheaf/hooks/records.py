"""How a hook rests, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pynamodb.attributes import (
    BinaryAttribute,
    BooleanAttribute,
    JSONAttribute,
    ListAttribute,
    UnicodeAttribute,
)

from sheaf import clock
from sheaf.access.actors import Actor
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.transaction import Author, Transaction
from sheaf.hooks import options

PREFIX = "whk_"
# The form number of hooks that listen to all forms of their project.
ALL_FORMS = 0
# How long one may be asked what a hook wanted: as long as deliveries are kept, which is far longer
# than an event is under way before it is matched. In microseconds.
_LONGEST_WAY = 90 * 24 * 60 * 60 * 1_000_000


class Hook(Item):
    """A hook (key: `H#<project>`, `<form>#<hook>`). Times are microseconds since 1970.

    `said` are the options of which something was said (`sheaf.hooks.options`), `auth` and `headers`
    as they are shown, without secrets; `sealed` holds those (`sheaf.hooks.keyring`). `wishes` are
    what it wanted and since when, `[moment, [type, …], filter]`, no type while it was turned off:
    an event is judged by what held when it was committed.
    """

    id = UnicodeAttribute(attr_name="i")
    project_id = IntegerAttribute(attr_name="p")
    form_id = IntegerAttribute(attr_name="f")
    actee_id = UnicodeAttribute(attr_name="on")
    name = UnicodeAttribute(attr_name="n")
    url = UnicodeAttribute(attr_name="u")
    active = BooleanAttribute(attr_name="a")
    events: ListAttribute[Any] = ListAttribute(attr_name="e")
    said: JSONAttribute = JSONAttribute(attr_name="o", default=dict)
    auth: JSONAttribute = JSONAttribute(attr_name="au")
    headers: JSONAttribute = JSONAttribute(attr_name="h", default=dict)
    sealed = BinaryAttribute(attr_name="s", legacy_encoding=False)
    wishes: JSONAttribute = JSONAttribute(attr_name="w")
    revision = IntegerAttribute(attr_name="q", default=1)
    created_by = IntegerAttribute(attr_name="by", null=True)
    created_at = IntegerAttribute(attr_name="c")
    updated_at = IntegerAttribute(attr_name="up", null=True)

    def tell(self, tx: Transaction, action: str, details: Mapping[str, Any], *, by: Author) -> None:
        """Let a transaction write an audit row of something that was done to the hook."""
        tx.audit(action, by=by, on=self.actee_id, details={"hookId": self.id, **details})

    @property
    def options(self) -> dict[str, Any]:
        """All options, as they are shown."""
        return options.shown(self.said)

    @property
    def timeout(self) -> int:
        """Seconds that an attempt may take."""
        return int(self.options["timeoutSeconds"])

    @property
    def schedule(self) -> tuple[int, ...]:
        """Seconds from one try to the next, beginning with the first."""
        return options.schedule(self.said)

    @property
    def rate(self) -> float | None:
        """How many attempts a second its receiver takes; None: as many as come."""
        told = self.options["rateLimit"]
        return told and float(told["perSecond"])

    @property
    def in_order(self) -> bool:
        """Whether the events of one submission wait for each other."""
        return bool(self.options["ordering"] == options.PER_SUBMISSION)

    @property
    def notifies(self) -> bool:
        """Whether the people who watch the stack hear of what it gives up."""
        return bool(self.options["notify"]["email"])

    def wish(self, kind: str, moment: int) -> tuple[bool, dict[str, Any] | None]:
        """Give whether it wanted events of a type at a moment (micros), and its filter then."""
        held = [wish for wish in self.wishes if wish[0] <= moment]
        if not held:
            return False, None
        _, types, pattern = held[-1]
        return kind in types, pattern

    def wanted(self, kind: str, moment: int) -> bool:
        """Whether it wanted events of a type at a moment (micros), whatever they hold."""
        return self.wish(kind, moment)[0]

    def remember(self, now: int) -> None:
        """Write down what it wants from now on."""
        wish = [list(self.events) if self.active else [], self.options["filter"]]
        wishes = list(self.wishes)
        if not wishes or wishes[-1][1:] != wish:
            wishes.append([now, *wish])
        # The last wish before the oldest event that may still come holds for that event.
        started = sum(since <= now - _LONGEST_WAY for since, *_ in wishes)
        self.wishes = wishes[max(started - 1, 0) :]

    def to_api(self, known: Mapping[int, Actor]) -> dict[str, Any]:
        """Give the hook without its secrets; `known` holds the actor who made it."""
        creator = None if self.created_by is None else known.get(self.created_by)
        return {
            "id": self.id,
            "name": self.name,
            "url": self.url,
            "active": self.active,
            "events": list(self.events),
            **self.options,
            "auth": self.auth,
            "headers": self.headers,
            "createdAt": clock.iso(self.created_at),
            "updatedAt": clock.iso(self.updated_at),
            "createdBy": creator and {"id": creator.id, "displayName": creator.display_name},
        }
