"""Events on their way to receivers, on a timeline: who is told when, and what is on record after.

Match, deliver, gates, leases, shifts and sweeps are the product's own. Simulated are the bus, the
queue and its trigger, the table, the receivers, and time.
"""

from __future__ import annotations

import math
import sys
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

from botocore.client import BaseClient

from sheaf import clock
from sheaf.db import keys
from sheaf.hooks import backlog, connect, deliver, events, match, sending, shift, sweep
from sheaf.hooks.connect import Answer, UnreachableError
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.gates import Gate
from tests.conftest import SEALING_KEY
from tests.simulation import cloud
from tests.simulation.cloud import Queue, Table
from tests.simulation.timeline import START, Pool, Timeline, Timer

# As template.yaml has them: how many workers there are, and messages in a batch.
WORKERS, BATCH = 20, 10
# Seconds from a commit until its event is at WorkersMatch, and how many of those run at once.
PUBLISHED, MATCHING = 0.150, 200

Behaviour = Callable[[float, float], float]


def quick(_now: float, _seconds: float) -> float:
    """A receiver that answers in a tenth of a second."""
    return 0.1


def slow(_now: float, _seconds: float) -> float:
    """One that takes two seconds."""
    return 2.0


def hanging(_now: float, seconds: float) -> float:
    """One that takes the request and says nothing, for as long as it is waited for."""
    return seconds


def refusing(_now: float, _seconds: float) -> float:
    """One that nobody listens at."""
    return -0.002


def at(moment: float, before: Behaviour, after: Behaviour) -> Behaviour:
    """A receiver that changes."""
    return lambda now, seconds: (before if now < moment else after)(now, seconds)


@dataclass(frozen=True)
class Arrival:
    """A request as it came to a receiver; `at` is in seconds, `answered` whether it took it."""

    at: float
    webhook_id: str
    answered: bool
    body: bytes


class Traffic:
    """A stack with hooks whose receivers behave as told.

    Args:
        items: what is in the table.
        behaviours: of each receiver, by the URL of its hook.
        monkeypatch: puts time and AWS in place.
        fair: whether the queue is.
    """

    def __init__(
        self,
        items: list[cloud.Item],
        behaviours: Mapping[str, Behaviour],
        monkeypatch: Any,
        *,
        fair: bool = True,
    ) -> None:
        self.timeline = Timeline()
        self.table, self.queue = Table(items), Queue(self.timeline, fair)
        self.arrivals: dict[str, list[Arrival]] = defaultdict(list)
        self.committed: dict[str, float] = {}
        self.calls: dict[str, int] = defaultdict(int)
        self.behaviours = dict(behaviours)
        self._at_work = self._matching = 0
        self._unmatched: list[dict[str, Any]] = []
        self._install(monkeypatch)

    def _install(self, monkeypatch: Any) -> None:
        time = self.timeline
        seconds = lambda: time.now  # noqa: E731 - read as one of the clock's functions
        # What a process knows begins anew with its table.
        monkeypatch.setattr(backlog, "_marks", {})
        monkeypatch.setattr(clock, "micros", time.micros)
        monkeypatch.setattr(clock, "wait", lambda longest: time.sleep(longest / 2))
        monkeypatch.setattr(shift, "time", SimpleNamespace(monotonic=seconds))
        monkeypatch.setattr(sending, "time", SimpleNamespace(perf_counter=seconds))
        for module in [each for name, each in sys.modules.items() if name.startswith("sheaf.")]:
            if hasattr(module, "ThreadPoolExecutor"):
                monkeypatch.setattr(module, "ThreadPoolExecutor", partial(Pool, time))
        monkeypatch.setattr(shift, "wait", self._wait)
        timers = SimpleNamespace(Timer=partial(Timer, time))
        monkeypatch.setattr(deliver, "threading", timers)
        monkeypatch.setattr(connect, "post", self._post)
        monkeypatch.setattr(BaseClient, "_make_api_call", self._method())

    def _method(self) -> Callable[..., Any]:
        def call(client: Any, operation: str, sent: dict[str, Any]) -> Any:
            return self._call(client, operation, sent)

        return call

    def _wait(
        self, tasks: Any, timeout: float | None = None, return_when: str = "ALL_COMPLETED"
    ) -> Any:
        return self.timeline.wait(tasks, timeout, first=return_when == "FIRST_COMPLETED")

    def commit(self, event: Mapping[str, Any], moment: float) -> str:
        """Let an event happen at a moment; give its key."""
        key = f"{int((START + moment) * 1_000_000):016d}00{len(self.committed):05d}"
        self.committed[key] = moment
        happened = {**event, "eventId": events.shown_id(key)}
        self.timeline.spawn(partial(self._match, happened), moment + PUBLISHED - self.timeline.now)
        return key

    def _match(self, event: dict[str, Any]) -> None:
        if self._matching >= MATCHING:
            self._unmatched.append(event)
            return
        self._matching += 1
        match.run(event)
        self._matching -= 1
        if self._unmatched:
            self._match(self._unmatched.pop(0))

    def run(self, until: float) -> None:
        """Let the sweep run every minute, the trigger at any time, and time pass."""
        for minute in range(math.ceil(self.timeline.now / 60), math.floor(until / 60) + 1):
            self.timeline.spawn(sweep.run, minute * 60 - self.timeline.now)
        self.timeline.run(until)

    def _trigger(self) -> None:
        """Hand what is visible to workers, if any is free."""
        while self._at_work < WORKERS and (taken := self.queue.receive(BATCH)):
            self._at_work += 1
            self.timeline.spawn(partial(self._invoke, taken), cloud.HANDED)

    def _invoke(self, taken: list[cloud.Message]) -> None:
        began = self.timeline.now
        records = [{"messageId": str(each.number), "body": each.body} for each in taken]
        again = deliver.run(records)
        assert self.timeline.now - began < 90, "Lambda would have ended it"
        for message in taken:
            if str(message.number) not in again:
                self.queue.delete(message)
        self._at_work -= 1
        self._trigger()

    def _call(self, client: Any, operation: str, sent: dict[str, Any]) -> Any:
        self.calls[operation] += 1
        service = client.meta.service_model.service_name
        if service == "ssm":
            return {"Parameter": {"Value": b64encode(SEALING_KEY).decode()}}
        if service == "sqs":
            self.timeline.sleep(cloud.SQS)
            return getattr(self, f"_{operation}")(sent)
        self.timeline.sleep(cloud.DYNAMODB)
        name = "".join(f"_{each.lower()}" if each.isupper() else each for each in operation)
        return getattr(self.table, name.removeprefix("_"))(sent)

    def _SendMessage(self, sent: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        delay = sent.get("DelaySeconds", 0)
        self.queue.send(sent["MessageBody"], sent["MessageGroupId"], delay)
        self.timeline.spawn(self._trigger, delay)
        return {}

    def _SendMessageBatch(self, sent: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        for entry in sent["Entries"]:
            self._SendMessage(entry)
        return {}

    def _ReceiveMessage(self, sent: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        """Answer when there are messages, or nothing has come for as long as it was asked to."""
        if sent["QueueUrl"] != "deliveries":
            return {}
        end = self.timeline.now + sent.get("WaitTimeSeconds", 0)
        while not (taken := self.queue.receive(sent["MaxNumberOfMessages"])):
            if self.timeline.now >= end:
                return {}
            self.timeline.sleep(0.02)
        return {
            "Messages": [
                {"MessageId": str(each.number), "ReceiptHandle": each, "Body": each.body}
                for each in taken
            ]
        }

    def _DeleteMessage(self, sent: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.queue.delete(sent["ReceiptHandle"])
        return {}

    def _post(self, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float) -> Answer:
        now = self.timeline.now
        takes = self.behaviours[url](now, seconds)
        if takes > 0:
            came = Arrival(now, headers["webhook-id"], takes < seconds, body)
            self.arrivals[url].append(came)
        self.timeline.sleep(min(abs(takes), seconds))
        if takes < 0:
            raise UnreachableError("connect", "The receiver refused the connection.")
        if takes >= seconds:
            raise UnreachableError("timeout", f"No whole answer within {seconds} s.")
        return Answer(200, {}, b"", "127.0.0.1")

    def records(self, hook_id: str) -> list[Delivery]:
        """What is on record of a hook's deliveries, in the order of events."""
        found = self.table.items[keys.deliveries(hook_id)]
        return [
            Delivery.ref((each["pk"]["S"], sk)).read(each) for sk, each in sorted(found.items())
        ]

    def gate(self, hook_id: str) -> Gate:
        """The gate of a hook."""
        pk, sk = keys.gate(hook_id)
        return Gate.ref((pk, sk)).read(self.table.items[pk][sk])

    def latencies(self, url: str) -> list[float]:
        """Seconds from a commit to its first arrival, of all that have come to a receiver."""
        first: dict[str, float] = {}
        for came in self.arrivals[url]:
            first.setdefault(came.webhook_id, came.at)
        return [came - self.committed[_event(webhook_id)] for webhook_id, came in first.items()]


def _event(webhook_id: str) -> str:
    return webhook_id.removeprefix("dlv_").rpartition("-")[0]


def quantile(values: list[float], share: float) -> float:
    """The smallest value that so large a share of the values does not exceed."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]
