"""Opening what a device has sealed: the encrypted XML of a submission, and its files.

An envelope is the XML that comes in place of an encrypted submission. It holds an AES key,
encrypted for the form's public RSA key, and names the encrypted files in order; the encrypted XML
is the last of them. The scheme is the ODK XForms specification's, "Encryption".
"""

from __future__ import annotations

import hashlib
from base64 import b64decode
from binascii import Error
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sheaf.problems import DecryptionFailed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

# In bytes: AES-256, and a block of AES, which is also the longest padding.
_KEY = 32
_BLOCK = 16
_PART = 1 << 18


def open_key(private: RSAPrivateKey, encrypted_key: str) -> bytes:
    """Give the AES key of an envelope (its `base64EncryptedKey`).

    Raises:
        DecryptionFailed: it was encrypted for another key, or is none.
    """
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    try:
        key = private.decrypt(b64decode(encrypted_key), oaep)
    except (Error, ValueError):
        raise DecryptionFailed from None
    if len(key) != _KEY:
        raise DecryptionFailed
    return key


def initial_vector(key: bytes, instance_id: str, index: int) -> bytes:
    """Give the initialization vector of an envelope's file; they count from 0."""
    vector = bytearray(hashlib.md5(instance_id.encode() + key, usedforsecurity=False).digest())
    for turn in range(index + 1):
        place = turn % _BLOCK
        vector[place] = (vector[place] + 1) % 256
    return bytes(vector)


def decrypt(
    key: bytes, instance_id: str, index: int, encrypted: Iterable[bytes]
) -> Iterator[bytes]:
    """Decrypt a file by and by; what is held at any time is one piece of it.

    Args:
        key: the envelope's AES key.
        instance_id: the instanceID that the device has sealed the submission under.
        index: which of the envelope's files it is: media in order, then the XML.
        encrypted: the file, in pieces of any size.

    Raises:
        DecryptionFailed: at the end: what came out is no padded file. Nothing else tells a wrong
            key or a file that is cut off.
    """
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

    vector = initial_vector(key, instance_id, index)
    decryptor = Cipher(algorithms.AES256(key), CFB(vector)).decryptor()
    # The last block may be padding, and which one is the last is known at the end.
    held = b""
    for part in _parts(encrypted):
        held += decryptor.update(part)
        if len(held) > _BLOCK:
            yield held[:-_BLOCK]
            held = held[-_BLOCK:]
    yield _unpadded(held + decryptor.finalize())


def _parts(pieces: Iterable[bytes]) -> Iterator[memoryview]:
    """Cut pieces small, since each part is copied several times on its way."""
    for piece in pieces:
        view = memoryview(piece)
        for start in range(0, len(view), _PART):
            yield view[start : start + _PART]


def _unpadded(block: bytes) -> bytes:
    """Take the padding (PKCS #7) off the last block."""
    size = block[-1] if block else 0
    if not 1 <= size <= len(block) or block[-size:] != bytes([size]) * size:
        raise DecryptionFailed
    return block[:-size]
