"""Giving a form that is there the key of its project: a new version of it, and a new draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sheaf import clock
from sheaf.db import reads
from sheaf.db.transaction import Author, Transaction
from sheaf.forms import definitions, encryption, forms, publication
from sheaf.forms.definitions import Definition, DefinitionSource
from sheaf.forms.forms import Form
from sheaf.problems import Busy, Problem, found

if TYPE_CHECKING:
    from sheaf.encryption.keyring import Key

# How often a form is looked at anew because others keep changing it.
TRIES = 25


class Changed(Problem):
    """Somebody else changed the form first. Never reaches a client."""

    code = 503.1
    message = "The form has changed meanwhile."


def convert(form: Form, key: Key, suffix: str, *, by: Author) -> None:
    """Encrypt a form's published version and its draft, where they have no key; else do nothing.

    What was sent to the draft until now is out of reach afterwards.

    Raises:
        Busy: others kept changing the form.
    """
    current: Form | None = form
    for attempt in range(TRIES):
        if current is None or not (_published_openly(current) or _drafted_openly(current)):
            return
        try:
            _convert(current, key, suffix, by=by)
        except Changed:
            clock.wait(min(0.2, 0.01 * 2**attempt))
            current = reads.get(Form.ref((form.pk, form.sk)))
        else:
            return
    raise Busy


def _published_openly(form: Form) -> bool:
    return form.version is not None and form.key_id is None


def _drafted_openly(form: Form) -> bool:
    return form.draft is not None and form.draft.key_id is None


def _convert(form: Form, key: Key, suffix: str, *, by: Author) -> None:
    changed = Form()
    changed.deserialize(form.serialize())
    changed.updated_at = clock.micros()
    with Transaction() as tx:
        tx.put(changed, forms.unchanged(form), otherwise=Changed())
        if _published_openly(form):
            _publish(tx, form, changed, key, suffix, by=by)
        if _drafted_openly(form):
            _redraft(tx, form, changed, key, suffix, by=by)


def _publish(
    tx: Transaction, form: Form, changed: Form, key: Key, suffix: str, *, by: Author
) -> None:
    """Let a transaction publish a form's current version anew, with a key."""
    old = definitions.get(form.id, found(form.version))
    definition, source = _encrypted(form, old, key, suffix, publish=True)
    publication.show(changed, definition)
    publication.take_version(tx, form, definition.version)
    tx.create(definition)
    tx.create(source)
    publication.tell_published(tx, changed, old.id, by=by)


def _redraft(
    tx: Transaction, form: Form, changed: Form, key: Key, suffix: str, *, by: Author
) -> None:
    """Let a transaction put an encrypted draft, under the same token, in the place of a draft."""
    draft = found(form.draft)
    old = found(reads.get(forms.working_ref(form)))
    definition, source = _encrypted(form, old, key, suffix, publish=False)
    changed.working = publication.working(definition, draft.token)
    tx.create(definition)
    tx.create(source)
    tx.audit(
        "form.update.draft.set",
        by=by,
        on=form.actee_id,
        details={"oldDraftDefId": draft.id, "newDraftDefId": definition.id},
    )


def _encrypted(
    form: Form, old: Definition, key: Key, suffix: str, *, publish: bool
) -> tuple[Definition, DefinitionSource]:
    """Make of a definition one with a key."""
    from sheaf.forms import xform  # reads forms with lxml, which few requests need
    from sheaf.forms.upload import Upload

    xml = definitions.xml(form.id, old.sha256)
    upload = encryption.with_key(Upload(xml, xform.read(xml), None, ""), key, suffix)
    made, source = definitions.make(form.id, upload, upload.definition.version, publish=publish)
    made.spreadsheet = old.spreadsheet
    return made, source
