"""The way of one submission from the request to a receiver, step by step, with all its calls.

What AWS hands from one step to the next is taken from what the step before has sent: the audit row
from the table, the event from the bus, the wake-up from the queue.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench import units
from tests import happy
from tests.api import handler
from tests.cast import Cast
from tests.stage import Stage, State
from tests.wire import Call, Wire, body

# A filled form as field surveys have them: 35 questions, 1.5 KB.
_ANSWERS = {
    "enumerator": "amina.diallo",
    "district": "kedougou",
    "village": "Bandafassi",
    "consent": "yes",
    "household_head": "Mamadou Camara",
    "head_sex": "male",
    "head_age": "47",
    "members": "9",
    "children_under_5": "2",
    "schooling": "primary",
    "main_income": "farming",
    "second_income": "trade",
    "land_hectares": "2.75",
    "livestock": "goats poultry",
    "roof": "thatch",
    "walls": "mud_brick",
    "floor": "earth",
    "rooms": "3",
    "water_source": "borehole",
    "water_minutes": "25",
    "toilet": "pit_latrine",
    "light": "solar_lamp",
    "cooking_fuel": "firewood",
    "phone": "yes",
    "meals_yesterday": "2",
    "months_of_hunger": "3",
    "illness_last_month": "malaria",
    "clinic_km": "14",
    "school_km": "3",
    "market_km": "9",
    "seed_store": "yes",
    "fertiliser": "none",
    "credit": "village_savings_group",
    "location": "12.537012 -12.309845 121.4 4.9",
    "remarks": "The roof leaks.",
}
_FORM = """<?xml version="1.0"?>
<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
  xmlns:orx="http://openrosa.org/xforms">
  <h:head><h:title>Household</h:title><model>
    <instance><data id="household" version="2026112201"><start/><end/><deviceid/>{fields}
      <orx:meta><orx:instanceID/><orx:instanceName/></orx:meta></data></instance>
    {binds}
  </model></h:head><h:body/></h:html>"""
FORM = _FORM.format(
    fields="".join(f"<{name}/>" for name in _ANSWERS),
    binds="".join(f'<bind nodeset="/data/{name}" type="string"/>' for name in _ANSWERS),
).encode()
SUBMISSION = (
    "<?xml version='1.0' ?>"
    '<data id="household" version="2026112201" xmlns:orx="http://openrosa.org/xforms">'
    "<start>2026-11-22T08:14:03.512+00:00</start><end>2026-11-22T08:41:57.090+00:00</end>"
    "<deviceid>collect:Xq3vT0mBz9aLw7Ke</deviceid>"
    + "".join(f"<{name}>{value}</{name}>" for name, value in _ANSWERS.items())
    + "<orx:meta><orx:instanceID>uuid:0c0f6a52-7b1e-4f2c-9f1d-8a37b5f1c6de</orx:instanceID>"
    "<orx:instanceName>Mamadou Camara, Bandafassi</orx:instanceName></orx:meta></data>"
).encode()
CLIENT = {
    "user-agent": "org.odk.collect.android/v2026.3.1 Dalvik/2.1.0",
    "content-type": "text/xml",
}
PATH = f"{happy.PROJECT}/forms/household/submissions?deviceID=collect%3AXq3vT0mBz9aLw7Ke"


@dataclass(frozen=True)
class Step:
    """What one function did: its calls, the state of the table around it, and what it answered."""

    wire: Wire
    before: State
    after: State
    result: Any
    log: int

    @property
    def calls(self) -> list[str]:
        """The calls by name."""
        return self.wire.names

    @property
    def writes(self) -> list[int]:
        """Write units of every item that was written."""
        return [
            units.write_units(self._size(key), transaction=call.operation.startswith("Transact"))
            for call in self.wire.calls
            for key in _written(call)
        ]

    @property
    def reads(self) -> int:
        """Read units of all that was read."""
        return sum(
            _read(call, self.wire.received[number]) for number, call in enumerate(self.wire.calls)
        )

    def sent(self, operation: str) -> dict[str, Any]:
        """What the first call of a name sent."""
        return body(next(call for call in self.wire.calls if call.operation == operation))

    def _size(self, key: tuple[str, str]) -> int:
        images = (self.before.get(key), self.after.get(key))
        return max(units.item_size(image) for image in images if image is not None)


def _written(call: Call) -> list[tuple[str, str]]:
    if call.operation in ("UpdateItem", "PutItem", "DeleteItem"):
        parts = [body(call)]
    elif call.operation == "TransactWriteItems":
        parts = [part for each in body(call)["TransactItems"] for part in each.values()]
    else:
        return []
    keys = [part.get("Key") or part["Item"] for part in parts]
    return [(key["pk"]["S"], key["sk"]["S"]) for key in keys]


def _read(call: Call, received: dict[str, Any]) -> int:
    if call.operation == "Query":
        return units.read_units(sum(map(units.item_size, received["Items"])))
    if call.operation != "BatchGetItem":
        return 0
    ((table, asked),) = body(call)["RequestItems"].items()
    found = received["Responses"].get(table, [])
    missing = len(asked["Keys"]) - len(found)
    return missing + sum(units.read_units(units.item_size(item)) for item in found)


def scene(cast: Cast) -> None:
    """The form, without a hook, and a submission: an actor's first one to a form costs more."""
    made = cast.alice.post(f"{happy.PROJECT}/forms?publish=true", FORM)
    assert made.status == happy.DONE, made.text
    first = cast.alice.post(PATH, SUBMISSION.replace(b"uuid:0c0f6a52", b"uuid:00000000"), CLIENT)
    assert first.status == happy.DONE, first.text


def travel(stage: Stage, logged: Callable[[], int], url: str | None) -> dict[str, Step]:
    """Send the submission on its way; give the steps by the names of their functions.

    Args:
        stage: where.
        logged: gives the bytes of log lines written since it was last asked.
        url: where a hook sends to; without one there is none.
    """
    cast = stage.set(scene)
    if url is not None:
        hook = happy.HOOK | {"url": url}
        made = cast.alice.post(f"{happy.PROJECT}/forms/household/hooks", hook)
        assert made.status == happy.DONE, made.text
    # The processes of a stack that is in use have marked the hook's gate, and trust its receiver.
    warm = _Road(stage, cast, logged, hooked=url is not None)
    warm.walk(SUBMISSION.replace(b"uuid:0c0f6a52", b"uuid:11111111"))
    return warm.walk(SUBMISSION)


@dataclass(frozen=True)
class _Road:
    stage: Stage
    cast: Cast
    logged: Callable[[], int]
    hooked: bool

    def walk(self, submission: bytes) -> dict[str, Step]:
        steps = {
            "submissions/create": self._step(lambda: self.cast.alice.post(PATH, submission, CLIENT))
        }
        record = stream_record(steps["submissions/create"])
        steps["workers/publish"] = self._step(lambda: _work("publish", {"Records": [record]}))
        entry = steps["workers/publish"].sent("PutEvents")["Entries"][0]
        event = {"source": "sheaf", "detail": json.loads(entry["Detail"])}
        steps["workers/match"] = self._step(lambda: _work("match", event))
        if self.hooked:
            message = steps["workers/match"].sent("SendMessage")["MessageBody"]
            queued = {"Records": [{"messageId": "1", "body": message}]}
            steps["workers/deliver"] = self._step(lambda: _work("deliver", queued))
        return steps

    def _step(self, work: Callable[[], Any]) -> Step:
        before = self.stage.table()
        self.logged()
        with Wire() as wire:
            result = work()
        return Step(wire, before, self.stage.table(), result, self.logged())


def stream_record(step: Step) -> dict[str, Any]:
    """The stream's record of the audit row that a step has written."""
    (key,) = [key for key in step.after if key not in step.before and key[0].startswith("E#")]
    image = step.after[key]
    return {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "Keys": {"pk": image["pk"], "sk": image["sk"]},
            "NewImage": image,
            "SequenceNumber": "000000000000000000001",
        },
    }


def _work(name: str, event: dict[str, Any]) -> Any:
    return handler(f"workers/{name}")(event, None)
