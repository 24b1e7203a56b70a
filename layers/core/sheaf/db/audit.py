"""The audit row: what was done, by whom, to what. It is also the outbox.

Every change writes one in its own transaction; the table's stream hands it to the event bus. So
nothing changes without its event, and nothing is told that did not happen.
"""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute

from sheaf import clock
from sheaf.db import keys
from sheaf.db.items import IntegerAttribute, Item

# What a row that cannot be read is called wherever rows are told: spoilt by hand, or by a defect.
UNREADABLE = "event.unreadable"


class Audit(Item):
    """A row of the audit log (key: `E#<kind><digit>`, `<id><kind>`).

    `event` is what the event path needs beyond Central's columns; it is not shown to clients.
    """

    action = UnicodeAttribute(attr_name="a")
    actor_id = IntegerAttribute(attr_name="by", null=True)
    actee_id = UnicodeAttribute(attr_name="on", null=True)
    details: JSONAttribute = JSONAttribute(attr_name="d", null=True)
    notes = UnicodeAttribute(attr_name="n", null=True)
    event: JSONAttribute = JSONAttribute(attr_name="e", null=True)

    def deserialize(self, attribute_values: dict[str, Any]) -> None:
        """Read a row.

        Raises:
            TypeError, ValueError: it is none.
        """
        super().deserialize(attribute_values)
        if self.action is None:
            raise ValueError("A row without an action.")

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Audit:
        """Make a row of what a query found; of one that cannot be read, that there is one.

        So it hides no other row from who reads many.
        """
        row = cls()
        try:
            row.deserialize(data)
        except (TypeError, ValueError):
            return cls(data["pk"]["S"], data["sk"]["S"], action=UNREADABLE)
        return row

    def to_api(self) -> dict[str, Any]:
        """Give the row as `GET /audits` shows it."""
        return {
            "actorId": self.actor_id,
            "action": self.action,
            "acteeId": self.actee_id,
            "details": self.details,
            "loggedAt": clock.iso(keys.micros(self.sk)),
            "notes": self.notes,
        }
