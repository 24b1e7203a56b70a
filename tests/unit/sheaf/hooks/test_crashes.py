"""A crash before and after each AWS call of the event path: nothing is lost, nothing doubled.

The calls are found by running into them, so a new one is covered without being listed.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count, groupby

import pytest
from botocore.client import BaseClient

from local.receiver import Receiver
from sheaf.db import keys
from sheaf.hooks import deliver, deliveries, events, match
from sheaf.hooks.deliveries import Delivery


class CrashError(BaseException):
    """The process ends here: no handler of errors sees it."""


@contextmanager
def crash(number: int, when: str, monkeypatch):
    """End the process before or after its AWS call of that number; tell of the calls it made."""
    calls: list[str] = []
    call = BaseClient._make_api_call

    def crashing(client, operation, parameters):
        calls.append(operation)
        here = len(calls) == number
        if here and when == "before":
            raise CrashError
        answer = call(client, operation, parameters)
        if here:
            raise CrashError
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", crashing)
        yield calls


def survives(work, number: int, when: str, monkeypatch) -> list[str]:
    """Do some work that may crash; give the calls it made, if it came to its end."""
    with crash(number, when, monkeypatch) as calls:
        try:
            work()
        except CrashError:
            return []
    return calls


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_match_that_crashes_is_made_good_by_the_next(scene, way, receiver, monkeypatch, when):
    hooks = [scene.hook(f"{receiver.url}/{name}") for name in "ab"]
    for number in count(1):
        scene.submit(f"uuid:{number}")
        event = way.events(events.CREATE)[-1]
        done = survives(lambda event=event: match.run(event), number, when, monkeypatch)
        match.run(event)
        way.deliver_all()
        for hook in hooks:
            assert [d["state"] for d in scene.deliveries(hook)] == ["succeeded"] * number
        if done:
            break
    # A process that has just started marks the gate of a hook first.
    written = ["PutItem", "PutItem", "SendMessage"]
    marked = [call for call in done if call != "UpdateItem"]
    assert marked == ["Query", "Query", "BatchGetItem", *written * 2]
    assert len(receiver.requests) == 2 * number


@pytest.mark.parametrize("case", [(200, "before"), (200, "after"), (500, "before"), (500, "after")])
def test_a_delivery_that_crashes_is_made_good_by_the_next(scene, way, time, monkeypatch, case):
    with Receiver() as receiver:
        _crash_at_every_call(scene, way, time, receiver, monkeypatch, *case)


def _crash_at_every_call(scene, way, time, receiver, monkeypatch, status, when):  # noqa: PLR0917
    hook = scene.hook(f"{receiver.url}/in")
    for number in count(1):
        receiver.script("/in", [status])
        instance = f"uuid:{number}"
        scene.submit(instance)
        match.run(way.events(events.CREATE)[-1])
        messages = way.messages()
        done = survives(lambda taken=messages: deliver.run(taken), number, when, monkeypatch)
        # The queue shows what was not given up again, and the rest when it is due.
        for _ in range(4):
            time.forward(60)
            waiting = next(
                iter(Delivery.query(keys.deliveries(hook["id"]), scan_index_forward=False))
            )
            if waiting.state == deliveries.SUCCEEDED:
                break
            if not done or waiting.state == deliveries.RETRYING:
                assert deliver.run(messages) == []
        listed = scene.deliveries(hook)[0]
        assert (listed["instanceId"], listed["state"]) == (instance, "succeeded")
        same = [r for r in receiver.requests if r.json()["id"] == instance]
        assert len({(r.body, r.headers["webhook-id"]) for r in same}) == 1
        assert len(listed["attempts"]) <= len(same) <= len(listed["attempts"]) + 1
        if done:
            break
    # The key of the secrets is kept for five minutes; the gate is written when it learns something.
    kinds = [call for call, _ in groupby(done) if call != "GetParameter"]
    wanted = ["BatchGetItem", "UpdateItem", *(["SendMessage"] if status != 200 else [])]
    assert kinds[: len(wanted)] == wanted
