"""Comments: what people who may read a submission say of it.

In Central none is in the audit log. Hooks hear of each, so its row is an event alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from sheaf import clock, fields
from sheaf.access import actors
from sheaf.access.auth import Auth
from sheaf.db import keys
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.transaction import Transaction
from sheaf.forms.forms import Form
from sheaf.submissions.records import Submission
from sheaf.submissions.revisions import Changed, insist
from sheaf.submissions.telling import tell_comment


class Comment(Item):
    """A comment (key: `V#<submission>`, `K#<event>`: its event's id without the kind)."""

    body = UnicodeAttribute(attr_name="b")
    actor_id = IntegerAttribute(attr_name="by", null=True)

    @property
    def id(self) -> str:
        """Its id: the moment when it was made, and the end of its submission's id."""
        return str(self.sk).removeprefix(keys.COMMENT)

    def to_api(self) -> dict[str, Any]:
        """Give the comment as Central shows it."""
        return {
            "body": self.body,
            "actorId": self.actor_id,
            "createdAt": clock.iso(keys.micros(self.id)),
        }


def read(body: Mapping[str, Any]) -> str:
    """Read a comment's JSON. Central, too, takes a number or a truth value for its text.

    Raises:
        MissingParameter: there is no `body`; an empty one is a comment.
        InvalidDataType: it is a list or an object, or holds U+0000.
    """
    said = body.get("body")
    if isinstance(said, float) and said.is_integer():
        said = int(said)  # as JavaScript writes it
    if isinstance(said, int | float):
        return json.dumps(said)
    return fields.text(body, "body")


def create(form: Form, submission: Submission, said: str, *, by: Auth) -> Comment:
    """Comment on a submission.

    Raises:
        NotFound: it has been deleted meanwhile.
    """
    return insist(submission, lambda now: _create(form, now, said, by=by))


def page(submission: Submission, *, extended: bool) -> list[dict[str, Any]]:
    """List the comments on a submission, newest first; with their authors when extended."""
    listed = list(
        Comment.query(
            keys.collection(submission.id),
            Comment.sk.startswith(keys.COMMENT),
            scan_index_forward=False,
            consistent_read=True,
        )
    )
    if not extended:
        return [each.to_api() for each in listed]
    known = actors.by_id({int(each.actor_id) for each in listed if each.actor_id is not None})
    return [each.to_api() | {"actor": known.get(each.actor_id)} for each in listed]


def _create(form: Form, submission: Submission, said: str, *, by: Auth) -> Comment:
    event_id = keys.event_of(submission.id, clock.micros())
    comment = Comment(*keys.comment(submission.id, event_id), body=said, actor_id=by.actor_id)
    revision = submission.revision
    submission.revision += 1
    with Transaction() as tx:
        # Counted, so that receivers can tell which news is newer, and that none is written to
        # what has just been deleted.
        tx.update(
            submission,
            [Submission.revision.set(submission.revision)],
            Submission.revision == revision,
            otherwise=Changed(),
        )
        tx.create(comment)
        tell_comment(tx, form, submission, event_id, by=by)
    return comment
