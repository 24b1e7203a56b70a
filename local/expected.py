"""What should come back from the server, said in terms of what was sent. No requests here."""

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from local.client import Answer
from local.story import Wrong

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def moment(text: Any) -> str:
    """Return a timestamp of the server, if it is one.

    Raises:
        Wrong: if it is not ISO 8601 in UTC with three digits of milliseconds.
    """
    if not isinstance(text, str) or not MOMENT.fullmatch(text):
        raise Wrong(f"{text!r} is not a timestamp of the API.")
    return text


def problem(answer: Answer) -> str:
    """Return an error answer as one line for a person."""
    if "json" not in answer.headers.get("content-type", ""):
        return f"{answer.status}, {answer.body[:200]!r}"
    body = answer.json()
    return f"{body.get('code', answer.status)}, {body.get('message')}"


def meta(xml: bytes, name: str) -> str:
    """Return a text of a submission's meta block as it stands in the XML, "" if there is none."""
    found = re.search(rf"<(?:\w+:)?{name}>([^<]*)</".encode(), xml)
    return found[1].decode() if found else ""


def missing_answers(row: Any, xml: bytes) -> list[str]:
    """Return the answers of a submission that a row (OData's shape) does not hold.

    Numbers are compared as numbers; a place is there if all its coordinates are.
    """
    texts = {str(value) for value in _scalars(row)}
    numbers = {number for text in texts if (number := _number(text)) is not None}
    return [text for text in _answers(xml) if not _is_in(text, texts, numbers)]


def _answers(xml: bytes) -> Iterator[str]:
    for leaf in etree.fromstring(xml).iter():
        inside = {etree.QName(e).localname for e in (leaf, *leaf.iterancestors())}
        if not len(leaf) and leaf.text and not inside & {"deprecatedID", "entity"}:
            yield leaf.text


def _is_in(text: str, texts: set[str], numbers: set[float]) -> bool:
    parts = [_number(part) for part in re.split(r"[; ]+", text)]
    return text in texts or all(part in numbers for part in parts)


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _scalars(inner)
    elif value is not None:
        yield value


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
