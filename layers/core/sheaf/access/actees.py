"""Where what bears an acteeId lies, so that the audit log can show it."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute

from sheaf import clock
from sheaf.db import keys
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.transaction import Transaction

ACTOR, PROJECT, FORM = "actor", "project", "form"


class Place(Item):
    """Where an actee lies (key: `O#<acteeId>`, `O`): its species, its number, a form's names.

    Of what has been purged it keeps what Central does: the moment (micros), the name, and details.
    """

    species = UnicodeAttribute(attr_name="t")
    number = IntegerAttribute(attr_name="i")
    project_id = IntegerAttribute(attr_name="pr", null=True)
    xml_form_id = UnicodeAttribute(attr_name="f", null=True)
    purged_at = IntegerAttribute(attr_name="x", null=True)
    purged_name = UnicodeAttribute(attr_name="n", null=True)
    details: JSONAttribute = JSONAttribute(attr_name="d", null=True)

    def to_api(self) -> dict[str, Any]:
        """Give what is left of an actee, as Central shows it."""
        return {
            "purgedAt": clock.iso(self.purged_at),
            "details": self.details,
            "purgedName": self.purged_name,
        }


def add(
    tx: Transaction,
    actee_id: str,
    species: str,
    number: int,
    *,
    project_id: int | None = None,
    xml_form_id: str | None = None,
) -> None:
    """Let the transaction that makes an actee remember where it lies."""
    place = Place(
        *keys.actee(actee_id),
        species=species,
        number=number,
        project_id=project_id,
        xml_form_id=xml_form_id,
    )
    tx.create(place)


def purge(tx: Transaction, actee_id: str, name: str | None, details: dict[str, Any]) -> None:
    """Let the transaction that removes an actee for good keep what it was."""
    kept = [Place.purged_at.set(clock.micros()), Place.details.set(details)]
    if name is not None:
        kept.append(Place.purged_name.set(name))
    tx.change(Place(*keys.actee(actee_id)), kept)
