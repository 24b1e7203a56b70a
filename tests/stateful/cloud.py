"""AWS between the functions: the table's stream, the bus, the queues. Table and bucket are real.

What the product's clients say is taken from the wire and answered there. All that AWS does not
promise, it does not do: records of the stream, events and messages come twice, late, and in any
order that is allowed; an invocation that fails is tried again as often as template.yaml says.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sheaf import sealing, settings
from sheaf.db.keys import FEED
from sheaf.hooks import backlog, events
from sheaf.hooks.jobs import EVENT as JOB
from tests.api import handler
from tests.stateful.clockwork import SECOND, Clock
from tests.stateful.work import AFTER, BEFORE, Fate, Work
from tests.wire import Call, Wire, answer, body, refusal

# Of template.yaml: seconds that a message that was taken is not shown, and that functions may run.
VISIBILITY, LIMITS = 100, {"workers/deliver": 60, "workers/jobs": 900, "workers/purge": 900}
_LIMIT = 30
MOST_RECEIVES, MOST_TRIES = 5, 3
SHARDS = 2
_SIMULATED = frozenset(
    {"PutEvents", "SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage"}
)


@dataclass
class Message:
    """A message of a queue; times are micros."""

    id: str
    body: str
    visible_at: int
    receives: int = 0


@dataclass
class Occurrence:
    """An event on its way from the bus to the function of its rule."""

    kind: str
    detail: dict[str, Any]
    tries: int = 0


@dataclass
class Process:
    """What a function's process remembers from one invocation to the next."""

    marks: dict[Any, Any] = field(default_factory=dict)
    keys: dict[Any, Any] = field(default_factory=dict)

    def awake(self) -> None:
        """Let the code that runs next be this process."""
        backlog._marks, sealing._held = self.marks, self.keys


class Cloud:
    """What lies between the functions, and who runs."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.stream: list[list[dict[str, Any]]] = [[] for _ in range(SHARDS)]
        self.busy = [False] * SHARDS
        self.bus: list[Occurrence] = []
        # Events whose function has failed too often, and messages that were parked.
        self.failed: list[Occurrence] = []
        self.queue: list[Message] = []
        self.parked: list[Message] = []
        self.standing: list[tuple[Work, int, Process, str, Callable[[Work], None]]] = []
        # How many deliverers did not come to their end: each may have sent what is on no record.
        self.cut_off = 0
        self._numbers = 0
        self._running: Work | None = None
        self._idle: dict[str, list[Process]] = {}
        self._wire = Wire(before=self._before, after=self._after)
        self._wire.__enter__()
        Process().awake()

    def close(self) -> None:
        """End all that stands still, and listen no more."""
        while self.standing:
            self.kill(0)
        self._wire.__exit__()

    # Who runs.

    def run(
        self,
        function: str,
        do: Callable[[], Any],
        fate: Fate,
        then: Callable[[Work], None],
        committed: Callable[[list[Any]], None] = lambda _: None,
    ) -> Work:
        """Let a process of a function do something.

        Args:
            function: whose process it is.
            do: what it does.
            fate: what happens to it.
            then: is called when it has come to an end, whichever.
            committed: is told of the audit rows of each of its transactions.
        """
        work = Work(function, do, fate, LIMITS.get(function, _LIMIT), committed)
        idle = self._idle.setdefault(function, [])
        process = idle.pop() if idle else Process()
        self._on(work, self.clock.now, process, then)
        return work

    def go_on(self, number: int) -> None:
        """Let one that stands still go on."""
        work, began, process, _, then = self.standing.pop(number)
        self._on(work, began, process, then)

    def kill(self, number: int) -> None:
        """End one that stands still, where it is."""
        work, _, _, _, then = self.standing.pop(number)
        self._running = work
        work.kill()
        self._running = None
        Process().awake()
        then(work)

    def kill_late(self) -> None:
        """End those that have stood still for longer than their functions may run."""
        for number in reversed(range(len(self.standing))):
            work, began, *_ = self.standing[number]
            if self.clock.now - began >= work.limit * SECOND:
                self.kill(number)

    def forget(self) -> None:
        """Let all idle processes end: the next ones start cold."""
        self._idle.clear()

    def _on(self, work: Work, began: int, process: Process, then: Callable[[Work], None]) -> None:
        process.awake()
        self._running = work
        work.go_on()
        self._running = None
        Process().awake()
        if not work.ended:
            self.standing.append((work, began, process, work.name, then))
            return
        if not work.crashed:
            self._idle.setdefault(work.name, []).append(process)
        then(work)

    # The functions, as AWS calls them.

    def publish(self, shard: int, count: int, fate: Fate, *, again: bool = False) -> None:
        """Hand records of the stream on, from the beginning of a shard."""
        batch = self.stream[shard][:count]
        self.busy[shard] = True

        def then(work: Work) -> None:
            self.busy[shard] = False
            if work.crashed or work.error or again:
                return
            failed = [each["itemIdentifier"] for each in work.result["batchItemFailures"]]
            numbers = [each["dynamodb"]["SequenceNumber"] for each in batch]
            done = numbers.index(failed[0]) if failed else len(batch)
            del self.stream[shard][:done]

        self._invoke("workers/publish", {"Records": batch}, fate, then)

    def match(self, number: int, fate: Fate, *, twice: bool = False) -> None:
        """Hand an event to the function of its rule."""
        told = self.bus.pop(number)
        if twice:
            self.bus.append(Occurrence(told.kind, told.detail))
        function = "workers/jobs" if told.kind == JOB else "workers/match"

        def then(work: Work) -> None:
            if not (work.crashed or work.error):
                return
            told.tries += 1
            (self.failed if told.tries == MOST_TRIES else self.bus).append(told)

        self._invoke(function, {"detail": told.detail}, fate, then)

    def visible(self) -> list[Message]:
        """Give the messages that a worker would be handed now."""
        for message in [each for each in self.queue if each.receives >= MOST_RECEIVES]:
            if message.visible_at <= self.clock.now:
                self.queue.remove(message)
                self.parked.append(Message(message.id, message.body, 0))
        return [each for each in self.queue if each.visible_at <= self.clock.now]

    def deliver(self, messages: list[Message], fate: Fate, *, twice: bool = False) -> None:
        """Hand messages to the worker; with `twice` the queue forgets that they were done."""
        for message in messages:
            message.receives += 1
            message.visible_at = self.clock.now + VISIBILITY * SECOND
        records = [{"messageId": each.id, "body": each.body} for each in messages]

        def then(work: Work) -> None:
            self.cut_off += len(messages) * bool(work.crashed or work.error)
            if work.crashed or work.error or twice:
                return
            failed = {each["itemIdentifier"] for each in work.result["batchItemFailures"]}
            for message in messages:
                if message.id not in failed and message in self.queue:
                    self.queue.remove(message)

        self._invoke("workers/deliver", {"Records": records}, fate, then)

    def sweep(self, fate: Fate) -> None:
        """Let the minute's sweep run."""
        self._invoke("workers/sweep", {}, fate, lambda _: None)

    def _invoke(
        self, function: str, event: dict[str, Any], fate: Fate, then: Callable[[Work], None]
    ) -> None:
        event = json.loads(json.dumps(event))
        self.run(function, lambda: handler(function)(event, None), fate, then)

    # The wire.

    def _before(self, number: int) -> Any:
        call = self._wire.calls[number]
        if self._mine(call) and self._running.reach(BEFORE):  # type: ignore[union-attr]
            return self._refuse(call)
        if call.operation in _SIMULATED:
            return answer(getattr(self, f"_{call.operation}")(body(call)))
        return None

    def _after(self, number: int) -> None:
        call = self._wire.calls[number]
        received = self._wire.received.pop(number)
        if call.operation == "TransactWriteItems" and "Error" not in received:
            self._commit(body(call))
        if self._mine(call):
            self._running.reach(AFTER)  # type: ignore[union-attr]

    def _mine(self, call: Call) -> bool:
        return self._running is not None and call.thread == self._running.ident

    def _commit(self, said: dict[str, Any]) -> None:
        """Let the stream carry the audit rows of a transaction."""
        puts = [each["Put"]["Item"] for each in said["TransactItems"] if "Put" in each]
        rows = [item for item in puts if item["pk"]["S"].startswith(FEED)]
        for row in rows:
            shard = sum(row["pk"]["S"].encode()) % SHARDS
            key = {name: row[name] for name in ("pk", "sk")}
            change = {"Keys": key, "NewImage": row, "SequenceNumber": f"{self._number():021d}"}
            record = {"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": change}
            self.stream[shard].append(record)
        if self._running is not None:
            self._running.committed(rows)

    def _refuse(self, call: Call) -> Any:
        """Do half of what was asked for, where a service knows of halves; else nothing."""
        said = body(call) if call.operation in _SIMULATED else {}
        if call.operation == "PutEvents":
            half = len(said["Entries"]) // 2
            taken = self._PutEvents({"Entries": said["Entries"][:half]})["Entries"]
            refused = {"ErrorCode": "InternalFailure", "ErrorMessage": "refused"}
            left = [refused] * (len(said["Entries"]) - half)
            return answer({"FailedEntryCount": len(left), "Entries": [*taken, *left]})
        if call.operation == "SendMessageBatch":
            half = len(said["Entries"]) // 2
            self._SendMessageBatch(said | {"Entries": said["Entries"][:half]})
            failed = [
                {"Id": each["Id"], "Code": "InternalError"} for each in said["Entries"][half:]
            ]
            return answer({"Successful": [], "Failed": failed})
        return refusal("ThrottlingException")

    def _PutEvents(self, said: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert 0 <= len(said["Entries"]) <= 10
        for entry in said["Entries"]:
            assert (entry["EventBusName"], entry["Source"]) == (settings.BUS_NAME, "sheaf")
            kind = entry["DetailType"]
            assert kind != "event.unreadable", entry
            if kind in (*events.TYPES, JOB):
                self.bus.append(Occurrence(kind, json.loads(entry["Detail"])))
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "x"} for _ in said["Entries"]]}

    def _SendMessage(self, said: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert said["QueueUrl"] == settings.DELIVERY_QUEUE_URL
        delay = said.get("DelaySeconds", 0)
        assert 0 <= delay <= 900, said
        assert said["MessageGroupId"]
        told = Message(f"m{self._number()}", said["MessageBody"], self.clock.now + delay * SECOND)
        self.queue.append(told)
        return {"MessageId": told.id}

    def _SendMessageBatch(self, said: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert 0 <= len(said["Entries"]) <= 10
        for entry in said["Entries"]:
            self._SendMessage({"QueueUrl": said["QueueUrl"], **entry})
        return {"Successful": [{"Id": each["Id"]} for each in said["Entries"]]}

    def _ReceiveMessage(self, said: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert said["QueueUrl"] == settings.DELIVERY_FAILURES_URL
        shown = [each for each in self.parked if each.visible_at <= self.clock.now]
        for message in shown[: said["MaxNumberOfMessages"]]:
            message.visible_at = self.clock.now + 30 * SECOND
        return {
            "Messages": [
                {"MessageId": each.id, "Body": each.body, "ReceiptHandle": each.id}
                for each in shown[: said["MaxNumberOfMessages"]]
            ]
        }

    def _DeleteMessage(self, said: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        assert said["QueueUrl"] == settings.DELIVERY_FAILURES_URL
        self.parked = [each for each in self.parked if each.id != said["ReceiptHandle"]]
        return {}

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers
