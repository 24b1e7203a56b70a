"""Sealing, with the key where a deployed stack has it."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.exceptions import InvalidTag

from sheaf import clock, sealing, settings

VALUES = {"keys": ["whsec_abc"], "password": "päss"}


def test_what_was_sealed_for_an_owner_opens_for_it_alone(aws):
    sealed = sealing.seal("whk_a", VALUES)
    assert sealing.unseal("whk_a", sealed) == VALUES
    assert b"whsec" not in sealed
    with pytest.raises(InvalidTag):
        sealing.unseal("whk_b", sealed)


def test_the_same_values_never_look_the_same(aws):
    assert sealing.seal("whk_a", VALUES) != sealing.seal("whk_a", VALUES)


def test_a_changed_byte_is_noticed(aws):
    sealed = sealing.seal("whk_a", VALUES)
    with pytest.raises(InvalidTag):
        sealing.unseal("whk_a", sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_a_way_of_sealing_that_is_not_known_is_refused(aws):
    with pytest.raises(ValueError, match="unknown way"):
        sealing.unseal("whk_a", b"\x09" + sealing.seal("whk_a", VALUES)[1:])


def test_the_key_is_asked_for_anew_after_five_minutes(aws, monkeypatch):
    sealed = sealing.seal("whk_a", VALUES)
    aws.client("ssm").put_parameter(
        Name=f"{settings.SECRETS_PREFIX}sealing-key",
        Value=b64encode(b"k" * 32).decode(),
        Type="SecureString",
        Overwrite=True,
    )
    real = clock.micros
    monkeypatch.setattr(clock, "micros", lambda: real() + 299_000_000)
    assert sealing.unseal("whk_a", sealed) == VALUES
    monkeypatch.setattr(clock, "micros", lambda: real() + 301_000_000)
    with pytest.raises(InvalidTag):
        sealing.unseal("whk_a", sealed)
