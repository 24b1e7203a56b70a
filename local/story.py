"""Tell a person what happens, and check that it is right."""

import json
import re
import sys
from collections.abc import Iterator
from time import monotonic
from typing import Any

from local.client import Answer
from local.receiver import Received

WIDTH = 100
LONG_ID = re.compile(r"(uuid%3A[0-9a-f]{4})[0-9a-f-]+")


class Wrong(Exception):  # noqa: N818 (it reads as the fact that it states)
    """Something came out other than it should; the message says what."""


class Story:
    """Numbered steps, requests, facts and deliveries. Colours only where somebody watches."""

    def __init__(self) -> None:
        self.steps = self.requests = self.checks = 0
        self._begun = monotonic()
        self._last: dict[str, Any] = {}

    def step(self, title: str) -> None:
        """Begin a numbered step."""
        self.steps += 1
        print(f"\n{_styled(1, f'{self.steps:2}. {title}')}", flush=True)

    def say(self, text: str) -> None:
        """Tell a fact."""
        print(f"    {text}", flush=True)

    def exchange(self, answer: Answer) -> None:
        """Tell of a request and its answer."""
        self.requests += 1
        path = LONG_ID.sub(r"\1…", answer.path)
        self.say(_styled(2, f"{answer.method} {path} -> {answer.status} ({answer.ms} ms)"))

    def same(self, what: str, got: Any, wanted: Any) -> None:
        """Check that something is exactly as it should be, and say so.

        Raises:
            Wrong: if not.
        """
        if got != wanted:
            raise Wrong(f"Not so: {what}.\n  It is:     {got!r}\n  Should be: {wanted!r}")
        self.checks += 1
        self.say(f"{_styled(32, 'ok')} {what}")

    def hook(self, received: Received) -> None:
        """Show a delivery: its headers that matter, and its body or what is new in it.

        New is what was otherwise in the one before on the same path. Of a first one, nulls are
        left out.
        """
        event, name, attempt = (
            received.headers.get(f"webhook-{mark}") for mark in ("event", "id", "attempt")
        )
        self.say(
            f"{_styled(36, 'hook')} {event} came to {received.path}: attempt {attempt} of {name}, "
            f"{len(received.body)} B, answered {received.status}"
        )
        body, last = received.json(), self._last.get(received.path)
        self._last[received.path] = body
        if last is None:
            shown = _without_nulls(body)
        else:
            shown = _difference(last, body)
            self.say("     It is as the one before, but for:" if shown else "     The same body.")
        for line in _drawn(shown, WIDTH) if shown else ():
            self.say(f"     {line}")

    def end(self, deliveries: int, events: int) -> None:
        """Sum up."""
        seconds = monotonic() - self._begun
        print(
            f"\n{_styled(1, 'Everything came out right.')} {self.steps} steps, {self.checks} "
            f"checks, {self.requests} requests, {events} events, {deliveries} hook deliveries, "
            f"{seconds:.1f} seconds.",
            flush=True,
        )


def _styled(style: int, text: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if sys.stdout.isatty() else text


def _difference(before: Any, now: Any) -> Any:
    """Return of a JSON value what is not as it was; of a list that has changed, all."""
    if not isinstance(before, dict) or not isinstance(now, dict):
        return now
    return {
        name: _difference(before.get(name), inner)
        for name, inner in now.items()
        if name not in before or inner != before[name]
    }


def _drawn(value: Any, width: int) -> Iterator[str]:
    """Draw JSON for reading: long texts and lists cut, lines filled."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) <= width:
        yield flat
    elif isinstance(value, dict):
        yield "{"
        yield from (f"  {line}" for line in _members(value, width - 2))
        yield "}"
    elif isinstance(value, list):
        yield "["
        for inner in value[:2]:
            yield from (f"  {line}" for line in _drawn(inner, width - 2))
        yield from ([f"  … {len(value) - 2} more"] if len(value) > 2 else [])
        yield "]"
    else:
        yield f'{flat[: width - 2]}…"'


def _members(value: dict[str, Any], width: int) -> Iterator[str]:
    """Draw an object's members, as many to a line as fit."""
    line = ""
    for name, inner in value.items():
        room = width - len(name) - 4
        first, *rest = _drawn(inner, room if isinstance(inner, str) else width)
        member = f'"{name}": {first}'
        if line and (rest or len(line) + len(member) + 2 > width):
            yield line
            line = ""
        line = f"{line}, {member}" if line else member
        if rest:
            yield line
            yield from rest
            line = ""
    if line:
        yield line


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        pairs = ((name, _without_nulls(inner)) for name, inner in value.items())
        return {name: inner for name, inner in pairs if inner is not None and inner not in ([], {})}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value
