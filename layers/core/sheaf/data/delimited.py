"""CSV: a row's text, as ODK Central writes it.

Lines end with a line feed and values are quoted when they must be. A bare carriage return must
too: readers take it for the end of a line (Central leaves it as it is).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# Excel takes a file for UTF-8 when it begins with it.
BOM = "\ufeff"
_SPECIAL = re.compile('[",\r\n]')
# What makes spreadsheets compute a value, unless it is a number.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def line(values: Sequence[str]) -> str:
    """Write a row of at least two values."""
    # Few values must be quoted, and most of those for a comma: to search the whole row is faster
    # than to look at each value. Until it is sure that none has a line feed, that parts them.
    text = "\n".join(values)
    if '"' in text or "\r" in text or text.count("\n") >= len(values):
        text = ",".join([_quoted(value) for value in values])
    elif "," in text:
        text = _quoted_commas(text)
    else:
        text = text.replace("\n", ",")
    return f"{text}\n"


def _quoted_commas(text: str) -> str:
    """Quote the values that have a comma; line feeds part them, which commas do in the end."""
    parts: list[str] = []
    done, at = 0, text.find(",")
    while at >= 0:
        start = max(text.rfind("\n", done, at) + 1, done)
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        parts += (text[done:start], '"', text[start:end], '"')
        done, at = end, text.find(",", end)
    parts.append(text[done:])
    return "".join(parts).replace("\n", ",")


def guarded(values: Iterable[str]) -> list[str]:
    """Put a quote before what a spreadsheet would take for a formula (OWASP, "CSV Injection")."""
    return [
        f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value
        for value in values
    ]


def _quoted(value: str) -> str:
    if _SPECIAL.search(value) is None:
        return value
    return '"' + value.replace('"', '""') + '"'
