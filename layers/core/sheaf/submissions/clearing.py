"""Clearing: what drafts and deleted forms leave behind goes for good, with all its submissions.

As with single submissions (`purge`) each step does no harm done again, and what leads to the rest
goes last, so a run that is cut off is finished by the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sheaf import blobs, clock
from sheaf.access import actees, assignments, bearers
from sheaf.access.auth import SYSTEM
from sheaf.db import keys, reads
from sheaf.db.audit import Audit
from sheaf.db.conditional import held
from sheaf.db.items import DueIndex, Item
from sheaf.db.transaction import Transaction
from sheaf.forms import definitions, publication
from sheaf.forms.definitions import Definition, DefinitionSource
from sheaf.forms.drafts import AbandonedDraft
from sheaf.forms.forms import Form
from sheaf.problems import NotFound
from sheaf.submissions import purge
from sheaf.submissions.purge import DAY, Home
from sheaf.submissions.records import LIVE, TRASH, Submission

if TYPE_CHECKING:
    from pynamodb.expressions.condition import Condition

# A request that found a draft or a form may still store a submission a moment after that was
# deleted: no request takes longer than this (microseconds), and no remains are given up before.
LONGEST_REQUEST = 60 * 1_000_000

_I = TypeVar("_I", AbandonedDraft, Form)


def run(retention_days: float) -> None:
    """Remove what was abandoned, and forms that were deleted, so many days ago or earlier.

    Drafts come first: those of a deleted form were abandoned before it was deleted.
    """
    before = clock.micros() - int(retention_days * DAY)
    for draft in _due(AbandonedDraft, keys.DUE_DRAFT, before):
        _clear_draft(draft)
    for form in _due(Form, keys.DUE_FORM, before):
        _clear_form(form)


def _due(kind: type[_I], due: str, before: int) -> Iterator[_I]:
    """Find what was due before a moment (micros), oldest first, as it is now."""
    bound = f"{before:016d}"
    for found in Item.due_index.query(due, DueIndex.due_at < bound):
        item = reads.get(kind.ref((found.pk, found.sk)))
        if item is not None and item.due_at is not None and item.due_at < bound:
            yield item


def _clear_draft(draft: AbandonedDraft) -> None:
    partition = keys.draft_partition(draft.draft_id)
    if _empty(draft.form_id, partition, draft.shards, draft.home) and _settled(draft.due_at):
        _drop_definition(draft)
        draft.delete()


def _settled(due_at: str) -> bool:
    """Whether no request can be under way that began before a moment."""
    return int(due_at) < clock.micros() - LONGEST_REQUEST


def _empty(form_id: int, partition: str, shards: int, home: Home) -> bool:
    """Remove the submissions of a partition; give whether none is left."""
    gone = True
    for shard in range(shards):
        place = keys.submissions(form_id, partition, f"{shard:02x}")
        gone &= purge.remove_all(Submission.query(place, consistent_read=True), home)
        _drop(keys.key_uses(form_id, partition, f"{shard:02x}"))
    return gone


def _drop(place: str, condition: Condition | None = None) -> None:
    """Remove the items of a partition."""
    for item in Item.query(place, condition, consistent_read=True):
        item.delete()


def _drop_definition(draft: AbandonedDraft) -> None:
    """Remove an abandoned draft's definition, and of its files what no other refers to."""
    key = keys.working_definition(draft.form_id, draft.draft_id)
    source_key = keys.definition_source(draft.form_id, draft.sha256)
    mine, source = reads.fetch([Definition.ref(key), DefinitionSource.ref(source_key)])
    others = [each for each in definitions.every(draft.form_id) if (each.pk, each.sk) != key]
    # Whoever brings the same XML again stores it again, under a number of his own.
    last = source is not None and source.definition_id == draft.draft_id
    if last and draft.sha256 not in {each.sha256 for each in others}:
        _drop_source(source)
    if mine is not None:
        if mine.sheet is not None and mine.sheet not in {each.sheet for each in others}:
            blobs.remove_all(mine.sheet.key)
        mine.delete()


def _drop_source(source: DefinitionSource) -> None:
    if source.blob_key is not None:
        blobs.remove_all(source.blob_key)
    last = DefinitionSource.definition_id == source.definition_id
    held(partial(source.delete, condition=last))


def _clear_form(form: Form) -> None:
    """Remove a deleted form with all that it has, unless somebody restores it first."""
    as_found = Form.due_at == form.due_at
    if not (form.purging or held(partial(form.update, [Form.purging.set(True)], as_found))):
        return
    partitions = [LIVE, TRASH]
    if form.draft is not None:
        partitions.append(keys.draft_partition(form.draft.id))
    home = [form.project_id, form.xml_form_id, form.use]
    emptied = [_empty(form.id, each, form.shards, home) for each in partitions]
    if all(emptied) and _settled(str(form.due_at)):
        _remove_form(form)


def _remove_form(form: Form) -> None:
    _blank_notes(form)
    for link in bearers.of(form):
        with suppress(NotFound):
            bearers.delete(link, form, by=SYSTEM)
    assignments.remove_all(form.actee_id)
    for hook in Item.query(keys.hooks(form.project_id), _of_form(form), consistent_read=True):
        Item(*keys.gate(keys.hook_id(hook.sk))).delete()
        hook.delete()
    _drop(keys.submitters(form.id))
    blobs.remove_all(blobs.form_prefix(form.id))
    publication.withdraw(form)
    with suppress(NotFound), Transaction() as tx:
        tx.delete(form, Form.purging.exists(), otherwise=NotFound())
        publication.forget(tx, form)
        actees.purge(tx, form.actee_id, form.shown.name, _kept(form))
        tx.audit("form.purge", by=SYSTEM, on=form.actee_id)


def _kept(form: Form) -> dict[str, Any]:
    """Give what Central keeps of a form for the audit log."""
    return {
        "projectId": form.project_id,
        "formId": form.id,
        "xmlFormId": form.xml_form_id,
        "deletedAt": clock.iso(form.deleted_at),
        "version": form.shown.version,
    }


def _of_form(form: Form) -> Condition:
    return Item.sk.startswith(keys.hook_scope(form.id))


def _blank_notes(form: Form) -> None:
    """Blank the notes of what was done to a form, and to files; submissions took theirs along."""
    since = Audit.sk >= f"{form.created_at:016d}"
    noted = (Audit.actee_id == form.actee_id) & (Audit.notes > "")
    for action in ("form.update", "submission.attachment.update"):
        for feed in keys.feeds(keys.kind(action)):
            for row in Audit.query(feed, since, filter_condition=noted, consistent_read=True):
                row.update([Audit.notes.set("")])
