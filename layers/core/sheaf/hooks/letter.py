"""The words of a notice: what has happened to which hook, and what to do. No I/O here.

Of a hook's URL the host is told and nothing else, since paths and queries hold tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from sheaf import clock
from sheaf.hooks import health
from sheaf.hooks.records import Hook

DISABLED, FAILING, GIVEN_UP = "hook.disable", "hook.failing", "hook.given_up"
# What SNS takes as the subject of an e-mail: so many characters of printable ASCII.
_SUBJECT = 99
_WAITING = "Nothing that waits is lost."
_END = """
Who manages the hook can turn these messages off: "notify": {"email": false}.
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice: of which kind, and its words."""

    kind: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Topic:
    """Which hook a notice is about, and how it fares.

    `form` is None for a hook of a whole project, `waiting` how many of its newest deliveries wait.
    """

    stack: str
    project: str
    form: str | None
    hook: Hook
    waiting: int

    def lines(self, more: Mapping[str, str]) -> str:
        """Give what everybody wants to know first, and more, one line each."""
        said = {
            "Project": f"{self.project} ({self.hook.project_id})",
            "Form": self.form or "all forms of the project",
            "Hook": f"{self.hook.name} ({self.hook.id})",
            "Receiver": urlsplit(self.hook.url).hostname or "",
            **more,
            "Waiting": f"{self.waiting} of the newest 1,000 deliveries. {_WAITING}",
            "Stack": self.stack,
        }
        return "".join(f"{name + ':':<15}{_line(value)}\n" for name, value in said.items())


def disabled(topic: Topic, reason: str, since: int | None) -> Letter:
    """Tell that a hook was disabled, by us or because its receiver asked for it.

    Args:
        topic: which hook.
        reason: why, a sentence.
        since: since when all attempts have failed (micros), if they have.
    """
    more = {"Why": reason} | ({"Failing since": _at(since)} if since is not None else {})
    text = f"""The hook "{_line(topic.hook.name)}" was disabled.
What it would be sent is held until it is enabled.

{topic.lines(more)}
What to do: mend the receiver or the hook, try it by POST .../ping, then POST .../enable.
See "A hook was disabled" in docs/runbook.md.
{_END}"""
    return _letter(DISABLED, f'hook "{topic.hook.name}" was disabled', text)


def failing(topic: Topic, since: int, percent: int) -> Letter:
    """Tell that all attempts have failed since a moment (micros), and what comes of it."""
    begun = percent <= health.ALERTS[0]
    what = "has begun to fail" if begun else "still fails"
    more = {"Failing since": _at(since), "Disabled from": _at(since + health.PATIENCE)}
    text = f"""The hook "{_line(topic.hook.name)}" {what}: its receiver takes nothing.
Attempts go on by the hook's schedule. If all of them fail for five days, the hook is disabled.

{topic.lines(more)}
What to do: nothing, if the receiver is back soon; else see "A receiver is down" in docs/runbook.md.
{_END}"""
    return _letter(FAILING, f'hook "{topic.hook.name}" {what}', text)


def given_up(topic: Topic, reasons: Counter[str], since: int) -> Letter:
    """Tell how many deliveries were given up since a moment (micros), and why most of them."""
    number = sum(reasons.values())
    counted = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common(3))
    noun = "delivery" if number == 1 else "deliveries"
    more = {"Given up": f"{number} since {_at(since)}", "Last answers": counted}
    text = f"""The hook "{_line(topic.hook.name)}" has given up {number} {noun}.
Nothing sends them again by itself.

{topic.lines(more)}
What to do: when the receiver works, POST .../retry with {{}} sends them again.
See "A receiver is down" in docs/runbook.md.
This message comes once a day at most.
{_END}"""
    return _letter(GIVEN_UP, f'hook "{topic.hook.name}" gave up {number} {noun}', text)


def _letter(kind: str, subject: str, text: str) -> Letter:
    plain = _line(f"Sheaf: {subject}").encode("ascii", "replace").decode()
    return Letter(kind, plain[:_SUBJECT], text)


def _line(text: str) -> str:
    """Let what people have named stand in one line."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _at(moment: int) -> str:
    iso = clock.iso(moment) or ""
    return f"{iso[:10]} {iso[11:16]} UTC"
