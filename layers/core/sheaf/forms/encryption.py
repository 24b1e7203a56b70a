"""Encrypted forms: a definition with a public key, so that what devices fill arrives sealed.

A form may bring a key of its own. In an encrypted project all others are given the project's, and
a version that tells them from what they were.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sheaf import clock
from sheaf.db.transaction import Transaction
from sheaf.encryption import keyring
from sheaf.encryption.keyring import Key
from sheaf.problems import Activating
from sheaf.projects.projects import Project

if TYPE_CHECKING:
    from sheaf.forms.upload import Upload

# What the key of the table that a version becomes can hold (and Central's column, too).
LONGEST_VERSION = 255
_LETTERS = 8


def applied(project: Project, upload: Upload) -> Upload:
    """Give an upload with the key that it is to be published with, if there is one.

    Raises:
        ValueTooLong: it brings a key longer than any.
    """
    own = upload.definition.public_key
    if own is not None:
        key, known = keyring.find_or_make(own)
        return replace(upload, key=key, key_known=known)
    if project.key_id is None:
        return upload
    (key,) = keyring.by_ids([project.key_id])
    return with_key(upload, key, new_suffix())


def secure(tx: Transaction, project: Project, upload: Upload) -> None:
    """Let the transaction that stores an upload fail if the project has been encrypted meanwhile.

    Raises, when the transaction is made:
        Activating: it has: the upload would stay in the clear.
    """
    require_as_read(tx, project)
    if upload.key is not None and not upload.key_known:
        keyring.create(tx, upload.key)


def require_as_read(tx: Transaction, project: Project) -> None:
    """Let a transaction fail (Activating) if the project has been encrypted since it was read."""
    seen = Project.key_id
    as_read = seen.does_not_exist() if project.key_id is None else seen == project.key_id
    tx.check(project, as_read, otherwise=Activating())


def new_suffix() -> str:
    """Make what is put behind the version of a form that is given a key."""
    return f"[encrypted:{clock.letters(_LETTERS)}]"


def with_key(upload: Upload, key: Key, suffix: str) -> Upload:
    """Write a key into a form that has none, and the suffix behind its version."""
    from sheaf.forms import inscription  # loads a parser of XML, which few requests need

    version = upload.definition.version[: LONGEST_VERSION - len(suffix)] + suffix
    return replace(
        upload,
        xml=inscription.inscribe(upload.xml, public_key=key.public, version=version),
        definition=replace(upload.definition, version=version, public_key=key.public),
        key=key,
    )
