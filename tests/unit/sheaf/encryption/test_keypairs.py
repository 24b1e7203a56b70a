"""Managed keys, generated here and opened again, and as Central stores them."""

import hashlib
import os
from base64 import b64decode

import pytest
from cryptography.hazmat.primitives import padding, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from sheaf.encryption import keypairs
from sheaf.encryption.keypairs import Sealed
from sheaf.problems import DecryptionFailed

PASSPHRASE = "correct horse, süße Batterie"


@pytest.fixture(scope="module")
def made():
    return keypairs.generate(PASSPHRASE)


def numbers(public_or_private):
    key = getattr(public_or_private, "public_key", lambda: public_or_private)()
    return key.public_numbers()


def test_the_public_key_is_that_of_the_private_one(made):
    public, sealed = made
    opened = keypairs.unlock(sealed, PASSPHRASE)
    assert opened.key_size == 2048
    assert numbers(serialization.load_der_public_key(b64decode(public))) == numbers(opened)
    assert "\n" not in public
    assert "-" not in public


def test_nothing_of_the_private_key_lies_open(made):
    _, sealed = made
    pem = keypairs.unlock(sealed, PASSPHRASE).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    assert not any(line in sealed.private for line in pem.splitlines())
    assert PASSPHRASE.encode() not in sealed.private + sealed.salt + sealed.iv
    assert PASSPHRASE not in repr(made)


@pytest.mark.parametrize("wrong", ["", "correct horse", f"{PASSPHRASE} ", PASSPHRASE.lower()])
def test_another_passphrase_opens_nothing(made, wrong):
    _, sealed = made
    with pytest.raises(DecryptionFailed):
        keypairs.unlock(sealed, wrong)


def sealed_as_central_does(passphrase, pem):
    salt, iv = os.urandom(16), os.urandom(16)
    key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, 128_000, 32)
    padder, encryptor = padding.PKCS7(128).padder(), Cipher(algorithms.AES(key), modes.CBC(iv))
    encryptor = encryptor.encryptor()
    private = encryptor.update(padder.update(pem) + padder.finalize()) + encryptor.finalize()
    return Sealed(private, salt, iv)


def test_a_key_that_central_has_stored_is_opened():
    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    opened = keypairs.unlock(sealed_as_central_does(PASSPHRASE, pem), PASSPHRASE)
    assert opened.private_numbers() == private.private_numbers()


def test_what_unpads_by_chance_is_no_key():
    """One wrong passphrase in 256 gives what looks padded."""
    with pytest.raises(DecryptionFailed):
        keypairs.unlock(sealed_as_central_does(PASSPHRASE, b"no key"), PASSPHRASE)


def test_two_keys_of_one_passphrase_have_nothing_in_common(made):
    public, sealed = made
    other_public, other = keypairs.generate(PASSPHRASE)
    assert public != other_public
    assert {sealed.private, sealed.salt, sealed.iv}.isdisjoint(
        {other.private, other.salt, other.iv}
    )
