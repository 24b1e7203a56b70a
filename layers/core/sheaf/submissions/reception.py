"""Taking in a filled form: what it says, which form and version it is for, and whether it may come.

The checks stand in Central's order; who asks is checked by the handler in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sheaf import clock
from sheaf.db import keys
from sheaf.db.reads import Lookup
from sheaf.forms import forms
from sheaf.forms.definitions import Definition
from sheaf.forms.forms import Form
from sheaf.problems import (
    DeprecatedIdMissing,
    FormNotAccepting,
    FormVersionUnknown,
    UnexpectedValue,
    ValueTooLong,
)
from sheaf.submissions import instance, location
from sheaf.submissions.instance import Instance
from sheaf.submissions.records import Submission

# Central's column.
LONGEST_ID = 64
# An item holds 400 KB; instance names beyond this are cut in metadata (the XML has them whole).
LONGEST_NAME = 16_000
# Names of attachments, all together, in bytes: some thousands of files.
LARGEST_SLOTS = 120_000


@dataclass(frozen=True, slots=True)
class Received:
    """A filled form as it came, and what it says."""

    raw: bytes
    charset: str | None
    instance: Instance
    instance_id: str
    slots: tuple[str, ...]
    form_version: str


def lookup(
    path: Mapping[str, str], raw: bytes, charset: str | None
) -> Lookup[tuple[Form, Received]]:
    """Find the form of the path and of it the version that the XML names.

    Raises:
        MissingParameter: the XML is none, or names no form.
        NotFound: no such form.
        FormVersionUnknown: the version was never published.
        FormNotAccepting: the form is closed.
        ValueTooLong, UnexpectedValue: the instanceId cannot be kept.
    """
    said = instance.read(raw, charset)
    project, found = yield forms.refs(path)
    form = forms.live(project, found)
    (definition,) = yield (Definition.ref(keys.definition(form.id, said.version)),)
    return form, _receive(form, definition, said, raw, charset)


def edit_lookup(
    path: Mapping[str, str], raw: bytes, charset: str | None
) -> Lookup[tuple[Form, Submission | None, Received]]:
    """Find, besides, the submission that the XML is a new version of (None: there is none).

    Raises:
        DeprecatedIdMissing: the XML does not say which version it replaces.
        UnexpectedValue: it is of another form than the path.
    """
    said = instance.read(raw, charset)
    check_form(path, said)
    if said.deprecated_id is None:
        raise DeprecatedIdMissing
    form, target = yield from location.target_of(path)
    definition, submission = yield (
        Definition.ref(keys.definition(form.id, said.version)),
        target,
    )
    return form, submission, _receive(form, definition, said, raw, charset)


def check_form(path: Mapping[str, str], said: Instance) -> None:
    """Raise unless the XML is of the form that the path names.

    Raises:
        UnexpectedValue: it is of another.
    """
    if said.xml_form_id != path["xmlFormId"]:
        raise UnexpectedValue(
            field="form id",
            value=said.xml_form_id,
            reason="did not match the form ID in the URL",
        )


def _receive(
    form: Form, definition: Definition | None, said: Instance, raw: bytes, charset: str | None
) -> Received:
    if definition is None:
        raise FormVersionUnknown(formVersion=said.version)
    if not form.accepting:
        raise FormNotAccepting
    instance_id = said.instance_id or clock.uuid()
    _check_id(instance_id)
    slots = instance.attachment_names(said.text, definition.fields)
    if sum(len(name.encode()) + 16 for name in slots) > LARGEST_SLOTS:
        raise UnexpectedValue(
            field="attachments", value=len(slots), reason="a submission cannot name so many files"
        )
    return Received(raw, charset, said, instance_id, slots, said.version)


def _check_id(instance_id: str) -> None:
    if len(instance_id) > LONGEST_ID:
        raise ValueTooLong(maxLength=str(LONGEST_ID))
    if "\0" in instance_id or not instance_id:
        raise UnexpectedValue(
            field="instanceID", value=instance_id, reason="it must not be empty or hold U+0000"
        )
