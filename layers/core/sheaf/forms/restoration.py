"""Restoration: taking a form out of the trash, with all that was sent to it."""

from __future__ import annotations

from collections.abc import Mapping

from sheaf import fields
from sheaf.access.auth import Auth
from sheaf.db import keys
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Transaction
from sheaf.forms import activation, conversion, encryption, forms
from sheaf.forms.forms import Form
from sheaf.problems import AlreadyExists, NotFound
from sheaf.projects import projects
from sheaf.projects.projects import Project


def lookup(path: Mapping[str, str]) -> Lookup[tuple[Project, Form]]:
    """Find the deleted form whose number stands where others have their `{xmlFormId}`.

    Raises:
        NotFound: there is none, or not any more.
    """
    number = fields.number(path["xmlFormId"])
    key = keys.deleted_form(fields.number(path["projectId"]), number)
    project, form = yield projects.ref(path), Form.ref(key)
    return projects.live(project), forms.live(project, form)


def restore(project: Project, form: Form, *, by: Auth) -> None:
    """Take a form out of the trash. What is in the clear is encrypted next, if its project is.

    Raises:
        NotFound: it is not there any more: restored, or about to be purged.
        AlreadyExists: the project has another form of its id now.
        Activating: the project has been encrypted in between.
    """
    live = forms.copy(form)
    live.pk, live.sk = keys.form(form.project_id, form.xml_form_id)
    live.deleted_at = live.due = live.due_at = None
    taken = AlreadyExists(table="forms", projectId=form.project_id, xmlFormId=form.xml_form_id)
    there = Form.pk.exists() & Form.purging.does_not_exist()
    with Transaction() as tx:
        tx.delete(form, there, otherwise=NotFound())
        tx.create(live, otherwise=taken)
        tx.audit("form.restore", by=by, on=form.actee_id)
        encryption.require_as_read(tx, project)
        if project.key_id is not None and conversion.due(live):
            activation.call(tx, project, by=by)
