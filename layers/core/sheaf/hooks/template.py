"""A hook's template: JSON around the body, for receivers that want it wrapped. No I/O here.

KoBoToolbox's `{"fields": %SUBMISSION%}`. The placeholder stands for the body as JSON; within a text
(`{"text": "New: %SUBMISSION%"}`) it stands for the same, as a part of that text.
"""

from __future__ import annotations

import json
import re

PLACEHOLDER = "%SUBMISSION%"
LONGEST = 20_000
# A text of JSON, the placeholder, or anything else. It matches everywhere, and reads nothing twice.
_PART = re.compile(r'"(?:[^"\\]++|\\.)*+"?|%SUBMISSION%|[^"%]++|%', re.DOTALL)


def is_json(template: str) -> bool:
    """Whether a template is JSON once its placeholders are filled."""
    try:
        json.loads(fill(template, "{}"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def fill(template: str, body: str) -> str:
    """Put a body, which is JSON, where the placeholders are."""
    quoted = json.dumps(body, ensure_ascii=False)[1:-1]
    return "".join(
        body if part == PLACEHOLDER else part.replace(PLACEHOLDER, quoted)
        for part in _PART.findall(template)
    )


def _refuse(constant: str) -> None:
    """Python reads NaN and Infinity, which are no JSON."""
    raise ValueError(constant)
