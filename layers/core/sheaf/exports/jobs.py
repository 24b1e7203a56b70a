"""Exports, feeds and maps that outlive their request: jobs, which whoever asked can ask for.

A job is an item of the table. Workers are woken by messages; whoever is woken takes a lease, and
writes nothing once that may have run out, so that of two one does the work. How far it has come is
in the item, and what was made so far in the bucket.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import BinaryAttribute, JSONAttribute, UnicodeAttribute

from sheaf import aws, clock, sealing, settings
from sheaf.db import keys
from sheaf.db.conditional import held
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.reads import Lookup
from sheaf.exports.options import Options
from sheaf.exports.plan import Plan
from sheaf.forms import forms
from sheaf.forms.forms import Form

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
# In seconds: how long a lease holds; how much of it must be left to write anything, which is longer
# than any call to AWS takes with all its tries; how soon it is renewed.
LEASE = 120
_SPARE = 75
_RENEW = 30
# How often a job may be taken up without getting any further.
TRIES = 5
# Seconds that a job and its result are kept. The bucket's own rule removes the files.
KEPT = 24 * 60 * 60
_SECOND = 1_000_000
PREFIX = "exports/"


class LostError(Exception):
    """The lease has run out, or somebody else has it."""


class Job(Item):
    """An export, or an answer of a feed, that outlives its request (key: `X#<export>`, `X`).

    `version` and `draft_id` pin the form's fields as they were at the start. `progress` is what it
    takes to go on: see `workpiece`. `sealed` holds the passphrases until the job ends. An answer of
    a feed has no options; what was asked is in `feed`: see `odata.outgrown`.
    """

    project_id = IntegerAttribute(attr_name="p")
    xml_form_id = UnicodeAttribute(attr_name="f")
    form_id = IntegerAttribute(attr_name="i")
    version = UnicodeAttribute(attr_name="v", null=True)
    draft_id = IntegerAttribute(attr_name="d", null=True)
    options: JSONAttribute = JSONAttribute(attr_name="o", null=True)
    feed: JSONAttribute = JSONAttribute(attr_name="q", null=True)
    sealed = BinaryAttribute(attr_name="x", null=True, legacy_encoding=False)
    state = UnicodeAttribute(attr_name="st", default=WAITING)
    progress: JSONAttribute = JSONAttribute(attr_name="pr", null=True)
    rows = IntegerAttribute(attr_name="n", default=0)
    expected = IntegerAttribute(attr_name="e", null=True)
    reason = UnicodeAttribute(attr_name="r", null=True)
    tries = IntegerAttribute(attr_name="t", default=0)
    owner = UnicodeAttribute(attr_name="w", null=True)
    lease = IntegerAttribute(attr_name="l", null=True)
    created_at = IntegerAttribute(attr_name="c")
    ttl = IntegerAttribute()

    @property
    def id(self) -> str:
        """The export's id: whoever is to have it must know this, and may read the form's data."""
        return keys.export_id(self.pk)

    @property
    def prefix(self) -> str:
        """Where its files lie."""
        return f"{PREFIX}{self.id}/"

    @property
    def result(self) -> str:
        """The key of the file that it makes."""
        return f"{self.prefix}result"

    @property
    def passphrases(self) -> dict[int, str]:
        """The passphrases that were given."""
        if self.sealed is None:
            return {}
        return {int(key): value for key, value in sealing.unseal(self.id, self.sealed).items()}

    @property
    def chosen(self) -> Options:
        """The client's options."""
        return Options(**self.options)

    def belongs(self, form: Form, *, draft: bool) -> bool:
        """Whether it is about this form, or about the draft that it has now."""
        working = form.draft.id if draft and form.draft else None
        return bool(self.form_id == form.id and self.draft_id == working)

    def to_api(self) -> dict[str, Any]:
        """Tell how far it has come."""
        return {
            "id": self.id,
            "state": self.state,
            "rows": self.rows,
            "expected": self.expected,
            "createdAt": clock.iso(self.created_at),
            "reason": self.reason,
        }


def lookup(path: Mapping[str, str], *, draft: bool) -> Lookup[tuple[Form, Job | None]]:
    """Find a form, and the job of `{exportId}` if it is about that form.

    Raises:
        NotFound: no such form, or it has no draft.
    """
    project, form, job = yield (*forms.refs(path), Job.ref(keys.export(path["exportId"])))
    form = forms.live(project, form, draft=draft)
    return form, job if job is not None and job.belongs(form, draft=draft) else None


def start(plan: Plan, passphrases: Mapping[int, str]) -> Job:
    """Begin a job that makes an export."""
    job = _new(plan.form, draft=plan.draft)
    job.options = plan.options.to_json()
    if passphrases:
        given = {str(key): value for key, value in passphrases.items()}
        job.sealed = sealing.seal(job.id, given)
    return _begun(job)


def start_feed(form: Form, asked: dict[str, Any], *, draft: bool) -> Job:
    """Begin a job that writes an answer of a feed."""
    job = _new(form, draft=draft)
    job.feed = asked
    return _begun(job)


def _new(form: Form, *, draft: bool) -> Job:
    now = clock.micros()
    return Job(
        *keys.export(clock.uuid()),
        project_id=form.project_id,
        xml_form_id=form.xml_form_id,
        form_id=form.id,
        version=form.version,
        draft_id=form.draft.id if draft and form.draft else None,
        created_at=now,
        ttl=now // _SECOND + KEPT,
    )


def _begun(job: Job) -> Job:
    job.save()
    wake(job.id)
    return job


def wake(export_id: str, seconds: int = 0) -> None:
    """Wake a worker, in so many seconds."""
    aws.client("sqs").send_message(
        QueueUrl=settings.EXPORT_QUEUE_URL,
        MessageBody=json.dumps({"exportId": export_id}),
        DelaySeconds=seconds,
    )


class Lease:
    """The right to work on a job, which is renewed while one does."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._until = int(job.lease or 0)

    @classmethod
    def take(cls, job: Job) -> Lease | None:
        """Take a job that nobody works on; None if there is nothing to do here."""
        now = clock.micros()
        free = Job.lease.does_not_exist() | (Job.lease < now)
        actions: list[Action] = [
            Job.state.set(RUNNING),
            Job.owner.set(clock.letters(8)),
            Job.lease.set(now + LEASE * _SECOND),
            Job.tries.set(Job.tries + 1),
        ]
        condition = Job.state.is_in(WAITING, RUNNING) & free
        if not held(partial(job.update, actions, condition=condition)):
            return None
        return cls(job)

    def ensure(self) -> None:
        """See that there is enough of it left to write something.

        Raises:
            LostError: there is not.
        """
        left = self._until - clock.micros()
        if left < (LEASE - _RENEW) * _SECOND:
            self.save([])
        if self._until - clock.micros() < _SPARE * _SECOND:
            raise LostError

    def save(self, actions: list[Any]) -> None:
        """Change the job, and renew the lease.

        Raises:
            LostError: somebody else has it.
        """
        until = clock.micros() + LEASE * _SECOND
        mine = Job.owner == self._job.owner
        renewed = [*actions, Job.lease.set(until)]
        if not held(partial(self._job.update, renewed, condition=mine)):
            raise LostError
        self._until = until

    def end(self, actions: list[Any]) -> None:
        """Change the job, and leave it to others.

        Raises:
            LostError: somebody else has it.
        """
        mine = Job.owner == self._job.owner
        given_up = [*actions, Job.lease.remove(), Job.owner.remove()]
        if not held(partial(self._job.update, given_up, condition=mine)):
            raise LostError
