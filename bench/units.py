"""What DynamoDB charges for a call, by its rules: sizes of items, kinds of reads and writes.

The rules are those of the DynamoDB developer guide ("Item sizes and formats", "Capacity unit
consumption"): a write costs a unit for each kilobyte begun of the larger image, twice that in a
transaction; a strongly consistent read one for each 4 KB begun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

KB = 1024
Item = Mapping[str, Any]


def item_size(item: Item) -> int:
    """Bytes of an item as DynamoDB counts them, names included."""
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(value: Mapping[str, Any]) -> int:
    """Bytes of an attribute's value, given as botocore has it ({"S": …}, binary as bytes)."""
    ((kind, held),) = value.items()
    return _SIZES[kind](held)


def _text(held: str) -> int:
    return len(held.encode())


def _number(held: str) -> int:
    digits = held.lstrip("-").replace(".", "").strip("0")
    return ceil(len(digits) / 2) + 1 + held.startswith("-")


def _list(held: list[Any]) -> int:
    return 3 + sum(1 + value_size(each) for each in held)


def _map(held: Mapping[str, Any]) -> int:
    return 3 + sum(1 + _text(name) + value_size(each) for name, each in held.items())


_SIZES: dict[str, Callable[[Any], int]] = {
    "S": _text,
    "N": _number,
    "B": len,
    "BOOL": lambda _: 1,
    "NULL": lambda _: 1,
    "SS": lambda held: sum(map(_text, held)),
    "NS": lambda held: sum(map(_number, held)),
    "L": _list,
    "M": _map,
}


def write_units(size: int, *, transaction: bool) -> int:
    """Units of a write whose larger image has so many bytes."""
    return max(1, ceil(size / KB)) * (2 if transaction else 1)


def read_units(size: int) -> int:
    """Units of a strongly consistent read; of nothing, one."""
    return max(1, ceil(size / (4 * KB)))
