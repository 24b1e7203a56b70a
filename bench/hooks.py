"""How long a change is on its way to a receiver, what AWS is asked for on it, and what that costs.

`python -m bench.hooks [COUNT]` starts a local stack with a real receiver, and lets submissions
come: one in a second (30, or COUNT of them), and 50 (200), as far as the machine keeps up. Each
happens alone, beside forty events at once for another hook whose receiver is quick, and beside as
many for one whose receiver has been quick and begins to hang: what the last two differ in is what a
dying receiver does to others. A way begins with the event's own time, before the transaction that
writes it, and ends when the receiver has the request.

Calls are counted where the SDK sends them, but those of a queue's trigger: one to receive, one to
delete for each of its batches. Prices and the time of functions are those of `bench.cost`, units
those of `units.json`.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from bench import cost
from local.client import XML, Client
from local.receiver import Received, Receiver
from local.stack import Stack

WORKERS = {"WorkersPublish": "publish", "WorkersMatch": "match", "WorkersDeliver": "deliver"}
# Submissions a second, and how many of them.
PACES = {"one a second": (1, 30), "50 a second": (50, 200)}
BURST = 40
# What happens beside, and the seconds that the other receiver takes to answer.
BESIDE = {
    "": None,
    ", beside a burst for a quick receiver": 0,
    ", beside a burst for one that begins to hang": 60,
}
_SENDERS = 16
_QUIET = 3
_FORM = """<?xml version="1.0"?>
<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml">
  <h:head><h:title>{name}</h:title><model>
    <instance><data id="{name}" version="1"><name/><meta><instanceID/></meta></data></instance>
    <bind nodeset="/data/name" type="string"/>
  </model></h:head><h:body/></h:html>"""
_FILLED = (
    '<data id="{form}" version="1"><name>Ada</name>'
    "<meta><instanceID>uuid:{form}-{number}</instanceID></meta></data>"
)


@dataclass(frozen=True)
class Way:
    """A stack whose form `told` has a hook at a receiver, `other` at another."""

    stack: Stack
    client: Client
    receiver: Receiver
    other: Receiver
    project: str

    def submit(self, form: str, number: int) -> None:
        """Send a submission."""
        body = _FILLED.format(form=form, number=number).encode()
        path = f"{self.project}/forms/{form}/submissions"
        answer = self.client.post(path, body, Content_Type=XML)
        assert answer.status == 200, answer.body  # noqa: S101

    def spread(self, form: str, numbers: Sequence[int], per_second: float) -> None:
        """Send submissions at a pace, as far as the machine keeps up with it."""
        began = time.monotonic()
        with ThreadPoolExecutor(_SENDERS) as pool:
            for turn, number in enumerate(numbers):
                time.sleep(max(began + turn / per_second - time.monotonic(), 0))
                pool.submit(self.submit, form, number)


@contextmanager
def way() -> Iterator[Way]:
    """Start everything."""
    with Receiver() as receiver, Receiver() as other, Stack() as stack:
        client = Client(stack.url).log_in(stack.admin_email, stack.admin_password)
        project = f"/v1/projects/{client.post('/v1/projects', {'name': 'P'}).json()['id']}"
        for name, target in (("told", receiver), ("other", other)):
            form = _FORM.format(name=name).encode()
            client.post(f"{project}/forms?publish=true", form, Content_Type=XML)
            hook = {"name": name, "url": f"{target.url}/{name}"}
            made = client.post(f"{project}/forms/{name}/hooks", hook)
            assert made.status == 200, made.body  # noqa: S101
        yield Way(stack, client, receiver, other, project)


def seconds(request: Received) -> float:
    """How long the change was on its way that a request tells of."""
    return (request.at - datetime.fromisoformat(request.json()["timestamp"])).total_seconds()


def measure(
    on: Way, first: int, count: int, per_second: float, other: float | None
) -> dict[str, Any]:
    """Let submissions come, and give how long each was on its way and what was asked of AWS."""
    before = len(on.receiver.requests)
    on.stack.forget_calls()
    burst = threading.Thread(target=on.spread, args=("other", range(first, first + BURST), 1000))
    if other is not None:
        on.other.script("/other", delay=other)
        burst.start()
    began = time.monotonic()
    on.spread("told", range(first, first + count), per_second)
    sent = time.monotonic() - began
    on.receiver.wait_for(lambda came: len(came) >= before + count, timeout=120)
    if other is not None:
        burst.join()
    time.sleep(_QUIET)
    came = sorted(map(seconds, on.receiver.requests[before : before + count]))
    return {
        "rate": count / sent,
        "p50": came[ceil(count * 0.5) - 1],
        "p95": came[ceil(count * 0.95) - 1],
        "calls": counted(on.stack),
        "count": count,
    }


def counted(stack: Stack) -> Counter[tuple[str, str]]:
    """Count invocations and calls of the workers, by worker and operation."""
    found: Counter[tuple[str, str]] = Counter()
    for each in stack.calls:
        if worker := WORKERS.get(each.function):
            found[worker, "invocations"] += 1
            found.update((worker, call.partition(":")[2]) for call in each.calls)
    return found


def dollars(calls: Counter[tuple[str, str]], count: int) -> float:
    """Give the price of the way of so many deliveries, from their change on."""
    units = cost.Units.read().functions
    total = sum(
        calls[name, "invocations"] * cost.run(name).dollars
        + count * units[name].read_units * cost.READ_UNIT
        + count * units[name].write_units * cost.WRITE_UNIT
        for name in WORKERS.values()
    )
    asked = sum(calls[name, "SendMessage"] for name in WORKERS.values())
    asked += 2 * calls["deliver", "invocations"]
    asked += calls["deliver", "ReceiveMessage"] + calls["deliver", "DeleteMessage"]
    return (total + asked * cost.SQS_CALL + count * cost.EVENT) / 1e6


def show(name: str, found: dict[str, Any], *, priced: bool) -> None:
    """Print a line of the table."""
    calls, count = found["calls"], found["count"]
    per = 1000 / count
    invoked = ", ".join(f"{calls[each, 'invocations'] * per:.0f}" for each in WORKERS.values())
    reads = sum(n for (_, call), n in calls.items() if call in {"Query", "BatchGetItem"})
    writes = sum(n for (_, call), n in calls.items() if call in {"PutItem", "UpdateItem"})
    sent = sum(n for (_, call), n in calls.items() if call == "SendMessage")
    price = f"{dollars(calls, count) * per:.4f}" if priced else ""
    print(
        f"| {name} | {found['rate']:.1f} | {found['p50'] * 1000:.0f} | {found['p95'] * 1000:.0f} "
        f"| {invoked} | {reads * per:.0f} | {writes * per:.0f} | {sent * per:.0f} | {price} |",
        flush=True,
    )


def main(count: int) -> None:
    """Start, measure, print."""
    print(f"Load of the machine: {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors.")
    print(
        "| submissions | a second | p50, ms | p95, ms | publish, match, deliver | reads | writes ",
        end="",
    )
    print("| sent to the queue | $ |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with way() as on:
        on.spread("told", range(10), 5)
        on.spread("other", range(10), 5)
        on.receiver.wait_for(lambda came: len(came) == 10, timeout=60)
        on.other.wait_for(lambda came: len(came) == 10, timeout=60)
        number = 100
        for pace, (per_second, many) in PACES.items():
            for beside, other in BESIDE.items():
                found = measure(on, number, count if per_second == 1 else many, per_second, other)
                show(pace + beside, found, priced=not beside)
                number += many + count + BURST
    print(f"Load of the machine: {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
