"""A worker's shift: while one receiver hangs, the worker sees to what else the queue holds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from local.receiver import Receiver
from sheaf import clock, settings
from sheaf.db import keys
from sheaf.hooks import deliver, gates, shift
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.shift import BATCH, FEW, Seats


@pytest.fixture(autouse=True)
def _impatient(monkeypatch) -> None:
    """Nobody waits a second before looking around."""
    monkeypatch.setattr(shift, "PATIENCE", 0.05)


def states(hook) -> list[str]:
    found = Delivery.query(keys.deliveries(hook["id"]), consistent_read=True)
    return [each.state for each in found]


@contextmanager
def waiting(scene, way):
    """A worker that waits for a receiver, and what comes of its shift once that one answers."""
    with Receiver() as hanging, ThreadPoolExecutor(1) as pool:
        scene.hook(hanging.script("/in", delay=60), events=["submission.create"])
        scene.submit("uuid:1")
        way.match_all()
        under_way = pool.submit(deliver.run, way.messages())
        hanging.wait_for(lambda seen: len(seen) == 1)
        yield under_way
        assert not under_way.done()
        hanging.close()
        assert under_way.result(timeout=20) == []


def test_who_waits_for_a_receiver_that_hangs_delivers_to_others(scene, way, receiver):
    other = scene.hook(receiver.script("/in"), events=["submission.update"])
    with waiting(scene, way):
        scene.review("uuid:1", "approved")
        scene.review("uuid:1", "rejected")
        way.match_all()
        receiver.wait_for(lambda seen: len(seen) == 2)
    assert states(other) == ["succeeded", "succeeded"]
    assert way.messages() == []


def test_what_a_waiting_worker_cannot_see_to_comes_again(scene, way):
    queue = {"QueueUrl": settings.DELIVERY_QUEUE_URL}
    hidden = "ApproximateNumberOfMessagesNotVisible"
    sqs = way.aws.client("sqs")

    def count() -> str:
        answer = sqs.get_queue_attributes(**queue, AttributeNames=[hidden])
        return answer["Attributes"][hidden]

    with waiting(scene, way):
        sqs.send_message(**queue, MessageBody="no json")
        while count() != "1":
            pass
    assert count() == "1", "it was taken, and not deleted"


def test_of_a_worker_a_host_gets_its_share_and_not_more():
    seats = Seats()
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(seats.take, ["a"] * 3 * BATCH))
    assert sum(taken) == BATCH
    assert seats.take("b")
    seats.leave("a")
    assert [seats.take("a"), seats.take("a")] == [True, False]


def test_what_is_taken_beside_a_batch_gets_fewer_seats():
    batch = Seats()
    beside = Seats(FEW, beside=batch)
    assert [beside.take("a") for _ in range(FEW + 1)] == [True] * FEW + [False]
    assert all(batch.take("b") for _ in range(FEW))
    assert not beside.take("b"), "what the batch has taken counts"
    batch.leave("b")
    assert beside.take("b")


def test_a_delivery_whose_host_has_its_share_comes_again_in_a_moment(scene, way, receiver):
    hook, seats = scene.hook(receiver.script("/in")), Seats()
    host = receiver.url.removeprefix("http://")
    for _ in range(BATCH):
        seats.take(host)
    scene.submit("uuid:1")
    way.match_all()
    [message] = way.messages()
    assert deliver._handle(message, seats)
    assert (states(hook), receiver.requests, way.delayed()) == (["pending"], [], 1)
    seats.leave(host)
    assert deliver._handle(message, seats)
    assert states(hook) == ["succeeded"]
    assert seats.take(host), "the attempt has given its seat back"


def test_many_attempts_that_take_long_are_noted_once(scene, receiver):
    hook = scene.hook(receiver.url)
    gate = gates.of(hook["id"])
    gates.leave(gate, None, "e", ok=True, took=1000)
    until = clock.micros() + 60_000_000
    for number in range(30):
        gates.slow(hook["id"], f"e{number}", until)
    gate = gates.of(hook["id"])
    assert (gate.trusted_until, gate.slots) == (None, {"e0": until})
