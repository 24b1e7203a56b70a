"""Lists in pages, as KoBoToolbox gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

PAGE, LARGEST = 100, 1000


def page(listed: Sequence[Any], query: Mapping[str, str], url: str) -> dict[str, Any]:
    """Give the page of a list that `limit` and `offset` (or `start`) ask for.

    Args:
        listed: all of it.
        query: the request's.
        url: where the list is found, without a query.
    """
    size, start = bounds(query)
    return told(listed[start : start + size], len(listed), query, url)


def told(results: Sequence[Any], count: int, query: Mapping[str, str], url: str) -> dict[str, Any]:
    """Give a page of a list with so many entries, which the query asks for (see `page`)."""
    size, start = bounds(query)
    end = start + size

    def link(offset: int) -> str:
        rest = {name: value for name, value in query.items() if name not in ("offset", "start")}
        return f"{url}?{urlencode({**rest, 'limit': str(size), 'start': str(offset)})}"

    return {
        "count": count,
        "next": link(end) if end < count else None,
        "previous": link(max(start - size, 0)) if start else None,
        "results": list(results),
    }


def bounds(query: Mapping[str, str]) -> tuple[int, int]:
    """Give the size of a page and where it starts; what is no number counts as not said."""
    size = _number(query.get("limit"), PAGE)
    start = query.get("offset", query.get("start"))
    return max(1, min(size, LARGEST)), _number(start, 0)


def is_offset(text: str) -> bool:
    """Whether a `start` is where a page starts; n8n means a date by it."""
    return text.isascii() and text.isdigit()


def _number(text: str | None, otherwise: int) -> int:
    if text is None or not is_offset(text) or len(text) > 9:
        return otherwise
    return int(text)
