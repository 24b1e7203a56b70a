"""Sealing, with the key where a deployed stack has it."""

from base64 import b64encode

import pytest
from cryptography.exceptions import InvalidTag

from sheaf import settings
from sheaf.hooks import secrets

VALUES = {"keys": ["whsec_abc"], "password": "päss"}


def test_what_was_sealed_for_a_hook_opens_for_it_alone(sealing):
    sealed = secrets.seal("whk_a", VALUES)
    assert secrets.unseal("whk_a", sealed) == VALUES
    assert b"whsec" not in sealed
    with pytest.raises(InvalidTag):
        secrets.unseal("whk_b", sealed)


def test_the_same_values_never_look_the_same(sealing):
    assert secrets.seal("whk_a", VALUES) != secrets.seal("whk_a", VALUES)


def test_a_changed_byte_is_noticed(sealing):
    sealed = secrets.seal("whk_a", VALUES)
    with pytest.raises(InvalidTag):
        secrets.unseal("whk_a", sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_a_way_of_sealing_that_is_not_known_is_refused(sealing):
    with pytest.raises(ValueError, match="unknown way"):
        secrets.unseal("whk_a", b"\x09" + secrets.seal("whk_a", VALUES)[1:])


def test_the_key_is_asked_for_anew_after_five_minutes(sealing, time):
    sealed = secrets.seal("whk_a", VALUES)
    sealing.client("ssm").put_parameter(
        Name=f"{settings.SECRETS_PREFIX}sealing-key",
        Value=b64encode(b"k" * 32).decode(),
        Type="SecureString",
        Overwrite=True,
    )
    time.forward(299)
    assert secrets.unseal("whk_a", sealed) == VALUES
    time.forward(2)
    with pytest.raises(InvalidTag):
        secrets.unseal("whk_a", sealed)
