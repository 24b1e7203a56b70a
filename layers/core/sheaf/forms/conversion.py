"""Giving a form that is there the key of its project: a new version of it, and a new draft."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sheaf import clock
from sheaf.db import reads
from sheaf.db.transaction import Author, Transaction
from sheaf.forms import definitions, drafts, encryption, forms, publication
from sheaf.forms.definitions import Definition, DefinitionSource
from sheaf.forms.forms import Changed, Form
from sheaf.problems import NotFound, found

if TYPE_CHECKING:
    from sheaf.encryption.keyring import Key


def convert(form: Form, key: Key, suffix: str, *, by: Author) -> None:
    """Encrypt a form's published version and its draft, where they have no key; else do nothing.

    What was sent to the draft until now is out of reach afterwards.

    Raises:
        Busy: others kept changing the form.
    """
    # One that has been deleted meanwhile stays as it is.
    with suppress(NotFound):
        forms.insist(form, lambda now: _convert(now, key, suffix, by=by))


def due(form: Form) -> bool:
    """Whether something of a form has no key."""
    return _published_openly(form) or _drafted_openly(form)


def _published_openly(form: Form) -> bool:
    return form.version is not None and form.key_id is None


def _drafted_openly(form: Form) -> bool:
    return form.draft is not None and form.draft.key_id is None


def _convert(form: Form, key: Key, suffix: str, *, by: Author) -> None:
    if not due(form):
        return
    changed = forms.copy(form)
    changed.updated_at = clock.micros()
    sources = []
    with Transaction() as tx:
        tx.put(changed, forms.unchanged(form), otherwise=Changed())
        if _published_openly(form):
            sources.append(_publish(tx, form, changed, key, suffix, by=by))
        if _drafted_openly(form):
            sources.append(_redraft(tx, form, changed, key, suffix, by=by))
        # A draft that is a copy has the same.
        for source in {source.sk: source for source in sources}.values():
            tx.put(source)


def _publish(
    tx: Transaction, form: Form, changed: Form, key: Key, suffix: str, *, by: Author
) -> DefinitionSource:
    """Let a transaction publish a form's current version anew, with a key; give its XML."""
    old = definitions.get(form.id, found(form.version))
    definition, source = _encrypted(form, old, key, suffix, publish=True)
    definition.published_by = by.actor_id
    publication.show(changed, definition)
    publication.take_version(tx, form, definition.version)
    tx.create(definition)
    publication.tell_published(tx, changed, old.id, by=by)
    return source


def _redraft(
    tx: Transaction, form: Form, changed: Form, key: Key, suffix: str, *, by: Author
) -> DefinitionSource:
    """Let a transaction put an encrypted draft in the place of a draft; give its XML."""
    draft = found(form.draft)
    old = reads.get(forms.working_ref(form))
    if old is None:
        raise Changed
    definition, source = _encrypted(form, old, key, suffix, publish=False)
    changed.working = publication.working(definition, draft.token)
    tx.create(definition)
    drafts.abandon(tx, form, draft)
    drafts.tell_set(tx, form, definition, by=by)
    return source


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
