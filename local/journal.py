"""What happens in the stack, told a person in one line each: requests, events, hook deliveries."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, Any]


class Journal:
    """Writes lines, and keeps the newest for whoever asks.

    Args:
        write: Gets each line, without its end.
    """

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._is_muted = False
        self._errors: dict[str, str] = {}
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Write a line under the time of day."""
        # What a client sends must not move the cursor of whoever reads this.
        shown = "".join(letter if letter.isprintable() else "?" for letter in text)
        line = f"{time.strftime('%H:%M:%S')} {shown}"
        with self._lock:
            self.lines = [*self.lines[-999:], line]
            if self._write and not self._is_muted:
                # Whoever has closed the terminal wants no lines any more.
                with contextlib.suppress(OSError):
                    self._write(line)

    @contextlib.contextmanager
    def muted(self) -> Iterator[None]:
        """Keep the lines of this time without writing them."""
        self._is_muted = True
        try:
            yield
        finally:
            self._is_muted = False

    def request(self, method: str, path: str, status: int, ms: float) -> None:
        """Tell of an answered request."""
        self.say(f"{method} {path} {status} {ms:.0f} ms")

    def reload(self, files: list[str]) -> None:
        """Tell of changed code."""
        self.say(f"changed: {', '.join(files)}; the next call runs the new code")

    def invocation(self, report: Json) -> None:
        """Tell what an invocation has published and delivered, and how it failed, if it did."""
        for entry in report["events"]:
            self.say(f"event {entry.get('DetailType')} {_subject(entry.get('Detail', ''))}".strip())
        for subject in report["notices"]:
            self.say(f"notice {subject}")
        for line in _deliveries(report):
            self.say(line)
        self._tell_error(report["function"], report["error"])

    def _tell_error(self, function: str, error: str | None) -> None:
        """Tell of an error once, however often it comes before the function works again."""
        known = self._errors.pop(function, None)
        if error:
            self._errors[function] = error
            if error != known:
                self.say(f"error in {function}: {error}")


def _deliveries(report: Json) -> list[str]:
    """Tell of the requests to receivers that the messages of a queue have led to."""
    messages, answers = report["messages"], report["answers"]
    if len(messages) == len(answers) == 1:
        return [_delivery(messages[0], answers[0])]
    # Several are sent side by side, and one may find nothing to do: whose answer is whose cannot be
    # seen, but for the hook, where it is the same.
    hooks = {_first(_parsed(message["body"]), "hookId", "hook") for message in messages}
    shared = json.dumps({"hookId": hooks.pop()}) if len(hooks) == 1 else "{}"
    return [_delivery({"body": shared}, answer) for answer in answers if messages]


def _delivery(message: Json, answer: int | str) -> str:
    body = _parsed(message["body"])
    hook = _first(body, "hookId", "hook")
    attempt = body.get("attempt") or message.get("attempt")
    is_success = isinstance(answer, int) and 200 <= answer < 300
    return " ".join(
        [
            f"hook {hook}".strip(),
            "delivered" if is_success else "failed",
            f"{answer}",
            f"attempt {attempt}" if attempt else "",
        ]
    ).strip()


def _subject(detail: str) -> str:
    """Say what an event is about, from the names that its detail may have for it."""
    found = _parsed(detail)
    instance = _first(found, "instanceId")
    form = _first(found, "xmlFormId", "formId", "form")
    return " ".join(filter(None, [instance, f"form {form}" if form else ""]))


def _parsed(text: str) -> Json:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _first(found: Json, *names: str) -> str:
    """Return the first text under one of the names, here or one level below."""
    levels = [found, *(value for value in found.values() if isinstance(value, dict))]
    for name in names:
        for level in levels:
            if isinstance(level.get(name), str | int):
                return str(level[name])
    return ""
