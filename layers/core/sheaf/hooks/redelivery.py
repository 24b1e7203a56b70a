"""The work of a job, in portions: deliveries that are missing are made, others sent again.

What is made or sent again waits behind the hook's gate, which lets as much through as the receiver
can take; so a job of thousands delays nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from sheaf.db import keys, reads
from sheaf.hooks import backlog, body, deliveries, gates, jobs, leases, line, match
from sheaf.hooks.jobs import HookJob
from sheaf.hooks.records import Hook
from sheaf.hooks.replay import Asked, Step, Walk

# Steps that are done side by side, and between two notes of how far one has come.
_SIDE_BY_SIDE, _PORTION = 8, 64
_EAGER = 5_000_000
CREATED, RESENT, SKIPPED = "created", "resent", "skipped"


def run(hook_id: str, job_id: str) -> None:
    """Do a job, or what is left of it. Nothing happens if it is done, or somebody is at it."""
    job = reads.get(HookJob.ref(keys.job(hook_id, job_id)))
    if job is None or not jobs.take(job):
        return
    hook = reads.get(Hook.ref(keys.hook(job.project_id, job.form_id, hook_id)))
    if hook is None or _work(Worker(job, hook, Asked.of(job))):
        jobs.finish(job)


@dataclass(frozen=True, slots=True)
class Worker:
    """Who does a job for a hook."""

    job: HookJob
    hook: Hook
    asked: Asked

    def portions(self) -> Iterator[list[Step]]:
        """Give what is left to do, a portion at a time."""
        walk = iter(Walk(self.hook, self.asked, self.job.place, self.job.sk))
        while portion := list(islice(walk, _PORTION)):
            yield portion

    def do(self, step: Step) -> str:
        """Do one step; give what it came to. Done again, it comes to the same."""
        if step.delivery is None:
            return self._make(step)
        if step.event is not None and self.asked.pattern is not None and not self._fits(step):
            return SKIPPED
        if step.delivery.job == self.job.sk:
            return CREATED if step.delivery.created_at > self.job.created_at else RESENT
        if self.asked.dry or leases.renew(step.delivery, job=self.job.sk):
            return RESENT
        return SKIPPED

    def _make(self, step: Step) -> str:
        event = step.event
        assert event is not None  # noqa: S101 - what has no event has a delivery
        then = match.subject(event)
        if match.is_gone(event, then):
            return SKIPPED
        wanted = self.asked.pattern
        text = body.render(self.hook, event, then, wanted=wanted, replay=True)
        if text is None:
            return SKIPPED
        if not self.asked.dry:
            after = line.join(self.hook, event)
            made = deliveries.create(self.hook, event, text, job=self.job.sk, after=after)
            match.take_back(event, [made])
        return CREATED

    def _fits(self, step: Step) -> bool:
        event = step.event
        assert event is not None  # noqa: S101
        then = match.subject(event)
        wanted = self.asked.pattern
        return body.render(self.hook, event, then, wanted=wanted, replay=True) is not None


def _work(worker: Worker) -> bool:
    """Go through what is left; give whether that was all of it, and nobody else took it up."""
    job, counts = worker.job, Counter(worker.job.counts)
    # Where order matters, the deliveries of a submission are made one after the other.
    with ThreadPoolExecutor(max_workers=1 if worker.hook.in_order else _SIDE_BY_SIDE) as pool:
        for portion in worker.portions():
            counts.update(pool.map(worker.do, portion))
            if not worker.asked.dry:
                # Not before: a look in between would move the cursor past what is settled yet. Who
                # takes the job up after a crash here comes to the same portion.
                gate = gates.of(worker.hook.id)
                backlog.cover(gate, portion[0].key)
                gates.park(gate)
            if not jobs.keep(job, portion[-1].key, counts):
                return False
            if not worker.asked.dry:
                backlog.pump(gates.of(worker.hook.id), patience=_EAGER)
    if not worker.asked.dry:
        backlog.pump(gates.of(worker.hook.id), patience=0)
    counts["matched"] = counts[CREATED] + counts[RESENT]
    return jobs.keep(job, job.place, counts)
