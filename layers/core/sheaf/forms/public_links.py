"""Public links: tokens with which anybody can send to one form.

One made with `once` takes a single submission from each device (`submissions.senders`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from sheaf import fields
from sheaf.access import actors, assignments, bearers, roles
from sheaf.access.actors import PUBLIC_LINK, Actor
from sheaf.access.auth import Auth
from sheaf.db.reads import Lookup
from sheaf.db.transaction import Transaction
from sheaf.forms.forms import Form


@dataclass(frozen=True, slots=True)
class Draft:
    """What a client says of a new link."""

    display_name: str
    once: bool | None

    @classmethod
    def from_api(cls, body: Mapping[str, Any]) -> Self:
        """Read a new link's JSON."""
        name = fields.text(body, "displayName", longest=actors.LONGEST_NAME)
        return cls(name, fields.optional_flag(body, "once"))


def list_for(form: Form, *, extended: bool) -> list[dict[str, Any]]:
    """List the links of a form; with who made them when extended."""
    listed = bearers.of(form)
    shown = bearers.listed_to_api(listed, extended=extended)
    return [{"once": link.once} | each for link, each in zip(listed, shown, strict=True)]


def lookup(form: Form, path: Mapping[str, str]) -> Lookup[Actor]:
    """Find the link `{linkId}` of a form.

    Raises:
        NotFound: the form has none, or not any more.
    """
    return bearers.lookup(PUBLIC_LINK, fields.number(path["linkId"]), form)


def create(form: Form, draft: Draft, *, by: Auth) -> dict[str, Any]:
    """Create a link, which may be used at once, and give it with its token."""
    link = actors.new(PUBLIC_LINK, draft.display_name)
    link.once = draft.once
    role = roles.get("pub-link")
    link.grants = {assignments.grant(role.id, form.actee_id)}
    data = {"actorId": link.id, "createdBy": by.actor_id, "formId": form.id, "once": draft.once}
    with Transaction() as tx:
        opened = bearers.issue(tx, link, form, by=by)
        assignments.add(tx, link, role.id, form.actee_id)
        tx.audit(
            "public_link.assignment.create",
            by=by,
            on=link.actee_id,
            details={"roleId": role.id, "grantedActeeId": form.actee_id},
        )
        tx.audit("public_link.create", by=by, on=link.actee_id, details={"data": data})
    return {"once": link.once} | bearers.issued_to_api(link, opened)
