"""What is done to a form as a whole: its state, its deletion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sheaf import clock, fields
from sheaf.access.auth import Auth
from sheaf.db import keys
from sheaf.db.transaction import Transaction
from sheaf.forms import forms
from sheaf.forms.forms import Changed, Form
from sheaf.problems import NotFound

STATES = ("open", "closing", "closed")


@dataclass(frozen=True, slots=True)
class Change:
    """What a client may change of a form."""

    state: str | None
    webforms_enabled: bool | None

    @classmethod
    def from_api(cls, body: Mapping[str, Any]) -> Self:
        """Read a form's JSON."""
        if (state := body.get("state")) is not None:
            fields.choice(state, "state", STATES, "not a recognized state name")
        return cls(state, fields.optional_flag(body, "webformsEnabled"))


def update(form: Form, change: Change, *, by: Auth) -> Form:
    """Change a form's state, or whether Web Forms may be used.

    Raises:
        NotFound: it has been deleted meanwhile.
    """
    form.updated_at = clock.micros()
    actions = [Form.updated_at.set(form.updated_at)]
    said: dict[str, Any] = {}
    if change.state is not None:
        form.state = said["state"] = change.state
        actions.append(Form.state.set(change.state))
    if change.webforms_enabled is not None:
        form.webforms_enabled = said["webformsEnabled"] = change.webforms_enabled
        actions.append(Form.webforms_enabled.set(change.webforms_enabled))
    with Transaction() as tx:
        tx.update(form, actions, Form.id == form.id, otherwise=NotFound())
        tx.audit("form.update", by=by, on=form.actee_id, details={"data": said})
    return form


def delete(form: Form, *, by: Auth) -> None:
    """Delete a form. Its data stay, out of reach; its id is free for another form.

    Raises:
        NotFound: it has been deleted meanwhile.
    """
    forms.insist(form, lambda now: _delete(now, by=by))


def _delete(form: Form, *, by: Auth) -> None:
    kept = forms.copy(form)
    kept.pk, kept.sk = keys.deleted_form(form.project_id, form.id)
    kept.deleted_at = clock.micros()
    kept.due, kept.due_at = keys.DUE_FORM, f"{kept.deleted_at:016d}"
    with Transaction() as tx:
        tx.delete(form, forms.unchanged(form), otherwise=Changed())
        tx.create(kept)
        tx.audit("form.delete", by=by, on=form.actee_id)
