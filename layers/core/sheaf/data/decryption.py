"""What exports ask of whoever can open encrypted submissions.

An encrypted submission's XML is an envelope: it holds a key, encrypted for the public key of its
version of the form, and names files that are encrypted with that key. With the passphrase of a
managed key they can be opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from sheaf.forms.forms import Form


class Opener(Protocol):
    """Decrypts the files of one submission; there is one for each."""

    def __call__(self, index: int, encrypted: Iterable[bytes]) -> Iterator[bytes]:
        """Decrypt a file by and by.

        Args:
            index: which of the envelope's files: its media in order, then the XML.
            encrypted: the file, in pieces of any size.

        Raises:
            DecryptionFailed: it is none, or was encrypted with another key.
        """


class Decryptor(Protocol):
    """What the passphrases of a request open."""

    def keeps(self, key_id: int) -> bool:
        """Whether submissions that are encrypted for a key have a row at all.

        Who gives passphrases gets no rows of other keys, as in Central; one of a key that a form
        has brought with it, which nobody can open here, keeps its rows as they are.
        """

    def opener(self, key_id: int, instance_id: str, encrypted_key: str) -> Opener | None:
        """Give what opens a submission; None when no passphrase does.

        Args:
            key_id: of its form version's key (`SubmissionVersion.key_id`).
            instance_id: under which the device has sealed it.
            encrypted_key: the envelope's `base64EncryptedKey`.

        Raises:
            DecryptionFailed: the envelope was sealed with another key.
        """


class Closed:
    """Opens nothing: there are no keys. Whoever gave passphrases gets no encrypted rows."""

    def __init__(self, *, asked: bool) -> None:
        self._asked = asked

    def keeps(self, key_id: int) -> bool:
        """See Decryptor."""
        return not self._asked

    def opener(self, key_id: int, instance_id: str, encrypted_key: str) -> None:
        """See Decryptor."""


def decryptor(form: Form, passphrases: Mapping[int, str]) -> Decryptor:
    """Give what opens the submissions of a form.

    Args:
        form: the form.
        passphrases: by the numbers of the keys that they are for.

    Raises:
        DecryptionFailed: one is not its key's (400.12).
    """
    del form  # its keys are looked up here once there are any
    return Closed(asked=bool(passphrases))
