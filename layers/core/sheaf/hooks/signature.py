"""Signatures by which a receiver knows that a request is ours (Standard Webhooks 1.0.0, `v1`)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable

from sheaf import clock

PREFIX = "whsec_"


def new_secret() -> str:
    """Make a secret: 32 bytes in base64 after `whsec_` (the specification asks for 24 to 64)."""
    # A token has more chance in it than that; its digest has exactly the length.
    return PREFIX + b64encode(hashlib.sha256(clock.token().encode()).digest()).decode()


def sign(secrets: Iterable[str], message_id: str, timestamp: int, body: bytes) -> str:
    """Give the `webhook-signature` header: one signature for each secret, parted by spaces.

    Args:
        secrets: those valid now; a receiver accepts any of them, so that they can be changed.
        message_id: the `webhook-id` header.
        timestamp: the `webhook-timestamp` header, seconds since 1970.
        body: the request's body, byte for byte.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (
        hmac.digest(b64decode(secret.removeprefix(PREFIX)), signed, "sha256") for secret in secrets
    )
    return " ".join(f"v1,{b64encode(digest).decode()}" for digest in digests)
