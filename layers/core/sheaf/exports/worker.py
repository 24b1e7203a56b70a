"""Working on the jobs of exports: from wherever the last worker came to, until time is up.

Every so often all that was made is kept, and then the job says how far it has come. A worker that
dies is noticed by the message that it sent to itself at the start: whoever gets that goes on from
there, once the lease has run out. Answers of feeds are written in one go, by one worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sheaf import clock
from sheaf.data import stored
from sheaf.db import keys, reads
from sheaf.exports import bucket, jobs
from sheaf.exports.bucket import Result, Spooled
from sheaf.exports.export import Export
from sheaf.exports.jobs import DONE, FAILED, LEASE, TRIES, Job, Lease, LostError
from sheaf.exports.plan import Pinned, Plan
from sheaf.exports.state import DIRECTORY, TAIL, State
from sheaf.forms.forms import Form
from sheaf.problems import NotFound, Problem
from sheaf.telemetry import logger

# A step may take this long, in seconds; the rest of a worker's time is for steps.
RESERVE = 120
# All is kept after so many micros, or when so many bytes are held.
EVERY = 15_000_000
HELD = 16 << 20

# Writes the answer that a job is about; calls the other for every submission that it looks at.
Feed = Callable[[Job, Callable[[], None]], Iterator[str]]


class EndlessError(Exception):
    """The answer takes longer than a worker has."""


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
        _fail(lease, "it takes longer than 15 minutes. Ask for less at a time.")
    except Problem as problem:
        _fail(lease, str(problem))
    except Exception:
        logger.exception("export failed", extra={"export": export_id})


def _work(job: Job, lease: Lease, remaining: Callable[[], float], feed: Feed) -> None:
    if job.tries > TRIES:
        _fail(lease, "it did not get any further after several tries.")
        return
    form = _form(job)
    if job.feed is not None:
        making: _Making | _Writing = _Writing(job, lease, feed)
    else:
        making = _Making(job, lease, _plan(job, form))
    if making.finished(remaining):
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
    """An export under way, with what is kept of it."""

    def __init__(self, job: Job, lease: Lease, plan: Plan) -> None:
        told = job.progress or {}
        self._job, self._lease, self._plan = job, lease, plan
        state = State(**told["state"]) if told else None
        self._spool = Spooled(job.prefix, told.get("chunks", {}), lease.ensure)
        held = b"".join(self._spool.read(TAIL))
        self._result = Result(job.result, lease.ensure, told.get("upload", ("", 0)), held)
        self._export = Export(plan, self._spool, state)
        self._kept_at = clock.micros()

    @property
    def rows(self) -> int:
        """How many submissions were read."""
        return self._export.state.rows

    def finished(self, remaining: Callable[[], float]) -> bool:
        """Work until the export is made (True), or time is up."""
        if self._completed():
            return True
        if self._job.expected is None:
            expected = stored.count(self._plan.selection.within())
            self._lease.save([Job.expected.set(expected)])
        for _ in self._export.steps(self._result.write):
            self._lease.ensure()
            over = remaining() < RESERVE
            if over or self._due():
                self._keep()
            if over:
                return False
        self._result.finish()
        return True

    def _completed(self) -> bool:
        """Whether an earlier worker came to the end, and could only not say so."""
        if self._result.standing():
            return False
        if self._result.written():
            return True
        self._export.state.place_anew()
        self._spool.drop(DIRECTORY)
        self._result = Result(self._job.result, self._lease.ensure)
        return False

    def _due(self) -> bool:
        return clock.micros() - self._kept_at > EVERY or self._spool.size > HELD

    def _keep(self) -> None:
        """Keep what was made."""
        self._export.cut()
        upload, tail = self._result.cut()
        self._spool.drop(TAIL)
        self._spool.add(TAIL, tail)
        state = self._export.state
        progress = {
            "chunks": self._spool.flush(),
            "state": state.to_json(),
            "upload": upload,
        }
        self._lease.save([Job.progress.set(progress), Job.rows.set(state.rows), Job.tries.set(0)])
        self._kept_at = clock.micros()


class _Writing:
    """An answer of a feed under way. Whoever follows a worker that dies begins anew."""

    rows = 0

    def __init__(self, job: Job, lease: Lease, feed: Feed) -> None:
        self._job, self._lease, self._feed = job, lease, feed

    def finished(self, remaining: Callable[[], float]) -> bool:
        """Write it.

        Raises:
            EndlessError: time is up.
        """

        def heed() -> None:
            self.rows += 1
            self._lease.ensure()
            if remaining() < RESERVE:
                raise EndlessError

        result = bucket.Result(self._job.result, self._lease.ensure)
        pieces = (piece.encode() for piece in self._feed(self._job, heed))
        bucket.fill(result, pieces, compressed=self._job.feed["compressed"])
        return True
