"""Forms: what a project collects. A form's name is its xmlFormId; its number is ours alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pynamodb.attributes import BooleanAttribute, JSONAttribute, UnicodeAttribute

from sheaf import clock, fields
from sheaf.access.auth import Auth
from sheaf.blobs import Blob
from sheaf.db import keys, reads
from sheaf.db.items import IntegerAttribute, Item, Ref
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Transaction
from sheaf.forms import definitions
from sheaf.forms.definitions import XLS, XLSX, Definition
from sheaf.forms.schema import Field
from sheaf.problems import NotFound, found
from sheaf.projects import projects
from sheaf.projects.projects import Project

if TYPE_CHECKING:
    from pynamodb.expressions.condition import Condition

STATES = ("open", "closing", "closed")
SPREADSHEETS = {".xlsx": XLSX, ".xls": XLS}
# Partitions over which a form's submissions spread: 1,000 a second need two; four leave room.
SHARDS = 4


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
    key_id: int | None = None


class Form(Item):
    """A form (key: `P#<project>`, `F#<xmlFormId>`; deleted: `X#<form>`).

    `working` holds the members of its Draft, if it has one; without a `version` it has never been
    published.
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
    name = UnicodeAttribute(attr_name="n", null=True)
    version = UnicodeAttribute(attr_name="v", null=True)
    md5 = UnicodeAttribute(attr_name="m", null=True)
    sha1 = UnicodeAttribute(attr_name="h1", null=True)
    sha256 = UnicodeAttribute(attr_name="h2", null=True)
    key_id = IntegerAttribute(attr_name="k", null=True)
    working: JSONAttribute = JSONAttribute(attr_name="dr", null=True)
    published_at = IntegerAttribute(attr_name="p", null=True)
    created_by = IntegerAttribute(attr_name="by", null=True)
    created_at = IntegerAttribute(attr_name="c")
    updated_at = IntegerAttribute(attr_name="up", null=True)
    deleted_at = IntegerAttribute(attr_name="x", null=True)

    @property
    def actees(self) -> tuple[str, ...]:
        """What rights on this form are held on: itself and its project."""
        return (self.actee_id, self.project_actee_id)

    @property
    def reading_verbs(self) -> tuple[str, ...]:
        """The verbs of which one suffices to read the definition: collectors see open forms."""
        return ("form.read",) if self.state == "closed" else ("form.read", "open_form.read")

    @property
    def draft(self) -> Draft | None:
        """The draft, if there is one."""
        return None if self.working is None else Draft(**self.working)

    @property
    def accepting(self) -> bool:
        """Whether submissions are taken."""
        return self.state != "closed"

    def to_api(self) -> dict[str, Any]:
        """Give the form as Central shows it."""
        return {
            "projectId": self.project_id,
            "xmlFormId": self.xml_form_id,
            "state": self.state,
            "enketoId": None,
            "enketoOnceId": None,
            "createdAt": clock.iso(self.created_at),
            "updatedAt": clock.iso(self.updated_at),
            "webformsEnabled": self.webforms_enabled,
            "keyId": self.key_id,
            "version": self.version,
            "hash": self.md5,
            "sha": self.sha1,
            "sha256": self.sha256,
            "draftToken": None,
            "publishedAt": clock.iso(self.published_at),
            "name": self.name,
        }

    def draft_to_api(self) -> dict[str, Any]:
        """Give the form as Central shows its draft.

        Raises:
            NotFound: it has none.
        """
        draft = found(self.draft)
        return self.to_api() | {
            "version": draft.version,
            "hash": draft.md5,
            "sha": draft.sha1,
            "sha256": draft.sha256,
            "keyId": draft.key_id,
            "draftToken": draft.token,
            "publishedAt": None,
            "name": draft.name,
        }


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
    return iter(
        Form.query(keys.forms(project_id), Form.sk.startswith(keys.FORM), consistent_read=True)
    )


def list_for(project: Project, auth: Auth) -> list[Form]:
    """List the forms of a project that one may see, by name."""
    verbs = ("form.list", "open_form.list")
    seen = [
        form
        for form in of(project.id)
        if auth.verbs(form) & set(verbs[:1] if form.state == "closed" else verbs)
    ]
    return sorted(seen, key=lambda form: (form.name or form.xml_form_id).lower())


def xml(form: Form) -> bytes:
    """Give the XML of a form's published version.

    Raises:
        NotFound: it has none.
    """
    return definitions.xml(form.id, found(form.sha256))


def fields_of(form: Form) -> tuple[Field, ...]:
    """Give the fields of a form's published version.

    Raises:
        NotFound: it has none.
    """
    return definitions.get(form.id, found(form.version)).fields


def spreadsheet(form: Form, suffix: str) -> tuple[str, Blob]:
    """Give the spreadsheet of a form's published version and the name to save it under.

    Raises:
        NotFound: the form was not made from one of this kind (".xlsx" or ".xls").
    """
    blob = definitions.spreadsheet(definitions.get(form.id, found(form.version)))
    if blob is None or blob.content_type != SPREADSHEETS[suffix]:
        raise NotFound
    return f"{form.xml_form_id}{suffix}", blob


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
    kept = Form()
    kept.deserialize(form.serialize())
    kept.pk, kept.sk = keys.deleted_form(form.project_id, form.id)
    kept.deleted_at = clock.micros()
    try:
        with Transaction() as tx:
            tx.delete(form, unchanged(form), otherwise=NotFound())
            tx.create(kept)
            tx.audit("form.delete", by=by, on=form.actee_id)
    except NotFound:
        now = reads.get(Form.ref((form.pk, form.sk)))
        if now is None or now.id != form.id:
            raise
        # Somebody has changed its state meanwhile: what is kept has to tell that.
        delete(now, by=by)


def unchanged(form: Form) -> Condition:
    """Require that the form is as it was read."""
    seen = Form.updated_at
    at = seen.does_not_exist() if form.updated_at is None else seen == form.updated_at
    return (Form.id == form.id) & at  # type: ignore[no-any-return]
