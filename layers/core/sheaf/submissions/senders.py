"""Who sends: to which forms, when an app user last did, and who has used a single-use link."""

from __future__ import annotations

from pynamodb.exceptions import UpdateError

from sheaf.access.actors import APP_USER, Actor
from sheaf.access.auth import Auth
from sheaf.db import keys
from sheaf.db.conditional import held
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.transaction import Transaction
from sheaf.forms.forms import Form
from sheaf.problems import LinkUsed
from sheaf.submissions import submitters
from sheaf.submissions.records import Submission
from sheaf.telemetry import logger

# How far an app user's `lastUsed` may lag behind, in microseconds. What many devices send by one
# token at once must not all change the one actor.
LAG = 5 * 60 * 1_000_000


class LinkUse(Item):
    """That a device has used a single-use link (key: `U#<actor>#<sha256 of device>`, `U`)."""

    used_at = IntegerAttribute(attr_name="c")


def see(submission: Submission, *, by: Auth) -> None:
    """Keep that an app user's token is in use: of many devices that have it, one writes it down.

    By itself and not in their transactions, which would all want the one actor at the same moment.
    The submission is stored by now, so what fails here is no matter to its sender.
    """
    sender, moment = by.actor, submission.number
    if sender is None or sender.type != APP_USER or moment - (sender.last_used_at or 0) <= LAG:
        return
    overdue = Actor.last_used_at.does_not_exist() | (Actor.last_used_at < moment - LAG)
    try:
        held(lambda: sender.update([Actor.last_used_at.set(moment)], condition=overdue))
    except UpdateError:
        logger.warning("last use not kept", extra={"actor": sender.id})


def note(tx: Transaction, form: Form, submission: Submission, *, by: Auth) -> None:
    """Let the transaction that creates a submission keep who has sent it, and by what.

    A link made with `once` takes one new submission from each respondent. Central leaves that to
    the web form, which remembers in the browser that it has sent. Here a respondent is a device, as
    `?deviceID=` names it, and all who name none are one. Trying a draft does not count.

    Raises:
        LinkUsed: on commit, when the device has used the link.
    """
    sender, moment = by.actor, submission.number
    if sender is None:
        return
    if actions := submitters.note(tx, form, sender):
        tx.update(sender, actions, Actor.pk.exists())
    if sender.once and not submission.draft:
        turn = LinkUse(*keys.link_use(sender.id, submission.device_id or ""), used_at=moment)
        tx.create(turn, otherwise=LinkUsed())
