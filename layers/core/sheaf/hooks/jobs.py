"""Jobs: a replay, or a retry of many deliveries, done by a worker that may be cut off anywhere.

A job is written in one transaction with its audit row and with an event that hooks and logs do not
see; that event starts the worker, as every change starts what follows it. The worker goes through
what was asked for in the order of events, and keeps its place: who comes after a crash, Lambda's
own next try or the sweep's, goes on from there. A delivery names the job that made it or sent it
again, so what was done twice counts once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute

from sheaf import clock
from sheaf.access.auth import SYSTEM, Auth
from sheaf.db import keys, reads
from sheaf.db.conditional import held
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Transaction
from sheaf.problems import NotFound

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

    from sheaf.hooks.records import Hook

RETRY, REPLAY = "retry", "replay"
RUNNING, DONE = "running", "done"
# The event that starts the worker. template.yaml has a rule for it.
EVENT = "hook.job"
_PREFIX = "job_"
_SECOND = 1_000_000
# How long (micros) a worker may take from one place to the next, and when the sweep starts another.
LEASE = 60 * _SECOND
_OVERDUE = 5 * LEASE
KEPT_DAYS = 90
COUNTS = ("matched", "created", "resent", "skipped")


class HookJob(Item):
    """A replay, or a retry of many (key: `J#<hook>`, `<job>`). Times are microseconds.

    `asked` is the request as it was read (`sheaf.hooks.replay`), `place` the event up to which it
    is done, `counts` what that came to, by COUNTS. `due` and `due_at` let the sweep find it.
    """

    project_id = IntegerAttribute(attr_name="p")
    form_id = IntegerAttribute(attr_name="f")
    kind = UnicodeAttribute(attr_name="k")
    asked: JSONAttribute = JSONAttribute(attr_name="a")
    state = UnicodeAttribute(attr_name="s", default=RUNNING)
    counts: JSONAttribute = JSONAttribute(attr_name="n", default=dict)
    place = UnicodeAttribute(attr_name="c", default="")
    lease = IntegerAttribute(attr_name="l", null=True)
    due = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(attr_name="dueAt", null=True)
    created_by = IntegerAttribute(attr_name="by", null=True)
    created_at = IntegerAttribute(attr_name="t")
    finished_at = IntegerAttribute(attr_name="e", null=True)
    ttl = IntegerAttribute()

    @property
    def hook_id(self) -> str:
        """The hook's id."""
        return str(self.pk).removeprefix(keys.jobs(""))

    def to_api(self) -> dict[str, Any]:
        """Give the job as the API shows it."""
        # Which states a replay sends again, its mode tells.
        asked = {n: v for n, v in self.asked.items() if n != "states" or self.kind == RETRY}
        span = {name: clock.iso(asked[name]) for name in ("start", "end")}
        return {
            "jobId": self.sk,
            "hookId": self.hook_id,
            "type": self.kind,
            "state": self.state,
            **asked,
            **span,
            **{name: self.counts.get(name, 0) for name in COUNTS},
            "createdAt": clock.iso(self.created_at),
            "finishedAt": clock.iso(self.finished_at),
        }


def create(
    hook: Hook, kind: str, asked: Mapping[str, Any], matched: int | None, *, by: Auth
) -> HookJob:
    """Write down a job and let it start; `matched` is None where only the job can tell."""
    now = clock.micros()
    job = HookJob(
        *keys.job(hook.id, f"{_PREFIX}{now:016d}{clock.letters(4)}"),
        project_id=hook.project_id,
        form_id=hook.form_id,
        kind=kind,
        asked=dict(asked),
        counts={"matched": matched},
        created_by=by.actor_id,
        created_at=now,
        ttl=now // _SECOND + KEPT_DAYS * 86_400,
    )
    job.due, job.due_at = keys.due_hooks(job.sk), f"{now + _OVERDUE:016d}"
    with Transaction() as tx:
        tx.create(job)
        hook.tell(tx, f"hook.{kind}", {"jobId": job.sk, "matched": matched}, by=by)
        _start(tx, job)
    return job


def lookup(hook_id: str, job_id: str) -> Lookup[HookJob]:
    """Find a job of a hook.

    Raises:
        NotFound: there is none.
    """
    (job,) = yield (HookJob.ref(keys.job(hook_id, job_id)),)
    if job is None:
        raise NotFound
    found: HookJob = job
    return found


def restart(key: tuple[str, str]) -> None:
    """Start a worker for a job whose worker has not been heard of for too long."""
    job = reads.get(HookJob.ref(key))
    if job is None or job.due is None:
        return
    with Transaction() as tx:
        later: list[Action] = [HookJob.due_at.set(f"{clock.micros() + _OVERDUE:016d}")]
        tx.update(job, later, HookJob.due.exists(), otherwise=NotFound())
        _start(tx, job)


def take(job: HookJob) -> bool:
    """Take a job up, unless somebody is at it; give whether one has it now."""
    now = clock.micros()
    free = HookJob.lease.does_not_exist() | (HookJob.lease < now)
    taken: list[Action] = [HookJob.lease.set(now + LEASE)]
    return held(partial(job.update, taken, condition=(HookJob.state == RUNNING) & free))


def keep(job: HookJob, place: str, counts: Mapping[str, int]) -> bool:
    """Write down how far one has come; give whether the job is still one's own."""
    now = clock.micros()
    kept: list[Action] = [
        HookJob.place.set(place),
        HookJob.counts.set(dict(counts)),
        HookJob.lease.set(now + LEASE),
        HookJob.due_at.set(f"{now + _OVERDUE:016d}"),
    ]
    return held(partial(job.update, kept, condition=HookJob.lease == job.lease))


def finish(job: HookJob) -> None:
    """Write down that all is done."""
    gone = (HookJob.lease.remove(), HookJob.due.remove(), HookJob.due_at.remove())
    done: list[Action] = [HookJob.state.set(DONE), HookJob.finished_at.set(clock.micros()), *gone]
    held(partial(job.update, done, condition=HookJob.lease == job.lease))


def _start(tx: Transaction, job: HookJob) -> None:
    event = {"hookId": job.hook_id, "jobId": job.sk}
    tx.audit(EVENT, by=SYSTEM, event=event, hidden=True)
