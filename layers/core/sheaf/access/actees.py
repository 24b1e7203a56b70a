"""Where what bears an acteeId lies, so that the audit log can show it."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from sheaf.db import keys
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.transaction import Transaction

ACTOR, PROJECT, FORM = "actor", "project", "form"


class Place(Item):
    """Where an actee lies (key: `O#<acteeId>`, `O`): its species, its number, a form's names."""

    species = UnicodeAttribute(attr_name="t")
    number = IntegerAttribute(attr_name="i")
    project_id = IntegerAttribute(attr_name="pr", null=True)
    xml_form_id = UnicodeAttribute(attr_name="f", null=True)


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
