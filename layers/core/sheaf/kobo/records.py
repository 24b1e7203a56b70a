"""Records of submissions as they lie in the table, for lists and queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sheaf.access import actors
from sheaf.access.actors import Actor
from sheaf.data.record import Stored
from sheaf.db import keys, reads
from sheaf.forms.definitions import Definition
from sheaf.forms.forms import Form
from sheaf.forms.schema import Field
from sheaf.hooks import flat
from sheaf.hooks.flat import About
from sheaf.submissions import instance


class Records:
    """Writes the flat records of a form's submissions.

    Args:
        form: whose submissions they are.
        url: where its submissions are found, by which files can be fetched.
    """

    def __init__(self, form: Form, url: str) -> None:
        self._form, self._url = form, url
        self._fields: dict[str, tuple[Field, ...]] = {}
        self._people: dict[int, Actor] = {}

    def of(self, batch: Iterable[Stored]) -> Iterator[dict[str, Any]]:
        """Give the records of some submissions; who reviewed them is not told."""
        told = list(batch)
        self._meet(told)
        for each in told:
            yield self._record(each)
            each.release()

    def _record(self, each: Stored) -> dict[str, Any]:
        held = {name: blob for name, blob in each.attachments if blob is not None}
        submitter = self._people.get(each.root["submitter_id"])
        about = About(
            number=each.number,
            form_id=self._form.id,
            xml_form_id=self._form.xml_form_id,
            form_version=each.form_version,
            root_id=each.root_id,
            instance_id=each.instance_id,
            deprecated_id=instance.replaced(each.text) if each.edits else None,
            review_state=each.review_state,
            reviewed_at=each.updated_at,
            reviewer=None,
            submitter=None if submitter is None else submitter.display_name,
            files=tuple(held.items()),
        )

        def link(name: str) -> str:
            return f"{self._url}{each.number}/attachments/{held[name].id}/"

        return flat.record(about, each.text, self._fields[each.form_version], link)

    def _meet(self, told: list[Stored]) -> None:
        """Read the versions of the form and the submitters that are not known yet."""
        versions = sorted({each.form_version for each in told} - self._fields.keys())
        refs = [Definition.ref(keys.definition(self._form.id, version)) for version in versions]
        for version, definition in zip(versions, reads.fetch(refs), strict=True):
            self._fields[version] = () if definition is None else definition.fields
        people = {each.root["submitter_id"] for each in told} - {None, *self._people}
        self._people |= actors.by_id(people) if people else {}
