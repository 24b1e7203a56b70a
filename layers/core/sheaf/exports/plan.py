"""What an export is made of: the form, its fields as they are at the start, and the options."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Self

from sheaf import clock
from sheaf.access import actors
from sheaf.data import sheets
from sheaf.data.decryption import Decryptor, decryptor
from sheaf.data.eventhash import Seen
from sheaf.data.sheets import Choices, Sheet, Style
from sheaf.db import reads
from sheaf.exports.options import Options
from sheaf.exports.selection import Selection
from sheaf.forms import definitions, forms, schema
from sheaf.forms.forms import Form
from sheaf.forms.schema import Field
from sheaf.problems import found


class Submitters:
    """The names of those who sent submissions, each read once."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def named(self, numbers: Set[int]) -> dict[int, str]:
        """Give the names of actors by their numbers; '' of one who never was."""
        if strangers := set(numbers - self._names.keys()):
            known = actors.by_id(strangers)
            self._names |= dict.fromkeys(strangers, "")
            self._names |= {number: actor.display_name for number, actor in known.items()}
        return {number: self._names[number] for number in numbers}


@dataclass(frozen=True, slots=True)
class Pinned:
    """What says which fields a form had when an export was begun: its version, and the moment."""

    version: str | None
    moment: int


@dataclass(frozen=True, slots=True)
class Plan:
    """An export of a form, or of its draft.

    Attributes:
        form: as it is at the start.
        draft: whether it is about its draft.
        options: the client's.
        fields: those that are shown.
        key_ids: the numbers of the keys whose passphrases were given.
        decryptor: what those open.
        selection: the submissions.
        submitters: their submitters' names.
    """

    form: Form
    draft: bool
    options: Options
    fields: tuple[Field, ...]
    key_ids: tuple[int, ...]
    decryptor: Decryptor
    selection: Selection
    submitters: Submitters = field(default_factory=Submitters)

    @classmethod
    def of(
        cls,
        form: Form,
        options: Options,
        passphrases: Mapping[int, str],
        *,
        draft: bool,
        pinned: Pinned | None = None,
    ) -> Self:
        """Make the plan; one that was begun earlier has fields that are `pinned`.

        Raises:
            Problem: the filter cannot be followed.
            DecryptionFailed: a passphrase is wrong.
            NotFound: the draft has gone.
        """
        fields = _fields(form, options, pinned or Pinned(form.version, clock.micros()), draft=draft)
        opening = decryptor(form, passphrases)
        selection = Selection(form, fields, draft=draft, text=options.filter, decryptor=opening)
        return cls(form, draft, options, fields, tuple(sorted(passphrases)), opening, selection)

    @property
    def style(self) -> Style:
        """How CSV is written."""
        return Style(self.options.group_paths, self.options.bom, self.options.guard)

    def sheets(self, choices: Choices) -> list[Sheet]:
        """Give the sheets, laid out; of an export of the root table that one."""
        root, hidden = self.selection.root, self.selection.hidden
        style = replace(self.style, choices=choices)
        listed = sheets.of(root, self.form.xml_form_id, style, hidden=hidden)
        return listed[:1] if self.options.root_only else listed

    def etag(self, seen: Seen) -> str:
        """Give the ETag of an export of what was seen."""
        names = self.submitters.named(seen.submitters)
        fields = schema.dump(self.fields)
        return seen.hash.etag(fields, self.options.to_json(), self.key_ids, names)


def _fields(form: Form, options: Options, pinned: Pinned, *, draft: bool) -> tuple[Field, ...]:
    """Give the fields of the form; before it is published it has none."""
    if draft:
        current = found(reads.get(forms.working_ref(form))).fields
    elif pinned.version is None:
        current = ()
    else:
        current = definitions.get(form.id, pinned.version).fields
    if not options.deleted_fields:
        return current
    former = [
        each.fields
        for each in definitions.published(form.id)
        if (each.published_at or each.id) < pinned.moment
    ]
    return schema.merged([current, *former])
