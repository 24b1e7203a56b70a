"""What the passphrases of a request open: encrypted submissions of a form, and their files.

An encrypted submission's XML is an envelope: it holds a key, encrypted for the public key of its
version of the form, and names files that are encrypted with that key. With the passphrase of a
managed key they can be opened.

Only passphrases of keys that the form has to do with are tried. One for another project's key is
like one for no key at all, so that nobody can try passphrases there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Protocol

from sheaf.encryption import envelope, keypairs, keyring
from sheaf.encryption.keyring import Key
from sheaf.forms.forms import Form
from sheaf.submissions import key_uses
from sheaf.submissions.records import LIVE

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

# Submissions whose keys are held: to open one takes a millisecond, and it may have several files.
_HELD = 1_000


class Opener(Protocol):
    """Decrypts the files of one submission; there is one for each."""

    def __call__(self, index: int, encrypted: Iterable[bytes]) -> Iterator[bytes]:
        """Decrypt a file by and by.

        Args:
            index: which of the envelope's files: its media in order, then the XML.
            encrypted: the file, in pieces of any size.

        Raises:
            DecryptionFailed: it is none, or was encrypted with another key. That may show at the
                end alone.
        """


class Decryptor:
    """What passphrases open.

    Args:
        named: the numbers of the keys that passphrases were given for.
        private: the private keys that they have opened, by number.
    """

    def __init__(self, named: Collection[int], private: Mapping[int, RSAPrivateKey]) -> None:
        self._named, self._private = frozenset(named), private
        self._key = lru_cache(_HELD)(self._open_key)

    def keeps(self, key_id: int) -> bool:
        """Whether submissions that are encrypted for a key have a row at all.

        Who gives passphrases gets no rows of other keys, as in Central; one of a key that a form
        has brought with it, which nobody can open here, keeps its rows as they are.
        """
        return not self._named or key_id in self._named

    def opener(self, key_id: int, instance_id: str, encrypted_key: str) -> Opener | None:
        """Give what opens a submission; None when no passphrase does.

        Args:
            key_id: of its form version's key (`SubmissionVersion.key_id`).
            instance_id: under which the device has sealed it.
            encrypted_key: the envelope's `base64EncryptedKey`.

        Raises:
            DecryptionFailed: the envelope was sealed with another key.
        """
        if key_id not in self._private:
            return None
        return partial(envelope.decrypt, self._key(key_id, encrypted_key), instance_id)

    def _open_key(self, key_id: int, encrypted_key: str) -> bytes:
        return envelope.open_key(self._private[key_id], encrypted_key)


def decryptor(form: Form, passphrases: Mapping[int, str]) -> Decryptor:
    """Give what opens the submissions of a form.

    Args:
        form: the form.
        passphrases: by the numbers of the keys that they are for.

    Raises:
        DecryptionFailed: one is not its key's (400.12).
    """
    found = keyring.by_ids(passphrases) if passphrases else []
    private = {
        key.id: keypairs.unlock(key.sealed, passphrases[key.id])
        for key in found
        if key.managed and _concerns(form, key)
    }
    return Decryptor(passphrases.keys(), private)


def _concerns(form: Form, key: Key) -> bool:
    """Whether submissions of a form may be encrypted for a managed key.

    That of another project is not unheard of: a form's XML can be taken from project to project.
    """
    drafts = form.draft.key_id if form.draft else None
    if key.project_id == form.project_id or key.id in (form.key_id, drafts):
        return True
    return any(key.id == used.id for used in key_uses.keys_of(form, LIVE))
