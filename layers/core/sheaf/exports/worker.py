"""Working on the jobs of exports: from wherever the last worker came to, until time is up.

Every so often all that was made is kept, and then the job says how far it has come. A worker that
dies is noticed by the message that it sent to itself at the start: whoever gets that goes on from
there, once the lease has run out.
"""

from __future__ import annotations

from collections.abc import Callable

from sheaf.data import stored
from sheaf.db import keys, reads
from sheaf.exports import jobs
from sheaf.exports.export import Export
from sheaf.exports.feeding import EndlessError, Feed, Feeding
from sheaf.exports.jobs import DONE, FAILED, LEASE, TRIES, Job, Lease, LostError
from sheaf.exports.plan import Pinned, Plan
from sheaf.exports.state import DIRECTORY, State
from sheaf.exports.workpiece import Workpiece
from sheaf.forms.forms import Form
from sheaf.problems import NotFound, Problem
from sheaf.telemetry import logger

# A step may take this long, in seconds; the rest of a worker's time is for steps.
RESERVE = 120


def run(export_id: str, remaining: Callable[[], float], feed: Feed) -> None:
    """Work on a job; `remaining` tells how many seconds there are."""
    job: Job | None = reads.get(Job.ref(keys.export(export_id)))
    if job is None or job.state in (DONE, FAILED):
        return
    lease = Lease.take(job)
    # Whoever has the lease may die: then this message is the next to try.
    jobs.wake(export_id, LEASE + 1)
    if lease is None:
        return
    try:
        _work(job, lease, remaining, feed)
    except LostError:
        logger.warning("export.lost", extra={"export": export_id})
    except EndlessError:
        _fail(lease, "15 minutes were not enough for any of it. Ask for less at a time.")
    except Problem as problem:
        _fail(lease, str(problem))
    except Exception:
        logger.exception("export failed", extra={"export": export_id})


def _work(job: Job, lease: Lease, remaining: Callable[[], float], feed: Feed) -> None:
    if job.tries > TRIES:
        _fail(lease, "it did not get any further after several tries.")
        return
    form = _form(job)

    def over() -> bool:
        return remaining() < RESERVE

    if job.feed is not None:
        making: _Making | Feeding = Feeding(job, lease, feed, over)
    else:
        making = _Making(job, lease, _plan(job, form), over)
    if making.finished():
        lease.end(
            [
                Job.state.set(DONE),
                Job.rows.set(making.rows),
                Job.progress.remove(),
                Job.sealed.remove(),
            ]
        )
    else:
        lease.end([])
        jobs.wake(job.id)


def _plan(job: Job, form: Form) -> Plan:
    return Plan.of(
        form,
        job.chosen,
        job.passphrases,
        draft=job.draft_id is not None,
        pinned=Pinned(job.version, job.created_at),
    )


def _fail(lease: Lease, reason: str) -> None:
    lease.end(
        [
            Job.state.set(FAILED),
            Job.reason.set(reason),
            Job.progress.remove(),
            Job.sealed.remove(),
        ]
    )


def _form(job: Job) -> Form:
    """Find the form that a job is about, or the draft of it.

    Raises:
        NotFound: it is there no more.
    """
    form: Form | None = reads.get(Form.ref(keys.form(job.project_id, job.xml_form_id)))
    if form is None or not job.belongs(form, draft=job.draft_id is not None):
        raise NotFound
    return form


class _Making:
    """An export under way."""

    def __init__(self, job: Job, lease: Lease, plan: Plan, over: Callable[[], bool]) -> None:
        self._job, self._lease, self._plan, self._over = job, lease, plan, over
        self._piece = Workpiece(job, lease)
        state = State(**self._piece.told) if self._piece.told else None
        self._export = Export(plan, self._piece.spool, state)

    @property
    def rows(self) -> int:
        """How many submissions were read."""
        return self._export.state.rows

    def finished(self) -> bool:
        """Work until the export is made (True), or time is up."""
        if self._piece.complete:
            return True
        if self._piece.lost:
            self._piece.begin_again()
            self._piece.spool.drop(DIRECTORY)
            self._export.state.place_anew()
        if self._job.expected is None:
            expected = stored.count(self._plan.selection.within())
            self._lease.save([Job.expected.set(expected)])
        for _ in self._export.steps(self._piece.result.write):
            self._lease.ensure()
            over = self._over()
            if over or self._piece.due:
                self._export.cut()
                self._piece.keep(self._export.state.to_json(), self.rows)
            if over:
                return False
        self._piece.result.finish()
        return True
