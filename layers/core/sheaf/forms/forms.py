"""Forms: what a project collects. A form's name is its xmlFormId; its number is ours alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute

from sheaf import clock, fields
from sheaf.access.auth import Auth
from sheaf.db import keys, reads
from sheaf.db.items import IntegerAttribute, Item, Ref
from sheaf.db.reads import Lookup
from sheaf.forms.definitions import Definition
from sheaf.problems import Busy, EditingClosedForm, NotFound, Problem, WebFormNotReady, found
from sheaf.projects import projects
from sheaf.projects.projects import Project

if TYPE_CHECKING:
    from pynamodb.expressions.condition import Condition

# A draft is read by who may change the form, and by who has been given its token.
DRAFT_VERBS = ("form.update", "draft.test")
# Partitions over which a form's submissions spread: 1,000 a second need two; four leave room.
SHARDS = 4
# How often a change is judged anew because others keep changing the same form.
TRIES = 25


class Changed(Problem):
    """Somebody else changed the form first. Never reaches a client."""

    code = 503.1
    message = "The form has changed meanwhile."


@dataclass(frozen=True, slots=True)
class Draft:
    """A form's draft: the number of its definition (micros), what that tells, and a token.

    Whoever has the token may test the draft: it opens that and what was sent to it, nothing else.
    """

    id: int
    version: str
    name: str | None
    md5: str
    sha1: str
    sha256: str
    token: str
    spreadsheet_type: str | None = None
    dataset: str | None = None
    key_id: int | None = None
    published_at: None = None


class Form(Item):
    """A form (key: `P#<project>`, `F#<xmlFormId>`; deleted: `X#<form>`).

    `working` holds the members of its Draft, if it has one; without a `version` it has never been
    published. `definition_id` and what follows it up to `published_at` is what its current
    definition tells. `due` and `due_at` put a deleted form into the index of the purge, which marks
    what it has begun to remove as `purging`: that can no longer be restored.
    """

    id = IntegerAttribute(attr_name="i")
    project_id = IntegerAttribute(attr_name="pr")
    xml_form_id = UnicodeAttribute(attr_name="f")
    actee_id = UnicodeAttribute(attr_name="on")
    project_actee_id = UnicodeAttribute(attr_name="po")
    use = IntegerAttribute(attr_name="u", default=0)
    shards = IntegerAttribute(attr_name="s", default=SHARDS)
    state = UnicodeAttribute(attr_name="st", default="open")
    webforms_enabled = BooleanAttribute(attr_name="w", default=True)
    working: JSONAttribute = JSONAttribute(attr_name="dr", null=True)
    definition_id = IntegerAttribute(attr_name="di", null=True)
    name = UnicodeAttribute(attr_name="n", null=True)
    version = UnicodeAttribute(attr_name="v", null=True)
    md5 = UnicodeAttribute(attr_name="m", null=True)
    sha1 = UnicodeAttribute(attr_name="h1", null=True)
    sha256 = UnicodeAttribute(attr_name="h2", null=True)
    key_id = IntegerAttribute(attr_name="k", null=True)
    spreadsheet_type = UnicodeAttribute(attr_name="xt", null=True)
    dataset = UnicodeAttribute(attr_name="ds", null=True)
    published_at = IntegerAttribute(attr_name="p", null=True)
    created_by = IntegerAttribute(attr_name="by", null=True)
    created_at = IntegerAttribute(attr_name="c")
    updated_at = IntegerAttribute(attr_name="up", null=True)
    deleted_at = IntegerAttribute(attr_name="x", null=True)
    due = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(attr_name="dueAt", null=True)
    purging = BooleanAttribute(attr_name="pg", null=True)

    @property
    def actees(self) -> tuple[str, ...]:
        """What rights on this form are held on: itself and its project."""
        return (self.actee_id, self.project_actee_id)

    @property
    def reading_verbs(self) -> tuple[str, ...]:
        """The verbs of which one suffices to read the definition: collectors see open forms."""
        if self.version is None:
            return DRAFT_VERBS
        return ("form.read",) if self.state == "closed" else ("form.read", "open_form.read")

    @property
    def draft(self) -> Draft | None:
        """The draft, if there is one."""
        return None if self.working is None else Draft(**self.working)

    @property
    def shown(self) -> Form | Draft:
        """What tells of the form: its current version, or its draft before there is one."""
        return self if self.version is not None else found(self.draft)

    @property
    def accepting(self) -> bool:
        """Whether submissions are taken."""
        return self.state != "closed"

    def require_editing(self) -> None:
        """Raise unless submissions can be edited on the web: in Web Forms, as there is no Enketo.

        Raises:
            WebFormNotReady: Web Forms are switched off for the form.
            EditingClosedForm: it is closing or closed.
        """
        if not self.webforms_enabled:
            raise WebFormNotReady
        if self.state != "open":
            raise EditingClosedForm

    def to_api(self) -> dict[str, Any]:
        """Give the form as Central shows it: as it is published, or else its draft."""
        return self.showing(self.shown)

    def draft_to_api(self) -> dict[str, Any]:
        """Give the form as Central shows its draft.

        Raises:
            NotFound: it has none.
        """
        return self.showing(found(self.draft))

    def showing(self, shown: Form | Draft | Definition) -> dict[str, Any]:
        """Give the form with what one of its definitions tells; when deleted, with its number."""
        said = {
            "projectId": self.project_id,
            "xmlFormId": self.xml_form_id,
            "state": self.state,
            "enketoId": None,
            "enketoOnceId": None,
            "createdAt": clock.iso(self.created_at),
            "updatedAt": clock.iso(self.updated_at),
            "webformsEnabled": self.webforms_enabled,
            "keyId": shown.key_id,
            "version": shown.version,
            "hash": shown.md5,
            "sha": shown.sha1,
            "sha256": shown.sha256,
            "draftToken": shown.token if isinstance(shown, Draft) else None,
            "publishedAt": clock.iso(shown.published_at),
            "name": shown.name,
        }
        if self.deleted_at is None:
            return said
        return said | {"deletedAt": clock.iso(self.deleted_at), "id": self.id}


def refs(path: Mapping[str, str]) -> tuple[Any, Any]:
    """Refer to the project and the form of `{projectId}` and `{xmlFormId}`."""
    project = projects.ref(path)
    return project, Form.ref(keys.form(fields.number(path["projectId"]), path["xmlFormId"]))


def live(project: Project | None, form: Form | None, *, draft: bool = False) -> Form:
    """Give the form, or raise NotFound when it, its project or a draft asked for is not there."""
    projects.live(project)
    if form is None or (draft and form.draft is None):
        raise NotFound
    return form


def lookup(path: Mapping[str, str], *, draft: bool = False) -> Lookup[Form]:
    """Find the form of `{projectId}` and `{xmlFormId}`, which must have a draft if that is asked.

    Raises:
        NotFound: there is none, or not any more.
    """
    project, form = yield refs(path)
    return live(project, form, draft=draft)


def working_ref(form: Form) -> Ref[Definition]:
    """Refer to the definition of a form's draft.

    Raises:
        NotFound: it has none.
    """
    return Definition.ref(keys.working_definition(form.id, found(form.draft).id))


def of(project_id: int) -> Iterator[Form]:
    """Give all forms of a project."""
    return _listed(project_id, keys.FORM)


def _listed(project_id: int, beginning: str) -> Iterator[Form]:
    of_kind = Form.sk.startswith(beginning)
    return iter(Form.query(keys.forms(project_id), of_kind, consistent_read=True))


def list_for(project: Project, auth: Auth, *, deleted: bool = False) -> list[Form]:
    """List the forms of a project that one may see, by name; or those in the trash."""
    beginning = keys.DELETED_FORM if deleted else keys.FORM
    seen = [
        form
        for form in _listed(project.id, beginning)
        if not form.purging and auth.verbs(form) & set(form.reading_verbs)
    ]
    return by_name(seen)


def by_name(listed: Iterable[Form]) -> list[Form]:
    """Sort forms by name; those without have their xmlFormId for one."""
    return sorted(listed, key=lambda form: (form.shown.name or form.xml_form_id).lower())


def insist(form: Form, change: Callable[[Form], None]) -> None:
    """Make a change, judging it anew on the form as it is when somebody was faster.

    Raises:
        NotFound: it has been deleted meanwhile.
        Busy: others kept changing it.
    """
    current: Form | None = form
    for attempt in range(TRIES):
        if current is None or current.id != form.id:
            raise NotFound
        try:
            return change(current)
        except Changed:
            clock.wait(min(0.2, 0.01 * 2**attempt))
            current = reads.get(Form.ref((form.pk, form.sk)))
    raise Busy


def copy(form: Form) -> Form:
    """Copy a form, to change it and write it under the condition that it is `unchanged`."""
    copied = Form()
    copied.deserialize(form.serialize())
    return copied


def unchanged(form: Form) -> Condition:
    """Require that the form is as it was read: every change sets `updated_at`."""
    seen = Form.updated_at
    at = seen.does_not_exist() if form.updated_at is None else seen == form.updated_at
    return (Form.id == form.id) & at  # type: ignore[no-any-return]
