"""Signatures, held against the library that Standard Webhooks publishes for receivers."""

from base64 import b64decode
from datetime import UTC, datetime

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sheaf.hooks import signature


def headers(signed: str, now: int) -> dict[str, str]:
    return {
        "webhook-id": "dlv_1",
        "webhook-timestamp": str(now),
        "webhook-signature": signed,
    }


def test_a_receiver_with_the_secret_accepts_the_request():
    secret, body = signature.new_secret(), '{"name":"Åse"}'.encode()
    now = int(datetime.now(UTC).timestamp())
    signed = signature.sign([secret], "dlv_1", now, body)
    assert Webhook(secret).verify(body, headers(signed, now)) == {"name": "Åse"}


def test_while_secrets_change_a_receiver_with_either_accepts():
    new, old = signature.new_secret(), signature.new_secret()
    now = int(datetime.now(UTC).timestamp())
    signed = signature.sign([new, old], "dlv_1", now, b"{}")
    assert len(signed.split(" ")) == 2
    for secret in (new, old):
        assert Webhook(secret).verify(b"{}", headers(signed, now)) == {}


@pytest.mark.parametrize("change", ["body", "id", "time", "secret"])
def test_whatever_is_changed_on_the_way_is_noticed(change):
    secret, now = signature.new_secret(), int(datetime.now(UTC).timestamp())
    sent = headers(signature.sign([secret], "dlv_1", now, b'{"a":1}'), now)
    body = b'{"a":2}' if change == "body" else b'{"a":1}'
    sent |= {"id": {"webhook-id": "dlv_2"}, "time": {"webhook-timestamp": str(now + 1)}}.get(
        change, {}
    )
    held = signature.new_secret() if change == "secret" else secret
    with pytest.raises(WebhookVerificationError):
        Webhook(held).verify(body, sent)


def test_the_example_of_the_specification_comes_out():
    # The vector that the specification's reference libraries test with.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    signed = signature.sign(
        [secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_has_32_bytes_and_is_new_each_time():
    made = {signature.new_secret() for _ in range(50)}
    assert len(made) == 50
    assert {len(b64decode(secret.removeprefix("whsec_"))) for secret in made} == {32}
