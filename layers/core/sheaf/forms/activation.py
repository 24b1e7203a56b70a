"""Switching on a project's encryption, which cannot be undone.

First the project gets its key, in one transaction; from then on whatever is published in it is
encrypted. Then its forms follow, each in a transaction of its own: a project may have more than one
transaction can change, or one request. What a request leaves is done by a worker, which the same
transaction has called; to do it twice does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from sheaf import clock, fields
from sheaf.access.passwords import SHORTEST
from sheaf.db import keys, reads
from sheaf.db.transaction import Author, Transaction
from sheaf.encryption import keyring
from sheaf.forms import conversion, encryption, forms
from sheaf.problems import AlreadyActive, MissingParameter, NotFound, PasswordTooShort, Problem
from sheaf.projects.projects import Project
from sheaf.telemetry import logger

# In characters. Central has no limit.
LONGEST_HINT = 1_000
# The event that calls the worker.
EVENT = "project.encrypt"
# Microseconds that a request gives to forms; the worker has the rest.
PATIENCE = 15_000_000


@dataclass(frozen=True, slots=True)
class Requester:
    """Who has asked, when it is somebody else who does it."""

    actor_id: int | None
    notes: str | None
    hops: int = 0


@dataclass(frozen=True, slots=True)
class Activation:
    """What a client sends: a passphrase, which is never shown, and what may remind of it."""

    passphrase: str = field(repr=False)
    hint: str | None

    @classmethod
    def from_api(cls, body: Mapping[str, Any]) -> Self:
        """Read the JSON of the request.

        Raises:
            MissingParameter: there is no passphrase.
            PasswordTooShort: it has fewer than ten characters.
        """
        passphrase = fields.text(body, "passphrase")
        if not passphrase:
            raise MissingParameter(field="passphrase")
        if len(passphrase) < SHORTEST:
            raise PasswordTooShort
        return cls(passphrase, fields.optional_text(body, "hint", longest=LONGEST_HINT))


def activate(project: Project, asked: Activation, *, by: Author) -> None:
    """Encrypt a project.

    Raises:
        AlreadyActive: it is encrypted.
        NotFound: it has been deleted meanwhile.
    """
    until = clock.micros() + PATIENCE
    if project.key_id is not None:
        # Whoever asks again may do so because the first answer did not come.
        finish(project, by=by, until=until)
        raise _already()
    key = keyring.make_managed(project.id, asked.passphrase, asked.hint)
    actions = [Project.key_id.set(key.id), Project.updated_at.set(key.created_at)]
    free = Project.key_id.does_not_exist() & Project.deleted_at.does_not_exist()
    with Transaction() as tx:
        tx.update(project, actions, free, otherwise=_taken)
        keyring.create(tx, key)
        tx.audit("project.update", by=by, on=project.actee_id, details={"encrypted": True})
        call(tx, project, by=by)
    project.key_id = key.id
    finish(project, by=by, until=until)


def call(tx: Transaction, project: Project, *, by: Author) -> None:
    """Let a transaction call the worker for what has no key in an encrypted project."""
    tx.audit(EVENT, by=by, on=project.actee_id, hidden=True, event={"projectId": project.id})


def resume(event: Mapping[str, Any]) -> None:
    """Encrypt what is left of a project's forms, in the name of who has called.

    Args:
        event: that which `call` has written.

    Raises:
        RuntimeError: some forms could not be encrypted.
    """
    project = reads.get(Project.ref(keys.project(event["projectId"])))
    if project is None or project.deleted_at is not None:
        return
    if failed := finish(project, by=Requester(event["actorId"], event["notes"])):
        raise RuntimeError(f"not encrypted: {failed[:3]}")


def finish(project: Project, *, by: Author, until: int | None = None) -> list[int]:
    """Give an encrypted project's key to those of its forms that have none yet.

    Args:
        project: whose forms.
        by: in whose name they are published.
        until: when to stop, in micros.

    Returns:
        The forms that could not be encrypted: none holds up the others.
    """
    (key,) = keyring.by_ids([project.key_id])
    suffix, failed = encryption.new_suffix(), []
    for form in forms.of(project.id):
        if until is not None and clock.micros() > until:
            break
        try:
            conversion.convert(form, key, suffix, by=by)
        except Problem:
            logger.exception("encrypt.failed", extra={"form": form.id})
            failed.append(form.id)
    return failed


def _taken(raw: dict[str, Any] | None) -> Problem:
    return _already() if raw and "k" in raw else NotFound()


def _already() -> AlreadyActive:
    return AlreadyActive(feature="managed encryption")
