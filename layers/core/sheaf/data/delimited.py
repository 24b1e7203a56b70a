"""CSV: a row's text, as ODK Central writes it.

Lines end with a line feed and values are quoted when they must be. A bare carriage return must
too: readers take it for the end of a line (Central leaves it as it is).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import Any

# Excel takes a file for UTF-8 when it begins with it.
BOM = "\ufeff"
_SPECIAL = re.compile('[",\r\n]')
# What makes spreadsheets compute a value, unless it is a number.
_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


class _Echo:
    """A file that gives back what is written, which `writerow` then gives its caller."""

    def write(self, text: str) -> str:
        """Give the text."""
        return text


# Python's writer quotes all that must be but a bare carriage return, which some releases leave out.
_WRITER: Any = csv.writer(_Echo(), lineterminator="\n")


def line(values: list[str]) -> str:
    """Write a row."""
    text = ",".join(values)
    # Many rows need no quotes, which four searches of the whole tell faster than one of each value.
    if "\r" in text:
        return ",".join([_quoted(value) for value in values]) + "\n"
    if text.count(",") < len(values) and not ('"' in text or "\n" in text):
        return f"{text}\n"
    return _WRITER.writerow(values)  # type: ignore[no-any-return]


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
