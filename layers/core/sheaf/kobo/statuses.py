"""Validation statuses: Central's review states, by KoBoToolbox's names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from sheaf import clock
from sheaf.access.actors import Actor
from sheaf.access.auth import Auth
from sheaf.data.record import Stored
from sheaf.db import keys, reads
from sheaf.db.audit import Audit
from sheaf.forms.forms import Form
from sheaf.hooks import flat
from sheaf.kobo import query
from sheaf.kobo.records import Records
from sheaf.problems import KoboRefused, NotFound
from sheaf.submissions import location, reviews
from sheaf.submissions.records import LIVE, Submission
from sheaf.submissions.reviews import Review

# How many submissions one request may change.
MOST = 500
# How many submissions a query may look at.
MOST_READ = 2_000
OF_ONE, OF_MANY = "validation_status", "validation_statuses"
CLEARED = Review(said=True, state=None)
_SIDE_BY_SIDE = 8
_STATES = {uid: state for state, (uid, _) in flat.STATUSES.items()}
_UID = "validation_status.uid"
_T = TypeVar("_T")


def find(form: Form, data_id: str) -> Submission:
    """Find a submission by its `_id`, or by its instanceId with or without `uuid:`.

    Raises:
        NotFound: there is none, or an `_id` names two: they came in the same microsecond.
    """
    found = _by_number(form, data_id) if data_id.isascii() and data_id.isdigit() else []
    if not found:
        found = _by_instance_id(form, data_id)
    if len(found) != 1:
        raise NotFound
    return found[0]


def get(submission: Submission) -> dict[str, Any]:
    """Give the validation status of a submission, {} when it has none."""
    if submission.review_state not in flat.STATUSES:
        return {}
    who = _reviewer(submission)
    return flat.validation_status(submission.review_state, submission.updated_at, who)


def read(body: Mapping[str, Any]) -> Review:
    """Read the status that a client wants to set.

    Raises:
        KoboRefused: there is none such.
    """
    uid = body.get(_UID)
    if not isinstance(uid, str) or uid not in _STATES:
        raise KoboRefused(detail=f"Invalid validation status: `{uid}`")
    return Review(said=True, state=_STATES[uid])


def put(form: Form, submission: Submission, review: Review, *, by: Auth) -> dict[str, Any]:
    """Set the validation status of a submission, and give it; without a state it has none."""
    reviews.give(form, submission, review, by=by)
    who = None if by.actor is None else by.actor.display_name
    return flat.validation_status(review.state, clock.micros(), who)


def put_all(form: Form, payload: Mapping[str, Any], review: Review, *, by: Auth) -> dict[str, Any]:
    """Set the validation status of those submissions that a payload names: all, or none.

    Raises:
        KoboRefused: it names none, too many, or one that is not there.
    """
    chosen = _few(_chosen(form, payload))

    def change(submission: Submission) -> bool:
        try:
            reviews.give(form, submission, review, by=by)
        except NotFound:
            return False  # deleted meanwhile
        return True

    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
        changed = sum(pool.map(change, chosen))
    return {"detail": f"{changed} submissions have been updated"}


def payload(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the `payload` of a request about many submissions.

    Raises:
        KoboRefused: there is none.
    """
    said = body.get("payload")
    if not isinstance(said, dict):
        raise KoboRefused(payload=["This field is required."])
    return said


def _chosen(form: Form, said: Mapping[str, Any]) -> list[Submission]:
    if said.get("confirm") is True:
        return list(islice(_live(form), MOST + 1))
    if "query" in said:
        return _fitting(form, query.read(said["query"]))
    ids = said.get("submission_ids")
    if not isinstance(ids, list) or not ids:
        raise KoboRefused(payload=["`submission_ids`, `query` or `confirm` is required."])
    return _all_of(form, list(dict.fromkeys(map(str, ids))))


def _few(chosen: list[_T]) -> list[_T]:
    if len(chosen) > MOST:
        raise KoboRefused(detail=f"At most {MOST} submissions can be changed at a time.")
    return chosen


def _fitting(form: Form, wanted: Mapping[str, Any]) -> list[Submission]:
    looked_at = list(islice(_live(form), MOST_READ + 1))
    if len(looked_at) > MOST_READ:
        detail = f"A query can look at {MOST_READ} submissions, and the form has more. Name them."
        raise KoboRefused(detail=detail)
    records = Records(form, "").of(map(Stored.of, looked_at))
    return [
        each for each, record in zip(looked_at, records, strict=True) if query.fits(wanted, record)
    ]


def _live(form: Form, start: str = "") -> Iterator[Submission]:
    """Give the submissions of a form whose ids begin with some text, shard by shard."""
    for shard in range(form.shards):
        yield from Submission.query(
            keys.submissions(form.id, LIVE, f"{shard:02x}"),
            Submission.sk.startswith(start) if start else None,
            consistent_read=True,
        )


def _all_of(form: Form, ids: list[str]) -> list[Submission]:
    _few(ids)

    def one(data_id: str) -> Submission | None:
        try:
            return find(form, data_id)
        except NotFound:
            return None

    with ThreadPoolExecutor(max_workers=_SIDE_BY_SIDE) as pool:
        found = list(pool.map(one, ids))
    there = [submission for submission in found if submission is not None]
    if len(there) < len(ids):
        raise KoboRefused(detail="One or more submission ids are invalid")
    return there


def _by_number(form: Form, text: str) -> list[Submission]:
    """Ask each shard for submissions of that microsecond."""
    return [] if len(text) > 16 else list(_live(form, f"{int(text):016d}"))


def _by_instance_id(form: Form, text: str) -> list[Submission]:
    base = {"projectId": str(form.project_id), "xmlFormId": form.xml_form_id}
    for instance_id in (text, f"uuid:{text}"):
        (found,) = reads.gather(location.lookup({**base, "instanceId": instance_id}))
        _, submission = found
        if submission is not None:
            return [submission]
    return []


def _reviewer(submission: Submission) -> str | None:
    """Tell who reviewed a submission last: the audit log knows."""
    reviewed = keys.kind("submission.update")
    rows = [
        key
        for kind, key in zip(submission.kinds, submission.audits, strict=True)
        if kind == reviewed
    ]
    for row in reversed(reads.fetch([Audit.ref(key) for key in rows[-20:]])):
        if row is not None and "reviewState" in (row.details or {}):
            return _name_of(row.actor_id)
    return None


def _name_of(actor_id: int | None) -> str | None:
    actor = None if actor_id is None else reads.get(Actor.ref(keys.actor(actor_id)))
    return None if actor is None else actor.display_name
