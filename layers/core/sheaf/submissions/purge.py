"""Purge: what lay in the trash for long enough goes for good.

A submission is marked first, so that it cannot be restored half gone; then everything that hangs on
it goes, and last the submission itself, in one transaction with the count of this run. A run that
is cut off leaves its mark and its count: the next one goes on where it stopped. What happened stays
in the audit log, but for the notes, which are the clients' words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from sheaf import blobs, clock
from sheaf.access.auth import SYSTEM
from sheaf.db import keys, reads
from sheaf.db.audit import Audit
from sheaf.db.conditional import held
from sheaf.db.items import DueIndex, IntegerAttribute, Item
from sheaf.db.transaction import Transaction
from sheaf.problems import Busy, NotFound
from sheaf.submissions import echoes
from sheaf.submissions.records import Claim, Submission, SubmissionVersion

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

DAY = 24 * 60 * 60 * 1_000_000
# Submissions of which what hangs on them is removed side by side, and how many are read for that.
AT_ONCE = 8
AHEAD = 64
# Of which project, under which xmlFormId, and which of the forms that have borne it.
Home = list[Any]


class PurgeRun(Item):
    """A run that is under way (key: `PURGE`, `RUN`): how many submissions it has removed."""

    removed = IntegerAttribute(attr_name="n")


def run(retention_days: float) -> int:
    """Remove the submissions that were deleted so many days ago or earlier.

    One audit row tells of the run, if it removed anything; what drafts and forms took with them
    (`clearing`), and what an earlier run had removed when it was cut off, counts with it.

    Returns:
        How many submissions that row tells of.
    """
    remove_all(due(clock.micros() - int(retention_days * DAY)))
    return _close()


def due(before: int) -> Iterator[Submission]:
    """Find what was deleted before a moment (micros), oldest first."""
    bound = f"{before:016d}"
    for found in Item.due_index.query(keys.DUE_PURGE, DueIndex.due_at < bound):
        submission = reads.get(Submission.ref((found.pk, found.sk)))
        # The index follows the table a moment later: what was restored meanwhile is gone from
        # here, and what was deleted again has another time. Believe the item alone.
        if submission is not None and str(submission.due_at) < bound:
            yield submission


def remove_all(submissions: Iterable[Submission], home: Home | None = None) -> bool:
    """Remove submissions; give whether all are gone: those that are just being changed stay.

    Args:
        submissions: as they were read.
        home: where their claims lie, for such as are not in the trash and so do not say.
    """
    left, gone = iter(submissions), True
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while some := list(islice(left, AHEAD)):
            stripped = pool.map(partial(_strip, home=home), some)
            for submission, bare in zip(some, stripped, strict=True):
                gone &= bare
                if bare:
                    _drop(submission)
    return gone


def _strip(submission: Submission, home: Home | None) -> bool:
    """Remove what hangs on a submission, unless it has been restored or changed meanwhile.

    Each step does no harm done again.
    """
    if not (submission.purging or _mark(submission, home)):
        return False
    _blank_notes(submission)
    blobs.remove_all(blobs.submission_prefix(submission.id))
    for item in Item.query(keys.collection(submission.id), consistent_read=True):
        if item.sk.startswith(keys.VERSION):
            # The claim first: without its version nothing would lead to it any more.
            _free(submission, reads.get(SubmissionVersion.ref((item.pk, item.sk))))
        elif item.sk.startswith(keys.COMMENT):
            # The audit log never had the row that told of it.
            told = item.sk.removeprefix(keys.COMMENT)
            Audit(*keys.audit(keys.kind("comment.create", hidden=True), told)).delete()
        elif item.sk.startswith(keys.BODY):
            echoes.forget(item.sk)
        item.delete()
    _free(submission, submission)
    return True


def _mark(submission: Submission, home: Home | None) -> bool:
    """Mark a submission as going, unless it has been restored or changed meanwhile."""
    actions: list[Action] = [Submission.purging.set(True)]
    if home is not None:
        actions.append(Submission.home.set(home))
    unchanged = Submission.revision == submission.revision
    return held(lambda: submission.update(actions=actions, condition=unchanged))


def _drop(submission: Submission) -> None:
    """Remove the bare submission and count it; one after the other, as all share the count."""
    run = PurgeRun(*keys.PURGE_RUN)
    # Another run may have done the same, and counted it.
    with suppress(NotFound), Transaction() as tx:
        tx.delete(submission, Submission.purging.exists(), otherwise=NotFound())
        tx.change(run, [PurgeRun.removed.set((PurgeRun.removed | 0) + 1)])
        _tell_gone(tx, submission)


def _tell_gone(tx: Transaction, submission: Submission) -> None:
    """Let a transaction tell of one submission, by its ids: an event of hooks alone.

    Central's audit log has one row for a whole run; nobody is told of drafts.
    """
    if submission.draft:
        return
    form_id, _ = keys.home(submission.pk)
    project_id, xml_form_id, _ = submission.home
    tx.audit(
        "submission.purge",
        by=SYSTEM,
        event_id=keys.event_of(submission.id, clock.micros()),
        details={"submissionId": submission.number, "instanceId": submission.root_id},
        event={
            "projectId": project_id,
            "formId": form_id,
            "xmlFormId": xml_form_id,
            "formVersion": submission.form_version,
            "draft": False,
            "submissionId": submission.id,
            "instanceId": submission.root_id,
            "currentInstanceId": submission.instance_id,
            "version": submission.edits,
            "sequence": submission.revision + 1,
        },
        hidden=True,
    )


def _free(submission: Submission, version: SubmissionVersion | None) -> None:
    """Free the instanceId of a version, unless a later submission has taken it already."""
    if version is None:
        return
    project_id, xml_form_id, use = submission.home
    claim = Claim(*keys.claim(project_id, xml_form_id, use, submission.world, version.instance_id))
    held(lambda: claim.delete(condition=Claim.submission_id == submission.id))


def _blank_notes(submission: Submission) -> None:
    for key in submission.audits:
        row = Audit(*key)
        held(partial(row.update, [Audit.notes.set("")], condition=Audit.pk.exists()))


def _close() -> int:
    """Tell of the run, and begin the count anew; 0 when nothing is left to tell of."""
    run = reads.get(PurgeRun.ref(keys.PURGE_RUN))
    if run is None:
        return 0
    with Transaction() as tx:
        tx.delete(run, PurgeRun.removed == run.removed, otherwise=Busy())
        tx.audit("submission.purge", by=SYSTEM, details={"submissions_deleted": run.removed})
    return int(run.removed)
