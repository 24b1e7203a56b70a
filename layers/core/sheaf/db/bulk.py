"""Reading many items: pages of a partition as DynamoDB's JSON has them, none made into objects.

botocore takes fifty microseconds to make objects of an item, and PynamoDB thirty more; reading
the JSON itself takes five. Who reads a million items decodes what is needed of each.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sheaf.db.items import Item, connection

# An item by its attributes on disk: `{"sk": {"S": "…"}, "x": {"B": "<base64>"}, …}`.
Raw = dict[str, dict[str, Any]]

_EVENT = "before-parse.dynamodb.Query"
_here = threading.local()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Page:
    """Items of a partition, and the key after which there may be more; None at its end."""

    items: list[Raw]
    last: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a partition: sort keys from `first` on and before `end`."""

    pk: str
    first: str = ""
    end: str = ""

    @property
    def _bounds(self) -> tuple[str, str]:
        # Ids begin with a digit, and all their letters come before `~`.
        return self.first or "0", _before(self.end)

    @property
    def empty(self) -> bool:
        """Whether no key can lie in it; DynamoDB refuses to look for one."""
        first, last = self._bounds
        return first > last

    def condition(self) -> dict[str, Any]:
        """Give it as a query's key condition."""
        first, last = self._bounds
        return {
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":pk": {"S": self.pk},
                ":first": {"S": first},
                ":last": {"S": last},
            },
        }


def page(
    span: Span,
    attributes: Collection[str],
    *,
    size: int | None = None,
    after: dict[str, Any] | None = None,
    forward: bool = False,
) -> Page:
    """Read a page of a partition. Strongly consistent.

    Args:
        span: which part of the partition.
        attributes: those wanted, by their names on disk.
        size: how many items at most; a page is never more than 1 MB.
        after: the `last` of the page before.
        forward: first key first, and not last.
    """
    if span.empty:
        return Page([], None)
    request: dict[str, Any] = {
        "TableName": Item.Meta.table_name,
        "ConsistentRead": True,
        "ScanIndexForward": forward,
        # None of the short names on disk is one of DynamoDB's reserved words.
        "ProjectionExpression": ", ".join(attributes),
        **span.condition(),
    }
    if size is not None:
        request["Limit"] = size
    if after is not None:
        request["ExclusiveStartKey"] = after
    answer = _unparsed(connection().client.query, request)
    return Page(answer["Items"], answer.get("LastEvaluatedKey"))


def count(span: Span) -> int:
    """Count the items of a part of a partition; they are read for it, but not sent."""
    if span.empty:
        return 0
    request = {
        "TableName": Item.Meta.table_name,
        "ConsistentRead": True,
        "Select": "COUNT",
        **span.condition(),
    }
    counted = 0
    while True:
        answer = connection().client.query(**request)
        counted += int(answer["Count"])
        if "LastEvaluatedKey" not in answer:
            return counted
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _before(end: str) -> str:
    """Give a key that comes after all ids before `end`, and before `end`; '' stands for no end."""
    return f"{end[:-1]}{chr(ord(end[-1]) - 1)}~" if end else "~"


def _unparsed(call: Callable[..., dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    """Make a call whose answer botocore does not look into."""
    with _lock:
        # Registering again what is registered changes nothing.
        connection().client.meta.events.register(_EVENT, _take, unique_id="sheaf-bulk")
    _here.unparsed = True
    try:
        return call(**request)
    finally:
        _here.unparsed = False


def _take(
    response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    """Read an answer in place of botocore's parser; an error is left to that."""
    if getattr(_here, "unparsed", False) and response_dict["status_code"] == 200:
        customized_response_dict.update(json.loads(response_dict["body"]))
        response_dict["body"] = b"{}"
