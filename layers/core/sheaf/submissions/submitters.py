"""Who has submitted to a form: told by a small item for each, written with the first submission.

Whether it is there is known without asking: the actor, read with every request, has the form's
number. So only the first submission of an actor to a form pays for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf.access import actors
from sheaf.access.actors import Actor
from sheaf.db import keys
from sheaf.db.items import Item
from sheaf.db.transaction import Transaction
from sheaf.forms.forms import Form

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action


class Submitter(Item):
    """Somebody has submitted to a form, or to its draft (key: `SU#<form>`, `<actor>`)."""


def note(tx: Transaction, form: Form, actor: Actor) -> list[Action]:
    """Let the transaction that creates a submission list its sender, if that is not done yet.

    Returns:
        What the transaction has to change of the actor.
    """
    if form.id in (actor.submitted_to or ()):
        return []
    tx.put(Submitter(*keys.submitter(form.id, actor.id)))
    return [Actor.submitted_to.add({form.id})]


def of(form: Form) -> list[Actor]:
    """Give the actors that have submitted to a form, by name; those deleted since, too."""
    listed = Submitter.query(keys.submitters(form.id), consistent_read=True)
    known = actors.by_id({keys.actor_of_submitter(each.sk) for each in listed})
    return sorted(known.values(), key=lambda actor: actor.display_name)
