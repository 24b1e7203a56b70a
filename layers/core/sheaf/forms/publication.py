"""Publication: how a form comes to be, and what its id and its versions may be called."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import UnicodeSetAttribute

from sheaf import clock
from sheaf.access import actees
from sheaf.access.auth import Auth
from sheaf.db import keys, reads
from sheaf.db.counters import take
from sheaf.db.items import IntegerAttribute, Item
from sheaf.db.transaction import Author, Transaction
from sheaf.forms import definitions, encryption
from sheaf.forms.definitions import Definition
from sheaf.forms.forms import Form
from sheaf.problems import (
    AlreadyExists,
    Busy,
    FormHasWarnings,
    NotFound,
    ValueTooLong,
    VersionAlreadyPublished,
)
from sheaf.projects.projects import Project

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

    from sheaf.forms.upload import Upload  # reads forms with lxml, which few functions need

# Central's column; what a key of the table can hold is `encryption.LONGEST_VERSION`.
LONGEST_ID = 64
# What forms and their drafts repeat of a definition, so that to tell of them takes no read of it.
_TOLD = ("version", "name", "md5", "sha1", "sha256", "spreadsheet_type", "dataset", "key_id")


class FormName(Item):
    """A name that forms of a project have borne (key: `P#<project>`, `N#<xmlFormId>`).

    `versions` are all that were ever published under it, each after a `=` because a set cannot
    hold an empty text; `uses` counts the forms, `purged` those of them that are gone for good.
    """

    uses = IntegerAttribute(attr_name="n")
    purged = IntegerAttribute(attr_name="p", default=0)
    versions = UnicodeSetAttribute(attr_name="v", null=True)


def create(
    project: Project, upload: Upload, *, publish: bool, ignore_warnings: bool, by: Auth
) -> dict[str, Any]:
    """Create a form, published at once or as a draft, and give it as Central shows it.

    Raises:
        ValueTooLong: the id or the version is too long.
        FormHasWarnings: the spreadsheet has, or a form of that id was deleted; unless ignored.
        AlreadyExists: the project has a form of that id.
        VersionAlreadyPublished: a deleted form of that id had this version.
        UnexpectedValue: it has too many fields.
        Activating: the project has been encrypted in between.
    """
    upload = encryption.applied(project, upload)
    check_lengths(upload)
    said = upload.definition
    use = _free_use(project, upload, publish=publish, ignore_warnings=ignore_warnings)
    number = take("form")
    definition, source = definitions.make(number, upload, said.version, publish=publish)
    form = Form(
        *keys.form(project.id, said.xml_form_id),
        id=number,
        project_id=project.id,
        xml_form_id=said.xml_form_id,
        actee_id=clock.uuid(),
        project_actee_id=project.actee_id,
        use=use,
        created_by=by.actor_id,
        created_at=definition.id,
    )
    if publish:
        definition.published_by = by.actor_id
        show(form, definition)
    else:
        form.working = working(definition, clock.token())
    with Transaction() as tx:
        tx.create(form, otherwise=_taken(project, upload))
        _remember(tx, form)
        encryption.secure(tx, project, upload)
        tx.create(definition)
        tx.create(source)
        _take_name(tx, form, said.version if publish else None)
        tx.audit("form.create", by=by, on=form.actee_id)
        if publish:
            tell_published(tx, form, None, by=by)
    return form.to_api() if publish else form.draft_to_api()


def tell_published(tx: Transaction, form: Form, before: int | None, *, by: Author) -> None:
    """Let a transaction tell that a form has a new version; `before` is the number of the last."""
    details = {"oldDefId": before, "newDefId": form.definition_id}
    event = {
        "projectId": form.project_id,
        "formId": form.id,
        "xmlFormId": form.xml_form_id,
        "formVersion": form.version,
        "draft": False,
    }
    tx.audit(
        "form.update.publish",
        by=by,
        on=form.actee_id,
        details=details,
        event=event,
    )


def working(definition: Definition, token: str) -> dict[str, Any]:
    """Give the members of the Draft that a definition is."""
    return {"id": definition.id, "token": token} | _told(definition)


def show(form: Form, definition: Definition) -> None:
    """Let the form show what its current definition is."""
    form.definition_id, form.published_at = definition.id, definition.published_at
    for name, value in _told(definition).items():
        setattr(form, name, value)


def _told(definition: Definition) -> dict[str, Any]:
    """Give what a form tells of one of its definitions."""
    return {name: getattr(definition, name) for name in _TOLD}


def _remember(tx: Transaction, form: Form) -> None:
    """Let a transaction remember where a new form lies."""
    actees.add(
        tx,
        form.actee_id,
        actees.FORM,
        form.id,
        project_id=form.project_id,
        xml_form_id=form.xml_form_id,
    )


def _free_use(project: Project, upload: Upload, *, publish: bool, ignore_warnings: bool) -> int:
    """Give how many forms have borne the new one's id, or raise what speaks against it.

    The transaction asks again: this is to store nothing in vain, and to warn.
    """
    said = upload.definition
    bearer, name = reads.fetch(
        [
            Form.ref(keys.form(project.id, said.xml_form_id)),
            FormName.ref(keys.form_name(project.id, said.xml_form_id)),
        ]
    )
    uses = 0 if name is None else name.uses
    warnings: dict[str, Any] = {}
    if upload.warnings:
        warnings["xlsFormWarnings"] = list(upload.warnings)
    if name is not None and uses - name.purged > (bearer is not None):
        deleted = {"type": "deletedFormExists", "details": {"xmlFormId": said.xml_form_id}}
        warnings["workflowWarnings"] = [deleted]
    if warnings and not ignore_warnings:
        raise FormHasWarnings(warnings=warnings)
    if bearer is not None:
        raise _taken(project, upload)
    if publish and name is not None and f"={said.version}" in (name.versions or ()):
        raise VersionAlreadyPublished(xmlFormId=said.xml_form_id, version=said.version)
    return int(uses)


def _taken(project: Project, upload: Upload) -> AlreadyExists:
    xml_form_id = upload.definition.xml_form_id
    return AlreadyExists(table="forms", projectId=project.id, xmlFormId=xml_form_id)


def _take_name(tx: Transaction, form: Form, version: str | None) -> None:
    """Let a transaction count a form among those of its name, and a version that it publishes."""
    name = FormName(*keys.form_name(form.project_id, form.xml_form_id))
    as_asked = FormName.uses == form.use if form.use else FormName.uses.does_not_exist()
    actions: list[Action] = [FormName.uses.set(form.use + 1)]
    if version is not None:
        actions.append(FormName.versions.add({f"={version}"}))
    # Only a form that came and went in between can have changed it.
    tx.update(name, actions, as_asked, otherwise=Busy())


def take_version(tx: Transaction, form: Form, version: str) -> None:
    """Let a transaction take a version, which a form of this name may publish once.

    Raises:
        VersionAlreadyPublished: on commit, when it was taken.
    """
    name = FormName(*keys.form_name(form.project_id, form.xml_form_id))
    taken = VersionAlreadyPublished(xmlFormId=form.xml_form_id, version=version)
    tx.update(
        name,
        [FormName.versions.add({f"={version}"})],
        ~FormName.versions.contains(f"={version}"),
        otherwise=taken,
    )


def withdraw(form: Form) -> None:
    """Remove all definitions of a form that is being purged; its versions are free again."""
    name = FormName(*keys.form_name(form.project_id, form.xml_form_id))
    for definition in definitions.published(form.id):
        with suppress(NotFound), Transaction() as tx:
            # Both or neither: another form may take the version as soon as it is free.
            tx.delete(definition, Definition.pk.exists(), otherwise=NotFound())
            tx.change(name, [FormName.versions.delete({f"={definition.version}"})])
    definitions.remove_all(form.id)


def forget(tx: Transaction, form: Form) -> None:
    """Let a transaction that removes a form for good count it as gone."""
    name = FormName(*keys.form_name(form.project_id, form.xml_form_id))
    tx.change(name, [FormName.purged.set((FormName.purged | 0) + 1)])


def check_lengths(upload: Upload) -> None:
    """Raise ValueTooLong when an id or a version is longer than can be kept."""
    said = upload.definition
    for text, limit in ((said.xml_form_id, LONGEST_ID), (said.version, encryption.LONGEST_VERSION)):
        if len(text) > limit:
            raise ValueTooLong(maxLength=str(limit))
