"""Taking in a filled form: what it says, which form and version it is for, and whether it may come.

The checks stand in Central's order: what the XML says, whether there is a form and a version for it
and whether they take submissions (`lookup`); then the handler asks for rights; then whether this
one can be kept (`check`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sheaf import clock
from sheaf.db import keys
from sheaf.db.items import Ref
from sheaf.db.reads import Lookup
from sheaf.forms import forms
from sheaf.forms.definitions import Definition
from sheaf.forms.forms import Form
from sheaf.problems import (
    BodyTooLarge,
    DeprecatedIdMissing,
    FormNotAccepting,
    FormVersionUnknown,
    UnexpectedValue,
    Unparsable,
    ValueTooLong,
)
from sheaf.submissions import instance, location
from sheaf.submissions.instance import Instance
from sheaf.submissions.records import Submission

# Central's column.
LONGEST_ID = 64
# Central's limit for JSON bodies.
LARGEST_JSON = 250 * 1024
# An item holds 400 KB. What a slot takes in it, in bytes, once its file has come (besides the name,
# and with the longest type); and how much all slots may take: some 800 files.
SLOT = 280
LARGEST_SLOTS = 240_000


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request carries: the bytes, and what its Content-Type says of them."""

    raw: bytes
    charset: str | None
    content_type: str


@dataclass(frozen=True, slots=True)
class Received:
    """A filled form as it came, what it says, and what `SubmissionVersion` keeps of that."""

    raw: bytes
    charset: str | None
    instance: Instance
    instance_id: str
    form_version: str
    partition: str
    slots: tuple[str, ...]
    # Whether the form asks for files at all.
    asks_for_files: bool
    key_id: int | None = None
    data_slot: int | None = None


def lookup(
    path: Mapping[str, str], sent: Sent, *, draft: bool = False
) -> Lookup[tuple[Form, Received]]:
    """Find the form of the path and of it the version that the XML names.

    A draft takes whatever version the XML names, and in every state of the form.

    Raises:
        MissingParameter: the XML is none, or names no form.
        NotFound: no such form, or it has no draft.
        FormVersionUnknown: the version was never published.
        FormNotAccepting: the form is closed.
    """
    said = read(sent)
    project, found = yield forms.refs(path)
    form = forms.live(project, found, draft=draft)
    (definition,) = yield (definition_ref(form, said, draft=draft),)
    return form, receive(form, definition, said, sent, draft=draft)


def edit_lookup(
    path: Mapping[str, str], sent: Sent, *, draft: bool = False
) -> Lookup[tuple[Form, Submission | None, Received]]:
    """Find, besides, the submission that the XML is a new version of (None: there is none).

    Raises:
        UnexpectedValue: it is of another form than the path.
        DeprecatedIdMissing: the XML does not say which version it replaces.
    """
    said = read(sent)
    check_form(path, said)
    if said.deprecated_id is None:
        raise DeprecatedIdMissing
    form, target = yield from location.target_of(path, draft=draft)
    definition, submission = yield definition_ref(form, said, draft=draft), target
    return form, submission, receive(form, definition, said, sent, draft=draft)


def check(received: Received) -> None:
    """Raise unless what was received can be kept.

    Raises:
        UnexpectedValue: its instanceId holds U+0000, or it names too many files for one item.
        ValueTooLong: its instanceId is longer than 64 characters.
    """
    if len(received.instance_id) > LONGEST_ID:
        raise ValueTooLong(maxLength=str(LONGEST_ID))
    if "\0" in received.instance_id:
        raise UnexpectedValue(
            field="instanceID", value=received.instance_id, reason="it may not hold U+0000"
        )
    if sum(len(name.encode()) + SLOT for name in received.slots) > LARGEST_SLOTS:
        raise UnexpectedValue(
            field="attachments",
            value=len(received.slots),
            reason="a submission cannot name so many files",
        )


def read(sent: Sent) -> Instance:
    """Read the XML; what calls itself JSON is taken for that, as Central does, and never is XML."""
    if "json" not in sent.content_type.lower():
        return instance.read(sent.raw, sent.charset)
    if len(sent.raw) > LARGEST_JSON:
        raise BodyTooLarge
    text = sent.raw.decode(errors="replace")
    try:
        json.loads(text or "{}")
    except (ValueError, RecursionError):
        raise Unparsable(format="json", rawLength=len(text)) from None
    return instance.read(b"")


def check_form(path: Mapping[str, str], said: Instance) -> None:
    """Raise UnexpectedValue unless the XML is of the form of the path."""
    if said.xml_form_id != path["xmlFormId"]:
        raise UnexpectedValue(
            field="form id",
            value=said.xml_form_id,
            reason="did not match the form ID in the URL",
        )


def definition_ref(form: Form, said: Instance, *, draft: bool) -> Ref[Definition]:
    """Refer to the version that the XML names; a draft takes whatever it names."""
    if draft:
        return forms.working_ref(form)
    return Definition.ref(keys.definition(form.id, said.version))


def receive(
    form: Form, definition: Definition | None, said: Instance, sent: Sent, *, draft: bool
) -> Received:
    """Put together what was received for a form and its version (None: there is none).

    Raises:
        FormVersionUnknown, FormNotAccepting: see `lookup`.
    """
    if definition is None:
        raise FormVersionUnknown(formVersion=said.version)
    if not (draft or form.accepting):
        raise FormNotAccepting
    slots = instance.attachment_names(said.text, definition.fields)
    return Received(
        raw=sent.raw,
        charset=sent.charset,
        instance=said,
        instance_id=said.instance_id or clock.uuid(),
        form_version=definition.version,
        partition=location.partition_of(form, draft=draft),
        slots=slots,
        key_id=(definition.key_id or 0) if said.encrypted else None,
        data_slot=instance.data_slot(said, slots),
        asks_for_files=said.encrypted or any(field.binary for field in definition.fields),
    )
