"""Sealing: what must be kept secret and yet be read again lies encrypted in the table.

The key is a SecureString of SSM Parameter Store, made by the first deploy. What is sealed is bound
to its owner, so a sealed value that is copied to another item opens nothing.
"""

from __future__ import annotations

import hmac
import json
import os
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from sheaf import aws, clock, settings

# The first byte tells how the rest is sealed, so that the way can change.
_AES_GCM = b"\x01"
_NONCE = 12
# How long a process may use the key before it asks again, in microseconds.
_KEEP = 300_000_000
_held: dict[str, tuple[bytes, int]] = {}


def seal(owner: str, values: Mapping[str, Any]) -> bytes:
    """Encrypt values, which JSON can hold, for the one that bears that id."""
    # Chance straight from the system: a nonce that came twice would give the key away.
    nonce = os.urandom(_NONCE)
    text = json.dumps(values, separators=(",", ":")).encode()
    return b"".join((_AES_GCM, nonce, _cipher().encrypt(nonce, text, owner.encode())))


def unseal(owner: str, sealed: bytes) -> dict[str, Any]:
    """Decrypt what was sealed for that owner.

    Raises:
        ValueError: it was sealed in a way that this release does not know.
        cryptography.exceptions.InvalidTag: with another key, or for another owner.
    """
    if sealed[:1] != _AES_GCM:
        raise ValueError(f"Sealed in an unknown way: {sealed[:1]!r}.")
    nonce, rest = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
    return json.loads(_cipher().decrypt(nonce, rest, owner.encode()))  # type: ignore[no-any-return]


def mac(purpose: str, message: bytes) -> bytes:
    """Give 32 bytes that prove a message to be ours, for one purpose alone."""
    # A key of its own for each purpose, and none of them the one that encrypts.
    key = hmac.digest(_key(), f"mac {purpose}".encode(), "sha256")
    return hmac.digest(key, message, "sha256")


def _cipher() -> Any:
    # Imported here: few routes seal or unseal, and of those that do not each on every request.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(_key())


def _key() -> bytes:
    name = f"{settings.SECRETS_PREFIX}sealing-key"
    key, until = _held.get(name, (b"", 0))
    now = clock.micros()
    if now >= until:
        answer = aws.client("ssm").get_parameter(Name=name, WithDecryption=True)
        key = b64decode(answer["Parameter"]["Value"], validate=True)
        _held[name] = key, now + _KEEP
    return key
