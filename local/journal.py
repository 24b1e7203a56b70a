"""What happens in the stack, told a person in one line each: requests, events, hook deliveries."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]


class Journal:
    """Writes lines, and keeps the newest for whoever asks.

    Args:
        write: Gets each line, without its end.
    """

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._errors: dict[str, str] = {}
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        """Write a line under the time of day."""
        # What a client sends must not move the cursor of whoever reads this.
        shown = "".join(letter if letter.isprintable() else "?" for letter in text)
        line = f"{time.strftime('%H:%M:%S')} {shown}"
        with self._lock:
            self.lines = [*self.lines[-999:], line]
            if self._write:
                self._write(line)

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
        for number, message in enumerate(report["messages"]):
            self.say(_delivery(report, number, message))
        self._tell_error(report["function"], report["error"])

    def _tell_error(self, function: str, error: str | None) -> None:
        """Tell of an error once, however often it comes before the function works again."""
        known = self._errors.pop(function, None)
        if error:
            self._errors[function] = error
            if error != known:
                self.say(f"error in {function}: {error}")


def _delivery(report: Json, number: int, message: Json) -> str:
    failed = report["error"] is not None or message["id"] in report["failed"]
    answers = report["answers"]
    # Answers come in the order of the messages; one too few means that a receiver gave none.
    status = f" {answers[number]}" if len(answers) == len(report["messages"]) else ""
    body = _parsed(message["body"])
    hook = _first(body, "hookId", "hook") or message["id"]
    attempt = body.get("attempt") or message["attempt"]
    return f"hook {hook} {'failed' if failed else 'delivered'}{status} attempt {attempt}"


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
