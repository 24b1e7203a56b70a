"""Attempts: what is kept of each, and how it is shown.

The record of a delivery has the numbers, and of each exchange as much as keeps the record small; a
longer answer lies with the submission, so that a purge finds it. No secret is in any of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pynamodb.attributes import BinaryAttribute

from sheaf import clock
from sheaf.db import keys, reads
from sheaf.db.compression import pack_exchange, unpack
from sheaf.db.items import IntegerAttribute, Item
from sheaf.hooks.sending import MASK

if TYPE_CHECKING:
    from sheaf.hooks.deliveries import Delivery
    from sheaf.hooks.sending import Outcome

# Characters of an answer that lists show, and that the record keeps of one that is long.
EXCERPT = 500
# What an exchange may take up in the record, packed.
_INLINE = 700
# Headers that follow from the delivery and the attempt, and the signature, which is no use to show.
_ID, _AT, _SIGNED = "webhook-id", "webhook-timestamp", "webhook-signature"
_EVENT, _NUMBER = "webhook-event", "webhook-attempt"
_DERIVED = frozenset({_ID, _AT, _SIGNED, _EVENT, _NUMBER})


class HookAnswer(Item):
    """A long answer to an attempt (key: `V#<submission>`, `B#<event>#<hook>#<n>`)."""

    packed = BinaryAttribute(attr_name="x", legacy_encoding=False)
    ttl = IntegerAttribute()


def note(delivery: Delivery, outcome: Outcome) -> dict[str, Any]:
    """Give what the record keeps of an attempt; a long answer is written down apart, first.

    `t`: when it began (micros), `ms`, `s`: status, `e`: error, `a`: address, `d`: the exchange,
    `l`: whether there is more of it in a HookAnswer. What is absent takes no room.
    """
    answer = outcome.answer
    text = None if answer is None else answer.body.decode(errors="replace")
    kept = {
        "t": outcome.began,
        "ms": outcome.ms,
        "s": answer and answer.status,
        "e": outcome.error,
        "a": outcome.address,
    }
    attempt = {name: value for name, value in kept.items() if value is not None}
    sent = {name: value for name, value in outcome.sent.items() if name not in _DERIVED}
    packed = _pack([sent, dict(answer.headers) if answer else None, text])
    if len(packed) > _INLINE:
        number = len(delivery.attempts) + 1
        _answer(delivery, number, packed).save()
        attempt["l"] = True
        packed = _pack([sent, None, (text or "")[:EXCERPT]])
    return attempt | {"d": packed}


def forget(delivery: Delivery, number: int) -> None:
    """Remove what was answered to an attempt: the submission is gone."""
    ref = _answer_ref(delivery, number)
    HookAnswer(ref.pk, ref.sk).delete()


def shown(attempt: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Give an attempt as lists show it."""
    _, _, body = _exchange(attempt)
    error = attempt.get("e")
    return {
        "attempt": number,
        "at": clock.iso(int(attempt["t"])),
        "durationMs": int(attempt["ms"]),
        "address": attempt.get("a"),
        "status": None if attempt.get("s") is None else int(attempt["s"]),
        "error": error,
        "errorClass": error and error.partition(":")[0],
        "response": body and body[:EXCERPT],
    }


def in_full(delivery: Delivery) -> list[dict[str, Any]]:
    """Give all attempts of a delivery, with what was sent and answered."""
    listed = [dict(each) for each in delivery.attempts]
    long = [number for number, each in enumerate(listed, 1) if each.get("l")]
    found = reads.fetch([_answer_ref(delivery, number) for number in long])
    apart = {n: each.packed for n, each in zip(long, found, strict=True) if each is not None}
    return [
        _in_full(delivery, each, number, apart.get(number)) for number, each in enumerate(listed, 1)
    ]


def _in_full(
    delivery: Delivery, attempt: Mapping[str, Any], number: int, apart: bytes | None
) -> dict[str, Any]:
    sent, headers, body = _exchange({**attempt, "d": apart} if apart else attempt)
    derived = {
        _ID: delivery.id,
        _AT: str(int(attempt["t"]) // 1_000_000),
        _SIGNED: f"v1,{MASK}",
        _EVENT: delivery.kind,
        _NUMBER: str(number),
    }
    short = {name: value for name, value in shown(attempt, number).items() if name != "response"}
    return {
        **short,
        "request": sent and {"method": "POST", "headers": {**sent, **derived}},
        "response": None if headers is None else {"headers": headers, "body": body},
    }


def _exchange(attempt: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """Give the headers sent, the headers answered and the body answered; None where unknown."""
    packed = attempt.get("d")
    if packed is None:
        return None, None, None
    sent, headers, body = json.loads(unpack(packed))
    return sent, headers, body


def _pack(exchange: list[Any]) -> bytes:
    text = json.dumps(exchange, ensure_ascii=False, separators=(",", ":"))
    return pack_exchange(text.encode(errors="replace"))


def _answer(delivery: Delivery, number: int, packed: bytes) -> HookAnswer:
    ref = _answer_ref(delivery, number)
    return HookAnswer(ref.pk, ref.sk, packed=packed, ttl=delivery.ttl)


def _answer_ref(delivery: Delivery, number: int) -> Any:
    submission_id, hook_id = delivery.submission_id, delivery.hook_id
    return HookAnswer.ref(keys.hook_answer(submission_id, delivery.sk, hook_id, number))
