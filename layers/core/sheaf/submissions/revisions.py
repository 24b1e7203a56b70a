"""Changes of a submission, one revision after the other: of those at once, exactly one wins."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from sheaf import clock
from sheaf.db import keys, reads
from sheaf.problems import Busy, NotFound, Problem, TooManyChanges
from sheaf.submissions.records import Submission

_T = TypeVar("_T")

# How often a change is judged anew because others keep changing the same submission.
TRIES = 25
# An item holds 400 KB, and each change takes 12 bytes of it. Beside the largest XML and all slots
# there is room for so many; of smaller submissions it is measured, as a text larger than the item.
ROOM = 2_500
FULL = 380_000


class Changed(Problem):
    """Somebody else changed the submission first. Never reaches a client."""

    code = 503.1
    message = "The submission has changed meanwhile."


def insist(submission: Submission, change: Callable[[Submission], _T]) -> _T:
    """Make a change, judging it anew on the submission as it is when somebody was faster."""
    ref = Submission.ref((submission.pk, submission.sk))
    current: Submission | None = submission
    for attempt in range(TRIES):
        if current is None or current.purging:
            raise NotFound
        try:
            return change(current)
        except Changed:
            clock.wait(min(0.2, 0.01 * 2**attempt))
            current = reads.get(ref)
    raise Busy


def following(submission: Submission, action: str) -> Submission:
    """Copy a submission for its next revision, which knows of the audit row that tells of it.

    Raises:
        TooManyChanges: it knows of so many that all it can do is be deleted.
    """
    kept = submission.serialize()
    if action != "submission.delete" and len(submission.events) >= ROOM and _full(kept):
        raise TooManyChanges
    copy = Submission()
    copy.deserialize(kept)
    copy.revision = submission.revision + 1
    copy.events = [*submission.events, max(clock.micros(), submission.events[-1] + 1)]
    copy.kinds = submission.kinds + keys.kind(action)
    return copy


def _full(item: dict[str, Any]) -> bool:
    return len(json.dumps(item, default=str)) > FULL
