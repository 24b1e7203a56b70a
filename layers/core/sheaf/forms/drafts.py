"""Drafts: a form's next version, to be tried before it is published.

A form has one draft at most. What is sent to it lies in a partition of its own, so replacing,
publishing or deleting the draft puts all of that out of reach at once; a purge removes it later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute

from sheaf import clock
from sheaf.access.auth import Auth
from sheaf.db import keys, reads
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Author, Transaction
from sheaf.forms import definitions, encryption, forms, publication
from sheaf.forms.definitions import Definition, DefinitionSource
from sheaf.forms.forms import Changed, Draft, Form
from sheaf.forms.schema import Field
from sheaf.problems import (
    FieldTypeConflict,
    FormHasWarnings,
    NoPublishedVersion,
    UnexpectedValue,
    found,
)
from sheaf.projects import projects
from sheaf.projects.projects import Project

if TYPE_CHECKING:
    from sheaf.forms.upload import Upload  # reads forms with lxml, which few functions need


class AbandonedDraft(Item):
    """What was a draft (key: `D#<form>`, `A#<draft>`), and what was sent to it, until a purge.

    `home` is what it takes to find the claims again: the form's project, xmlFormId and use. The
    hash is that of its XML.
    """

    form_id = IntegerAttribute(attr_name="f")
    draft_id = IntegerAttribute(attr_name="i")
    sha256 = UnicodeAttribute(attr_name="h2")
    shards = IntegerAttribute(attr_name="s")
    home: JSONAttribute = JSONAttribute(attr_name="h")
    due = UnicodeAttribute()
    due_at = UnicodeAttribute(attr_name="dueAt")


def lookup(path: Mapping[str, str]) -> Lookup[tuple[Project, Form]]:
    """Find the project and the form of a path.

    Raises:
        NotFound: there is none, or not any more.
    """
    project, form = yield forms.refs(path)
    return projects.live(project), forms.live(project, form)


def copied(form: Form) -> Upload:
    """Give a form's current version as if it were sent again, to begin a draft with.

    Raises:
        NotFound: it has none.
    """
    return _again(form, definitions.get(form.id, found(form.version)))


def set(project: Project, form: Form, upload: Upload, *, ignore_warnings: bool, by: Auth) -> None:
    """Make a form's draft of what was sent; what was its draft is abandoned.

    Args:
        project: the form's.
        form: as it was found.
        upload: what was sent.
        ignore_warnings: whether the spreadsheet's warnings, and fields that vanish, may stand.
        by: who asks.

    Raises:
        UnexpectedValue: it is of another form, or has too many fields.
        ValueTooLong: its version is too long.
        FieldTypeConflict: a field has another type than in a published version.
        FormHasWarnings: there are, and they are not ignored.
        NotFound: the form has been deleted meanwhile.
        Activating: the project has been encrypted meanwhile.
    """
    _check_id(form, upload)
    upload = encryption.applied(project, upload)
    publication.check_lengths(upload)
    _check_fields(form, upload, ignore_warnings=ignore_warnings)
    made = definitions.make(form.id, upload, upload.definition.version, publish=False)

    def change(now: Form) -> None:
        if now.definition_id != form.definition_id:
            # A version was published meanwhile: the draft may contradict it.
            _check_fields(now, upload, ignore_warnings=ignore_warnings)
        with Transaction() as tx:
            _set(tx, now, *made, by=by)
            encryption.secure(tx, project, upload)

    forms.insist(form, change)


def discard(form: Form, *, by: Auth) -> None:
    """Delete a form's draft.

    Raises:
        NoPublishedVersion: it is all that there is of the form.
        NotFound: there is none, or not any more.
    """
    forms.insist(form, lambda now: _discard(now, by=by))


def publish(form: Form, version: str | None, *, by: Auth) -> None:
    """Make a form's draft its current version; older ones still take submissions.

    Args:
        form: as it was found.
        version: what it is to be called; as its XML says, when None.
        by: who asks.

    Raises:
        NotFound: there is no draft, or not any more.
        VersionAlreadyPublished: the form had a version of that name, or a deleted form of its id.
        ValueTooLong: the version is too long.
    """
    forms.insist(form, lambda now: _publish(now, version, by=by))


def _check_id(form: Form, upload: Upload) -> None:
    sent = upload.definition.xml_form_id
    if sent != form.xml_form_id:
        reason = "does not match the form you are updating"
        raise UnexpectedValue(field="xmlFormId", value=sent, reason=reason)


def _check_fields(form: Form, upload: Upload, *, ignore_warnings: bool) -> None:
    """Raise what speaks against a definition, beside those that were published."""
    sent = upload.definition.fields
    warnings: dict[str, Any] = {}
    if upload.warnings:
        warnings["xlsFormWarnings"] = list(upload.warnings)
    published = definitions.published(form.id)
    if published:
        _check_types(published, sent)
        kept = {field.path for field in sent}
        gone = [field.name for field in published[0].fields if field.path not in kept]
        if gone:
            warnings["workflowWarnings"] = [{"type": "structureChanged", "details": gone}]
    if warnings and not ignore_warnings:
        raise FormHasWarnings(warnings=warnings)


def _check_types(published: list[Definition], sent: tuple[Field, ...]) -> None:
    """Raise when a field has changed its type; any value may become a text, and no group can."""
    oldest_first = reversed(published)
    types = {field.path: field.type for each in oldest_first for field in each.fields}
    for field in sent:
        was = types.get(field.path, field.type)
        widened = field.type == "string" and was not in ("structure", "repeat")
        if was != field.type and not widened:
            raise FieldTypeConflict(path=field.path, type=was)


def _set(
    tx: Transaction, form: Form, definition: Definition, source: DefinitionSource, *, by: Auth
) -> None:
    before = form.draft
    changed = forms.copy(form)
    changed.updated_at = clock.micros()
    token = clock.token() if before is None else before.token
    changed.working = publication.working(definition, token)
    tx.put(changed, forms.unchanged(form), otherwise=Changed())
    tx.create(definition)
    tx.put(source)
    if before is not None:
        abandon(tx, form, before)
    tell_set(tx, form, definition, by=by)


def _discard(form: Form, *, by: Auth) -> None:
    if form.version is None:
        raise NoPublishedVersion
    draft = found(form.draft)
    changed = forms.copy(form)
    changed.updated_at, changed.working = clock.micros(), None
    with Transaction() as tx:
        tx.put(changed, forms.unchanged(form), otherwise=Changed())
        abandon(tx, form, draft)
        tx.audit(
            "form.update.draft.delete",
            by=by,
            on=form.actee_id,
            details={"oldDraftDefId": draft.id},
        )


def _publish(form: Form, version: str | None, *, by: Auth) -> None:
    draft = found(form.draft)
    working = reads.get(forms.working_ref(form))
    if working is None:
        raise Changed
    renamed = None if version is None else _renamed(form, working, version)
    current = definitions.publish(form.id, renamed[0] if renamed else working)
    current.published_by = by.actor_id
    changed = forms.copy(form)
    changed.updated_at, changed.working = current.published_at, None
    publication.show(changed, current)
    with Transaction() as tx:
        tx.put(changed, forms.unchanged(form), otherwise=Changed())
        publication.take_version(tx, form, current.version)
        tx.create(current)
        tx.delete(working)
        abandon(tx, form, draft)
        if renamed:
            tx.put(renamed[1])
            tell_set(tx, form, current, by=by)
        publication.tell_published(tx, changed, form.definition_id, by=by)


def _renamed(form: Form, working: Definition, version: str) -> tuple[Definition, DefinitionSource]:
    """Make of a draft one of another version, whose XML says so."""
    upload = _again(form, working, version)
    publication.check_lengths(upload)
    definition, source = definitions.make(form.id, upload, version, publish=False)
    definition.key_id = working.key_id
    return definition, source


def _again(form: Form, definition: Definition, version: str | None = None) -> Upload:
    """Give a definition as if it were sent, under another version if one is given."""
    from sheaf.forms import inscription, xform
    from sheaf.forms.upload import Upload

    xml = definitions.xml(form.id, definition.sha256)
    if version is not None:
        xml = inscription.inscribe(xml, version=version)
    return Upload(xml, xform.read(xml), None, "", sheet=definition.sheet)


def abandon(tx: Transaction, form: Form, draft: Draft) -> None:
    """Let a transaction leave a draft, and what was sent to it, to the purge."""
    abandoned = AbandonedDraft(
        *keys.abandoned_draft(form.id, draft.id),
        form_id=form.id,
        draft_id=draft.id,
        sha256=draft.sha256,
        shards=form.shards,
        home=[form.project_id, form.xml_form_id, form.use],
        due=keys.DUE_DRAFT,
        due_at=f"{clock.micros():016d}",
    )
    tx.create(abandoned)


def tell_set(tx: Transaction, form: Form, definition: Definition, *, by: Author) -> None:
    """Let a transaction tell that a form has another draft."""
    before = form.draft and form.draft.id
    details = {"oldDraftDefId": before, "newDraftDefId": definition.id}
    tx.audit("form.update.draft.set", by=by, on=form.actee_id, details=details)
