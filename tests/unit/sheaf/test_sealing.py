"""Sealing, with the key where a deployed stack has it."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.exceptions import InvalidTag

from sheaf import clock, sealing, settings

VALUES = {"keys": ["whsec_abc"], "password": "päss"}


@pytest.fixture
def put_key(aws):
    """Put a key where the first deploy does."""

    def put(key: bytes, *, overwrite: bool = False) -> None:
        aws.client("ssm").put_parameter(
            Name=f"{settings.SECRETS_PREFIX}sealing-key",
            Value=b64encode(key).decode(),
            Type="SecureString",
            Overwrite=overwrite,
        )

    put(bytes(range(32)))
    return put


def test_what_was_sealed_for_an_owner_opens_for_it_alone(put_key):
    sealed = sealing.seal("whk_a", VALUES)
    assert sealing.unseal("whk_a", sealed) == VALUES
    assert b"whsec" not in sealed
    with pytest.raises(InvalidTag):
        sealing.unseal("whk_b", sealed)


def test_the_same_values_never_look_the_same(put_key):
    assert sealing.seal("whk_a", VALUES) != sealing.seal("whk_a", VALUES)


def test_a_changed_byte_is_noticed(put_key):
    sealed = sealing.seal("whk_a", VALUES)
    with pytest.raises(InvalidTag):
        sealing.unseal("whk_a", sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_a_way_of_sealing_that_is_not_known_is_refused(put_key):
    with pytest.raises(ValueError, match="unknown way"):
        sealing.unseal("whk_a", b"\x09" + sealing.seal("whk_a", VALUES)[1:])


def test_the_key_is_asked_for_anew_after_five_minutes(put_key, monkeypatch):
    sealed = sealing.seal("whk_a", VALUES)
    put_key(b"k" * 32, overwrite=True)
    real = clock.micros
    monkeypatch.setattr(clock, "micros", lambda: real() + 299_000_000)
    assert sealing.unseal("whk_a", sealed) == VALUES
    monkeypatch.setattr(clock, "micros", lambda: real() + 301_000_000)
    with pytest.raises(InvalidTag):
        sealing.unseal("whk_a", sealed)
