"""Partitions of so many items that the emulator would take minutes to read them.

It looks at all of a partition for each page of it. Queries of these are answered here as DynamoDB
answers them: by key, in pages of a megabyte. All other calls go to the emulator.
"""

from __future__ import annotations

import json
from base64 import b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tests import wire

_PAGE = 1 << 20


class Shelves:
    """Items by partition, each as its sort key and its JSON."""

    def __init__(self, items: Iterable[dict[str, Any]]) -> None:
        self._items: dict[str, list[tuple[str, str]]] = {}
        for item in items:
            told = json.dumps(item, default=lambda data: b64encode(data).decode())
            self._items.setdefault(item["pk"]["S"], []).append((item["sk"]["S"], told))
        for held in self._items.values():
            held.sort()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Answer queries while the block runs."""
        from sheaf.db.items import connection

        events = connection().client.meta.events
        events.register("before-send.dynamodb.Query", self._answer)
        try:
            yield
        finally:
            events.unregister("before-send.dynamodb.Query", self._answer)

    def _answer(self, request: Any, **_: Any) -> Any:
        asked = json.loads(request.body)
        values = asked["ExpressionAttributeValues"]
        held = self._items.get(values[":pk"]["S"])
        if held is None:
            return None
        assert asked["KeyConditionExpression"] == "pk = :pk AND sk BETWEEN :first AND :last"
        start = bisect_left(held, (values[":first"]["S"], ""))
        end = bisect_right(held, (values[":last"]["S"], "\x7f"))
        backwards = not asked.get("ScanIndexForward", True)
        if after := asked.get("ExclusiveStartKey", {}).get("sk"):
            if backwards:
                end = bisect_left(held, (after["S"], ""))
            else:
                start = bisect_right(held, (after["S"], "\x7f"))
        found = held[start:end][::-1] if backwards else held[start:end]
        return wire.http_answer(_page(found, asked, values[":pk"]["S"]).encode())


def _page(found: list[tuple[str, str]], asked: dict[str, Any], pk: str) -> str:
    size = count = 0
    limit = asked.get("Limit", len(found))
    while count < min(limit, len(found)) and size < _PAGE:
        size += len(found[count][1])
        count += 1
    told = found[:count]
    last = {"pk": {"S": pk}, "sk": {"S": told[-1][0]}} if count < len(found) else None
    after = f',"LastEvaluatedKey":{json.dumps(last)}' if last else ""
    if asked.get("Select") == "COUNT":
        return f'{{"Count":{count},"ScannedCount":{count}{after}}}'
    return f'{{"Items":[{",".join(item for _, item in told)}],"Count":{count}{after}}}'
