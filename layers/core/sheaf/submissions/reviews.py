"""Reviews: the state that a submission is given by those who check it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from sheaf import fields
from sheaf.access.auth import Auth
from sheaf.db.transaction import Transaction
from sheaf.forms.forms import Form
from sheaf.submissions.records import Submission
from sheaf.submissions.revisions import Changed, following, insist
from sheaf.submissions.telling import tell

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

STATES = ("hasIssues", "edited", "approved", "rejected")


@dataclass(frozen=True, slots=True)
class Review:
    """What a client may change of a submission without sending a new version."""

    said: bool
    state: str | None

    @classmethod
    def from_api(cls, body: Mapping[str, Any]) -> Self:
        """Read the JSON of a PATCH; a body without `reviewState` says nothing."""
        state = body.get("reviewState")
        if state is not None:
            fields.choice(state, "state", STATES, "not a recognized state name")
        return cls("reviewState" in body, state)


def give(form: Form, submission: Submission, review: Review, *, by: Auth) -> dict[str, Any]:
    """Set the review state and give what Central answers: nothing, if nothing was said.

    Raises:
        NotFound: the submission has been deleted meanwhile.
    """
    changed = insist(submission, lambda now: _give(form, now, review, by=by))
    return changed.reviewed_to_api() if review.said else {}


def _give(form: Form, submission: Submission, review: Review, *, by: Auth) -> Submission:
    action = "submission.update"
    changed = following(submission, action)
    event = changed.events[-1]
    actions: list[Action] = [
        Submission.revision.set(changed.revision),
        Submission.events.set(Submission.events.append([event])),
        Submission.kinds.set(changed.kinds),
    ]
    if review.said:
        changed.updated_at = event
        actions.append(Submission.updated_at.set(event))
        changed.review_state = review.state
        state = Submission.review_state
        actions.append(state.remove() if review.state is None else state.set(review.state))
    with Transaction() as tx:
        tx.update(
            changed,
            actions,
            Submission.revision == submission.revision,
            otherwise=Changed(),
        )
        details = {"reviewState": review.state} if review.said else {}
        tell(tx, action, form, changed, by=by, before=submission, more=details)
    return changed
