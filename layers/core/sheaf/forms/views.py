"""A form as a route shows it: as it is published, as a draft, or as a version of old."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sheaf.access.auth import Auth
from sheaf.blobs import Blob
from sheaf.db import keys, reads
from sheaf.db.items import Ref
from sheaf.db.reads import Lookup
from sheaf.forms import definitions, forms
from sheaf.forms.definitions import Definition
from sheaf.forms.forms import Draft, Form
from sheaf.problems import found
from sheaf.projects.projects import Project

# How a path spells the version whose name is empty.
NAMELESS = "___"


@dataclass(frozen=True, slots=True)
class View:
    """A form and what is shown of it: its current version (itself), its draft, or a version."""

    form: Form
    shown: Form | Draft | Definition

    @property
    def verbs(self) -> tuple[str, ...]:
        """The verbs of which one suffices to see it."""
        return forms.DRAFT_VERBS if isinstance(self.shown, Draft) else self.form.reading_verbs

    def to_api(self) -> dict[str, Any]:
        """Give it as Central shows it."""
        return self.form.showing(self.shown)

    def xml(self) -> bytes:
        """Give its XML, byte for byte as it was uploaded or converted."""
        return definitions.xml(self.form.id, str(self.shown.sha256))

    def definition(self) -> Definition:
        """Give its definition.

        Raises:
            NotFound: it was a draft that is one no more.
        """
        return found(reads.get(self._ref()))

    def spreadsheet(self, suffix: str) -> tuple[str, Blob]:
        """Give the spreadsheet that it was made from, and the name to save it under.

        Raises:
            NotFound: it was not made from one of this kind (".xlsx" or ".xls").
        """
        return f"{self.form.xml_form_id}{suffix}", definitions.spreadsheet(
            self.definition(), suffix
        )

    def _ref(self) -> Ref[Definition]:
        if isinstance(self.shown, Draft):
            return forms.working_ref(self.form)
        return Definition.ref(keys.definition(self.form.id, str(self.shown.version)))


def lookup(path: Mapping[str, str], *, draft: bool = False) -> Lookup[View]:
    """Find the form of a path: its draft if that is asked, or its `{version}` if there is one.

    Raises:
        NotFound: there is none, or not any more.
    """
    form = yield from forms.lookup(path, draft=draft)
    if draft:
        return View(form, found(form.draft))
    if "version" not in path:
        return View(form, form.shown)
    version = "" if path["version"] == NAMELESS else path["version"]
    (definition,) = yield (Definition.ref(keys.definition(form.id, version)),)
    return View(form, found(definition))


def versions(form: Form) -> list[View]:
    """Give a form's published versions, newest first."""
    return [View(form, each) for each in definitions.published(form.id)]


def to_fill(project: Project, auth: Auth, xml_form_id: str | None) -> list[View]:
    """Give the forms of a project that are open and that one may see, by name.

    Args:
        project: whose forms.
        auth: who asks.
        xml_form_id: the one form that is asked for; all, when None.
    """
    if xml_form_id is None:
        listed = list(forms.of(project.id))
    else:
        one = reads.get(Form.ref(keys.form(project.id, xml_form_id)))
        listed = [] if one is None else [one]
    shown = [form for form in listed if form.state == "open" and form.version is not None]
    seen = [form for form in shown if auth.verbs(form) & set(form.reading_verbs)]
    return [View(form, form) for form in forms.by_name(seen)]
