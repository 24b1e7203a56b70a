"""A request that is made twice at once leaves what it leaves when it is made twice in a row.

The second is made wholly between two calls of the first, before each call that writes: so whatever
the first has read is outdated. Then one of them has won, and the other was told what it is told
when it comes later. What is stored is compared without what time and chance make of it.
"""

from __future__ import annotations

from contextlib import suppress

import pytest

from sheaf import sealing
from sheaf.problems import Busy
from tests import integrity
from tests.api import Answer
from tests.crash.test_crash import REQUESTS
from tests.crash.test_purge import purge, scene, told
from tests.stage import changes
from tests.wire import Call, Wire

# Who finds the same user moved is asked to come again: only then is it the same address.
COME_AGAIN = frozenset({"PATCH /v1/users/{userId}"})
_READS = ("BatchGetItem", "Query", "GetParameter", "GetObject", "HeadObject")


def code_of(told: Answer) -> float | str:
    """The status of a success, the code of a Problem, what a device is told."""
    if told.status < 400:
        return told.status
    if "json" not in told.headers["content-type"]:
        return told.text
    return told.json.get("code", told.status)


def writes(calls: list[Call]) -> list[int]:
    """The numbers of the calls that write, but for the first call of all."""
    return [number for number, call in enumerate(calls) if number and call.operation not in _READS]


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_that_is_made_twice_at_once(stage, request, name):
    asked = REQUESTS[name]
    send = asked.ready(stage.set(asked.given), name.split(" ")[0])
    old, files = stage.table(), stage.files()
    steered = request.getfixturevalue("steered")
    with Wire() as wire:
        first = code_of(send())
    second = code_of(send())
    in_a_row = integrity.shape(stage.table())
    allowed = [{first, second}, {first, Busy.code}] if name in COME_AGAIN else [{first, second}]
    for number in writes(wire.calls):
        where = f"before {wire.names[number]} (call {number})"
        stage.restore(old, files)
        steered.forward(1)
        sealing._held.clear()
        answers = []

        def overtake(reached: int, number=number, answers=answers) -> None:
            if reached == number:
                answers.append(code_of(send()))

        with Wire(before=overtake):
            answers.append(code_of(send()))
        assert len(answers) == 2, where
        assert set(answers) in allowed, where
        state = stage.table()
        assert integrity.broken(state) == [], where
        assert stage.missing_files() == set(), where
        assert Busy.code in answers or integrity.shape(state) == in_a_row, where


def test_a_purge_that_runs_twice_at_once(stage, request):
    stage.set(scene)
    old, files = stage.table(), stage.files()
    request.getfixturevalue("steered")
    with Wire() as wire:
        assert purge() == {"purged": 1}
    in_a_row = told(changes(stage.table()))
    for number in writes(wire.calls):
        where = f"before {wire.names[number]} (call {number})"
        stage.restore(old, files)
        counted = []

        def overtake(reached: int, number=number, counted=counted) -> None:
            if reached == number:
                counted.append(purge()["purged"])

        # Where the other has told of all before it could, Lambda lets it try again.
        with Wire(before=overtake), suppress(Busy):
            counted.append(purge()["purged"])
        assert sum(counted) == 1, where
        assert told(changes(stage.table())) == in_a_row, where
        assert stage.files() == {}, where
