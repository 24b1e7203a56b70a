"""Managed keys: an RSA key pair whose private half only a passphrase opens. No storage here.

As in ODK Central, whose stored keys can be opened here: the private key in PKCS #8 PEM, encrypted
with AES-256-CBC under a key that PBKDF2 makes of the passphrase. Neither the passphrase nor what it
opens is ever stored or logged.
"""

from __future__ import annotations

import hashlib
import os
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sheaf.problems import DecryptionFailed

# The package takes 30 ms to load, and only few requests of few functions need it.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

BITS = 2048
ITERATIONS = 128_000
_EXPONENT = 65537
# In bytes: a salt, and a block of AES.
_SALT = 16
_BLOCK = 16


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted private key, and what it takes besides the passphrase to open it."""

    private: bytes
    salt: bytes
    iv: bytes


def generate(passphrase: str) -> tuple[str, Sealed]:
    """Make a key pair: the public key as forms hold it, the private key sealed."""
    from cryptography.hazmat.primitives import padding, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    pair = rsa.generate_private_key(_EXPONENT, BITS)
    pem = pair.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    salt, iv = os.urandom(_SALT), os.urandom(_BLOCK)
    padder, encryptor = (
        padding.PKCS7(8 * _BLOCK).padder(),
        _cipher(passphrase, salt, iv).encryptor(),
    )
    private = encryptor.update(padder.update(pem) + padder.finalize()) + encryptor.finalize()
    public = pair.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    # The ODK specification wants PEM in one line, without its first and its last.
    return b64encode(public).decode(), Sealed(private, salt, iv)


def unlock(sealed: Sealed, passphrase: str) -> RSAPrivateKey:
    """Open a private key.

    Raises:
        DecryptionFailed: it is not the passphrase.
    """
    from cryptography.hazmat.primitives import padding, serialization

    decryptor = _cipher(passphrase, sealed.salt, sealed.iv).decryptor()
    unpadder = padding.PKCS7(8 * _BLOCK).unpadder()
    try:
        padded = decryptor.update(sealed.private) + decryptor.finalize()
        pem = unpadder.update(padded) + unpadder.finalize()
        # One wrong passphrase in 256 comes this far.
        opened = serialization.load_pem_private_key(pem, None)
    except ValueError:
        raise DecryptionFailed from None
    return opened  # type: ignore[return-value]


def _cipher(passphrase: str, salt: bytes, iv: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, ITERATIONS, 32)
    return Cipher(algorithms.AES256(key), modes.CBC(iv))
