"""Dollars per million submissions with one hook: counted units times list prices.

`python -m bench.cost` prints the tables of docs/cost.md. The units are in `units.json`, which
`WRITE_DOCS=1 python -m pytest tests/catalogue/test_calls.py` counts on a real run through the
emulator; the prices are AWS's list prices of us-east-1 without any free allowance.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

COUNTED = Path(__file__).with_name("units.json")
TARGET = 12.0

# us-east-1, dollars per million, or per gigabyte where it says so. AWS's price lists, 2026-09.
API_REQUEST = 1.00
INVOCATION = 0.20
GB_SECOND = 13.3334  # arm64
WRITE_UNIT = 0.625
READ_UNIT = 0.125
EVENT = 1.00
SQS_CALL = 0.40
LOG_GB = 0.50
EGRESS_GB = 0.09
# A million times so many bytes, in gigabytes.
MILLION_BYTES = 1e6 / 1e9

# What cannot be counted without AWS: how long functions run (seconds, warm), as measured by others
# for such functions, and how often and how long they start.
SECONDS = {"create": 0.150, "publish": 0.030, "match": 0.050, "deliver": 0.350}
MEMORY_GB = {"create": 0.5, "publish": 0.25, "match": 0.5, "deliver": 0.25}
COLD_SHARE, COLD_SECONDS = 0.02, 0.9
# A busy stack works in batches: rows that one invocation of WorkersPublish takes, and messages that
# one of WorkersDeliver sends side by side, in how many times the time of one.
PUBLISHED, DELIVERED, DELIVERED_TIME = 20, 10, 2
# CloudWatch counts so much for each line besides its text; API Gateway's access line is its format
# filled in.
LINE_OVERHEAD, ACCESS_LINE = 26, 230
# Headers of an HTTP response or request, roughly.
HEADERS = 500


@dataclass(frozen=True)
class Function:
    """What one function did for one submission."""

    write_units: int
    read_units: int
    events: int
    sqs_calls: int
    log_bytes: int


@dataclass(frozen=True)
class Units:
    """What one submission with one hook needs, by function, and what leaves AWS (bytes)."""

    functions: dict[str, Function]
    response_bytes: int
    hook_bytes: int

    @classmethod
    def of(cls, steps: dict[str, Any], hooked: Any) -> Self:
        """Count the steps of a journey (`tests.journey`) and the request that a hook got."""
        functions = {
            name.partition("/")[2]: Function(
                sum(step.writes),
                step.reads,
                step.calls.count("PutEvents"),
                step.calls.count("SendMessage"),
                # To the hundred: the milliseconds in it have more digits or fewer.
                round(step.log, -2),
            )
            for name, step in steps.items()
        }
        answered = steps["submissions/create"].result
        return cls(functions, round(len(answered.body), -2), round(len(hooked.body), -2))

    def to_json(self) -> dict[str, Any]:
        """Give it as `units.json` holds it."""
        return asdict(self)

    @classmethod
    def read(cls) -> Self:
        """Read `units.json`."""
        held = json.loads(COUNTED.read_text())
        functions = {name: Function(**each) for name, each in held["functions"].items()}
        return cls(functions, held["response_bytes"], held["hook_bytes"])


@dataclass(frozen=True)
class Line:
    """A line of the bill: what, how much of it, dollars per million submissions."""

    what: str
    how_much: str
    dollars: float


def bill(units: Units, *, hook: bool) -> Iterator[Line]:
    """Give the lines of the bill; without a hook, matching finds none and nothing is delivered."""
    yield Line("HTTP API", "1 request", API_REQUEST)
    for name, did in units.functions.items():
        if name == "deliver" and not hook:
            continue
        idle = name == "match" and not hook
        yield run(name)
        # Two queries that find nothing.
        reads, writes = (2, 0) if idle else (did.read_units, did.write_units)
        if reads:
            yield Line(f"{name}: reads", f"{reads} read units", reads * READ_UNIT)
        if writes:
            yield Line(f"{name}: writes", f"{writes} write units", writes * WRITE_UNIT)
        if did.events:
            yield Line(f"{name}: event bus", f"{did.events} event", did.events * EVENT)
    if hook:
        sends = sum(did.sqs_calls for did in units.functions.values())
        calls = sends * 3
        yield Line("delivery queue", f"{calls} calls: send, receive, delete", calls * SQS_CALL)
    yield _logs(units, hook=hook)
    out = units.response_bytes + HEADERS + (units.hook_bytes + HEADERS if hook else 0)
    yield Line("egress", f"{out / 1000:.1f} KB", out * MILLION_BYTES * EGRESS_GB)


def busy(units: Units) -> float:
    """Give what a million cost where submissions come by the dozen a second: batches are full."""
    total = sum(line.dollars for line in bill(units, hook=True))
    published, delivered = run("publish").dollars, run("deliver").dollars
    saved = published * (1 - 1 / PUBLISHED)
    saved += (delivered - INVOCATION) * (1 - DELIVERED_TIME / DELIVERED)
    saved += INVOCATION * (1 - 1 / DELIVERED)
    return total - saved - 2 * SQS_CALL * (1 - 1 / DELIVERED)


def run(name: str) -> Line:
    """Give what a million runs of a function cost."""
    seconds = SECONDS[name] + COLD_SHARE * COLD_SECONDS
    memory = MEMORY_GB[name]
    how_much = f"{SECONDS[name] * 1000:.0f} ms at {memory * 1024:.0f} MB, 2 % cold"
    return Line(f"{name}: Lambda", how_much, INVOCATION + seconds * memory * GB_SECOND)


def _logs(units: Units, *, hook: bool) -> Line:
    logged = [
        did.log_bytes + LINE_OVERHEAD
        for name, did in units.functions.items()
        if did.log_bytes and (hook or name == "create")
    ]
    size = sum(logged) + ACCESS_LINE + LINE_OVERHEAD
    return Line("logs", f"{size / 1000:.1f} KB", size * MILLION_BYTES * LOG_GB)


def tables() -> str:
    """Give the tables of docs/cost.md."""
    units = Units.read()
    lines = ["| per million submissions with one hook | each | $ |", "|---|---|---|"]
    total = 0.0
    for line in bill(units, hook=True):
        total += line.dollars
        lines.append(f"| {line.what} | {line.how_much} | {line.dollars:.2f} |")
    without = sum(line.dollars for line in bill(units, hook=False))
    lines += [
        f"| **sum** | target {TARGET:.2f} | **{total:.2f}** |",
        f"| the same, when a dozen come every second | batches are full | {busy(units):.2f} |",
        f"| without a hook | | {without:.2f} |",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(tables(), end="")
