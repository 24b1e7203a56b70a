"""What a device does to send a filled form encrypted, as the ODK XForms specification has it.

Written from that specification ("Encryption"), apart from the product: it shares no code with it.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, field

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms


@dataclass(frozen=True)
class Sealed:
    """An encrypted submission: its envelope, and the files that follow it, by name."""

    envelope: bytes
    files: dict[str, bytes] = field(default_factory=dict)


def keypair() -> tuple[str, rsa.RSAPrivateKey]:
    """A key pair of one's own: the public key as a form holds it, and the private key."""
    private = rsa.generate_private_key(65537, 2048)
    der = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return b64encode(der).decode(), private


@functools.cache
def own() -> tuple[str, rsa.RSAPrivateKey]:
    """A key pair, the same for all who ask: making one takes its time."""
    return keypair()


def public_key(form_xml: bytes) -> str:
    """The key that a form tells its devices to encrypt for."""
    found = re.search(rb'<submission[^>]* base64RsaPublicKey="([^"]+)"', form_xml)
    assert found, form_xml
    return found[1].decode()


def seal(
    xml: bytes,
    public: str,
    *,
    instance_id: str,
    version: str,
    form: str = "simple",
    media: dict[str, bytes] | None = None,
    deprecated: str | None = None,
) -> Sealed:
    """Encrypt a filled form and its media for a public key."""
    key = os.urandom(32)
    recipient = serialization.load_der_public_key(b64decode(public))
    assert isinstance(recipient, rsa.RSAPublicKey)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    seed = bytearray(hashlib.md5(instance_id.encode() + key).digest())
    plain = {**(media or {}), "submission.xml": xml}
    files = {}
    for number, (name, data) in enumerate(plain.items()):
        seed[number % 16] = (seed[number % 16] + 1) & 0xFF
        files[f"{name}.enc"] = _encrypt(key, bytes(seed), data)
    sealed_key = b64encode(recipient.encrypt(key, oaep)).decode()
    listed = "".join(f"<media><file>{name}.enc</file></media>" for name in media or {})
    old = f"<deprecatedID>{deprecated}</deprecatedID>" if deprecated else ""
    envelope = (
        f'<data xmlns="http://opendatakit.org/submissions" id="{form}" version="{version}"'
        f' encrypted="yes">'
        f"<base64EncryptedKey>{sealed_key}</base64EncryptedKey>"
        f'<orx:meta xmlns:orx="http://openrosa.org/xforms"><orx:instanceID>{instance_id}'
        f"</orx:instanceID>{old}</orx:meta>{listed}"
        f"<encryptedXmlFile>submission.xml.enc</encryptedXmlFile>"
        f"<base64EncryptedElementSignature>{b64encode(os.urandom(256)).decode()}"
        f"</base64EncryptedElementSignature></data>"
    )
    return Sealed(envelope.encode(), files)


def _encrypt(key: bytes, vector: bytes, data: bytes) -> bytes:
    fill = 16 - len(data) % 16
    encryptor = Cipher(algorithms.AES(key), CFB(vector)).encryptor()
    return encryptor.update(data + bytes([fill]) * fill) + encryptor.finalize()
