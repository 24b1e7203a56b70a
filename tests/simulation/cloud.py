"""DynamoDB, SQS and Lambda's trigger of a queue in memory, as far as deliveries need them.

Calls arrive where the SDK would send them. Each takes its time, and then happens at once.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from tests.simulation.timeline import Timeline

# Seconds that calls take, and that a message takes from the queue to a worker.
DYNAMODB, SQS, HANDED = 0.005, 0.008, 0.010
_PAGE = 1000
Item = dict[str, dict[str, Any]]


class Absent:
    """A value that is not there: no comparison with it holds."""

    def __eq__(self, other: object) -> bool:
        return False

    __lt__ = __le__ = __gt__ = __ge__ = __eq__
    __hash__ = object.__hash__


ABSENT = Absent()
_KINDS: dict[str, Callable[[Any], Any]] = {"N": int, "L": lambda held: held}


def _plain(value: Mapping[str, Any] | None) -> Any:
    if value is None:
        return ABSENT
    ((kind, held),) = value.items()
    return _KINDS.get(kind, lambda each: each)(held)


# What stands in expressions, as Python says it. PynamoDB writes names as #0 and values as :0.
_WORDS = (
    (r"#(\d+)", r"name('#\1')"),
    (r":(\d+)", r"value(':\1')"),
    (r"\bAND\b", "and"),
    (r"\bOR\b", "or"),
    (r"\bNOT\b", "not"),
    (r"\bIN \(", "in one_of("),
    (r"(?<![<>!=])=(?!=)", "=="),
    (r"<>", "!="),
    (r"(name\('#\d+'\)) BETWEEN (value\(':\d+'\)) and (value\(':\d+'\))", r"(\2 <= \1 <= \3)"),
)


@functools.cache
def _compiled(expression: str) -> Any:
    for pattern, word in _WORDS:
        expression = re.sub(pattern, word, expression)
    return compile(expression.strip(), expression, "eval")


def holds(sent: Mapping[str, Any], item: Item, expression: str = "ConditionExpression") -> bool:
    """Whether a condition holds for an item."""
    names, values = sent["ExpressionAttributeNames"], sent.get("ExpressionAttributeValues", {})
    words = {
        "name": lambda placeholder: _plain(item.get(names[placeholder])),
        "value": lambda placeholder: _plain(values[placeholder]),
        "attribute_exists": lambda each: each is not ABSENT,
        "attribute_not_exists": lambda each: each is ABSENT,
        "begins_with": lambda held, start: held is not ABSENT and held.startswith(start),
        "one_of": lambda *each: each,
        "contains": lambda held, each: held is not ABSENT and {"S": each} in held,
    }
    return bool(eval(_compiled(sent[expression]), words))


def _operand(text: str, sent: Mapping[str, Any], item: Item) -> Any:
    text = text.strip()
    if found := re.fullmatch(r"(if_not_exists|list_append) ?\((.*)\)", text):
        first, second = (
            _operand(part, sent, item) for part in re.split(r", ?(?![^(]*\))", found[2])
        )
        if found[1] == "if_not_exists":
            return second if first is None else first
        return {"L": first["L"] + second["L"]}
    if " + " in text:
        parts = [_operand(part, sent, item) for part in text.split(" + ")]
        return {"N": str(sum(int(part["N"]) for part in parts))}
    if text.startswith("#"):
        return item.get(sent["ExpressionAttributeNames"][text])
    return sent["ExpressionAttributeValues"][text]


def updated(sent: Mapping[str, Any], item: Item) -> Item:
    """Give an item as an update leaves it."""
    after = dict(item)
    clauses = re.split(r"\b(SET|REMOVE)\b", sent["UpdateExpression"])[1:]
    for kind, text in zip(clauses[::2], clauses[1::2], strict=True):
        for part in re.split(r", ?(?![^(]*\))", text.strip()):
            name, _, operand = part.partition("=")
            name = sent["ExpressionAttributeNames"][name.strip()]
            if kind == "SET":
                after[name] = _operand(operand, sent, item)
            else:
                after.pop(name, None)
    return after


class Table:
    """The table and its index of what is due."""

    def __init__(self, items: list[Item]) -> None:
        self.items: dict[str, dict[str, Item]] = defaultdict(dict)
        self._order: dict[str, list[str]] = defaultdict(list)
        self._due: set[tuple[str, str]] = set()
        for item in items:
            self._put(item)

    def _put(self, item: Item) -> None:
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        if sk not in self.items[pk]:
            bisect.insort(self._order[pk], sk)
        self.items[pk][sk] = item
        (self._due.add if "due" in item else self._due.discard)((pk, sk))

    def _get(self, key: Mapping[str, Any]) -> Item:
        return self.items[key["pk"]["S"]].get(key["sk"]["S"], {})

    def put_item(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        _require(sent, self._get(sent["Item"]))
        self._put(sent["Item"])
        return {}

    def update_item(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        before = self._get(sent["Key"])
        _require(sent, before)
        after = updated(sent, before or dict(sent["Key"]))
        self._put(after)
        return {"Attributes": after}

    def batch_get_item(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        ((name, asked),) = sent["RequestItems"].items()
        found = [self._get(key) for key in asked["Keys"]]
        return {"Responses": {name: [each for each in found if each]}, "UnprocessedKeys": {}}

    def query(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        found = self._indexed(sent) if sent.get("IndexName") else self._listed(sent)
        start = sent.get("ExclusiveStartKey")
        if start is not None:
            keys = [(each["pk"], each["sk"]) for each in found]
            found = found[keys.index((start["pk"], start["sk"])) + 1 :]
        limit = min(sent.get("Limit", _PAGE), _PAGE)
        answer = {"Items": found[:limit], "Count": len(found[:limit]), "ScannedCount": 0}
        if len(found) > limit:
            last = found[limit - 1]
            answer["LastEvaluatedKey"] = {name: last[name] for name in ("pk", "sk")}
        return answer

    def _listed(self, sent: Mapping[str, Any]) -> list[Item]:
        values, condition = sent["ExpressionAttributeValues"], sent["KeyConditionExpression"]
        pk = _value_of("pk", sent, values)
        order, held = self._order[pk], self.items[pk]
        backward = not sent.get("ScanIndexForward", True)
        start = sent.get("ExclusiveStartKey")
        low = bisect.bisect_left(order, start["sk"]["S"]) if start else 0
        if re.search(r">=|BETWEEN|begins_with", condition):
            low = max(low, bisect.bisect_left(order, _value_of("sk", sent, values)))
        keys = order[low:][::-1] if backward else itertools.islice(order, low, None)
        limit = min(sent.get("Limit", _PAGE), _PAGE) + 2
        matching = (held[sk] for sk in keys if holds(sent, held[sk], "KeyConditionExpression"))
        return list(itertools.islice(matching, limit))

    def _indexed(self, sent: Mapping[str, Any]) -> list[Item]:
        due = sorted((self.items[pk][sk] for pk, sk in self._due), key=_due_at)
        return [item for item in due if holds(sent, item, "KeyConditionExpression")]


def _due_at(item: Item) -> str:
    return str(item["dueAt"]["S"])


def _value_of(attribute: str, sent: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Give what an attribute is first compared with in a query's condition."""
    condition = re.sub(
        r"begins_with \((#\d+), (:\d+)\)", r"\1 >= \2", sent["KeyConditionExpression"]
    )
    compared = re.findall(r"(#\d+) (?:=|>=|BETWEEN) (:\d+)", condition)
    names = sent["ExpressionAttributeNames"]
    return str(next(values[value]["S"] for name, value in compared if names[name] == attribute))


def _require(sent: Mapping[str, Any], item: Item) -> None:
    if "ConditionExpression" in sent and not holds(sent, item):
        error = {"Code": "ConditionalCheckFailedException", "Message": "The condition failed."}
        raise ClientError({"Error": error}, "UpdateItem")


@dataclass(eq=False)
class Message:
    """A message of the queue; `visible` is the moment from which on it can be taken."""

    number: int
    body: str
    group: str
    visible: float
    received: int = 0


@dataclass(eq=False)
class Queue:
    """A standard queue. A fair one gives groups precedence of which less is under way.

    So SQS describes its fair queues: what comes of a group that keeps the workers busy does not
    delay the messages of others.
    """

    timeline: Timeline
    fair: bool = True
    hides: float = 100.0
    messages: dict[int, Message] = field(default_factory=dict)
    under_way: Counter[str] = field(default_factory=Counter)
    failed: list[Message] = field(default_factory=list)
    _waiting: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: defaultdict(list))
    _numbers: Any = field(default_factory=itertools.count)

    def send(self, body: str, group: str, delay: float) -> None:
        number = next(self._numbers)
        message = Message(number, body, group, self.timeline.now + delay)
        self.messages[number] = message
        bisect.insort(self._waiting[group], (message.visible, number))

    def receive(self, count: int) -> list[Message]:
        """Take messages, and hide them for a while."""
        taken: list[Message] = []
        while len(taken) < count and (message := self._next()) is not None:
            self.under_way[message.group] += not message.received
            message.received += 1
            message.visible = self.timeline.now + self.hides
            bisect.insort(self._waiting[message.group], (message.visible, message.number))
            taken.append(message)
        return taken

    def _next(self) -> Message | None:
        heads = [
            (self.under_way[group] if self.fair else 0, *waiting[0], group)
            for group, waiting in self._waiting.items()
            if waiting and waiting[0][0] <= self.timeline.now
        ]
        if not heads:
            return None
        _, _, number, group = min(heads)
        self._waiting[group].pop(0)
        return self.messages[number]

    def delete(self, message: Message) -> None:
        if self.messages.pop(message.number, None) is not None:
            self.under_way[message.group] -= 1
            self._waiting[message.group].remove((message.visible, message.number))
