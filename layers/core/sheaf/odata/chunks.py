"""Parting what is written, so that what is decoded of it at a time has its bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from sheaf.data.record import Stored

_T = TypeVar("_T")
# How many are written at a time: as many submitters as a batch of reads takes are looked up then;
# and how many bytes of XML they may be.
CHUNK, HELD = 100, 8 << 20


def of(found: Iterable[_T], stored: Callable[[_T], Stored]) -> Iterator[list[_T]]:
    """Part what was found, each of a submission; no more is looked at before a chunk is taken."""
    chunk: list[_T] = []
    weight = 0
    for each in found:
        chunk.append(each)
        weight += stored(each).weight
        if len(chunk) >= CHUNK or weight > HELD:
            yield chunk
            chunk, weight = [], 0
    if chunk:
        yield chunk
