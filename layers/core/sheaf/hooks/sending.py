"""One request to a hook's receiver: what its headers say, and what came of it.

Deliveries, and whoever tries a hook by hand, send through here. What is kept of a request shows no
secret.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sheaf import clock
from sheaf.hooks import connect, credentials, oauth, signature
from sheaf.hooks.connect import Answer, UnreachableError
from sheaf.hooks.keyring import Keyring
from sheaf.hooks.records import Hook
from sheaf.hooks.targets import RefusedError

JSON = "application/json; charset=utf-8"
XML = "application/xml"
# Of how many systems the event is the echo, ours included.
HOPS = "webhook-hops"
# What stands for a secret where a request is shown.
MASK = "***"


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it was rendered, its type, and the headers that tell what it does not."""

    data: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: under which `webhook-id`, of which type of event, on which attempt."""

    id: str
    kind: str
    body: Body
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request: an answer, or an error (`<kind>: <sentence>`).

    `began` is in micros, `ms` in milliseconds. `blocked` says that the target may not be reached.
    `sent` are the request's headers as they may be shown, `address` is where it went.
    """

    began: int
    ms: int
    answer: Answer | None = None
    error: str | None = None
    blocked: bool = False
    sent: Mapping[str, str] = field(default_factory=dict)
    address: str | None = None


def send(hook: Hook, message: Message, *, seconds: float) -> Outcome:
    """Send a message to a hook's receiver, within so many seconds, and tell what came of it."""
    keyring = Keyring.unseal(hook.id, hook.sealed)
    began, started = clock.micros(), time.perf_counter()
    headers = headers_of(hook, keyring, message, began)
    answer, error, blocked, address = None, None, False, None
    try:
        secret = _authorization(hook, keyring, seconds)
        if hook.auth["type"] == credentials.OAUTH2:
            seconds -= time.perf_counter() - started
        answer = connect.post(hook.url, headers | secret, message.body.data, seconds=seconds)
        address = answer.address
    except UnreachableError as reason:
        error, address = f"{reason.kind}: {reason}", reason.address
    except RefusedError as reason:
        error, blocked = f"blocked: the URL {reason}.", True
    if answer is not None and answer.status == 401:
        oauth.forget(hook)
    # Of what is blocked not even the time is told: it would say what the resolver knows.
    took = 0 if blocked else round((time.perf_counter() - started) * 1000)
    sent = masked(hook, headers | connect.OURS)
    return Outcome(began, took, answer, error, blocked, sent, address)


def headers_of(hook: Hook, keyring: Keyring, message: Message, now: int) -> dict[str, str]:
    """Give the headers of a message, signed at a moment (micros), but the one that authorizes."""
    seconds, body = now // 1_000_000, message.body
    signed = signature.sign(keyring.signing(now), message.id, seconds, body.data)
    return {
        **{name.lower(): value for name, value in keyring.headers.items()},
        HOPS: "1",
        **body.headers,
        "content-type": body.content_type,
        "webhook-id": message.id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signed,
        "webhook-event": message.kind,
        "webhook-attempt": str(message.attempt),
    }


def masked(hook: Hook, headers: Mapping[str, str]) -> dict[str, str]:
    """Give headers as they may be shown: those that hold a secret without it."""
    secret = {name.lower() for name in hook.headers}
    shown = {name: MASK if name in secret else value for name, value in headers.items()}
    if hook.auth["type"] == credentials.NONE:
        return shown
    scheme = "Basic" if hook.auth["type"] == credentials.BASIC else "Bearer"
    return shown | {"authorization": f"{scheme} {MASK}"}


def _authorization(hook: Hook, keyring: Keyring, seconds: float) -> dict[str, str]:
    """Give the header by which the receiver knows us, if it asks for one.

    Raises:
        UnreachableError, RefusedError: a token was needed, and could not be had.
    """
    kind, words = hook.auth["type"], keyring.words
    if kind == credentials.BASIC:
        pair = f"{hook.auth['username']}:{words['password']}".encode()
        return {"authorization": f"Basic {b64encode(pair).decode()}"}
    if kind == credentials.BEARER:
        return {"authorization": f"Bearer {words['token']}"}
    if kind == credentials.OAUTH2:
        token = oauth.token(hook, words["clientSecret"], seconds)
        return {"authorization": f"Bearer {token}"}
    return {}


def attempt_to_api(outcome: Outcome) -> dict[str, Any]:
    """Give an outcome as the answer to a try by hand."""
    answer = outcome.answer
    return {
        "at": clock.iso(outcome.began),
        "durationMs": outcome.ms,
        "status": answer and answer.status,
        "error": outcome.error,
        "response": answer and answer.body.decode(errors="replace"),
    }
