"""What others do between two calls of a worker to AWS: nothing is stranded, nothing is left.

Something else happens before each of a worker's writes, one after the other; they are found by
running into them.
"""

from __future__ import annotations

import json
import threading
from functools import partial
from itertools import count

import pytest

from sheaf import clock
from sheaf.hooks import backlog, deliver, events, gates, match, redelivery, sweep
from sheaf.submissions import purge
from tests.cast import stored
from tests.unit.sheaf.hooks.conftest import Scene, Way
from tests.unit.sheaf.hooks.test_crashes import CrashError
from tests.unit.sheaf.hooks.test_sweep import records, states
from tests.wire import Wire

DAY = 86_400
SAID = "Ada Lovelace"


@pytest.fixture
def hook(scene, receiver):
    return scene.hook(receiver.script("/in"))


def two_minutes(way, time) -> None:
    """Let them pass, with a sweep and all deliveries in each."""
    for _ in range(2):
        time.forward(60)
        sweep.run()
        assert way.deliver_all() == []


WRITES = ("PutItem", "UpdateItem", "SendMessage", "SendMessageBatch", "TransactWriteItems")


def interrupted(work, number, meanwhile, writes=WRITES) -> bool:
    """Do some work, and something else before its write of that number; give whether it came."""
    made, came = count(), []

    def before(reached: int) -> None:
        if came or wire.calls[reached].operation not in writes or next(made) != number:
            return
        came.append(reached)
        meanwhile()

    with Wire(before=before) as wire:
        work()
    return bool(came)


def cut_off(work, number) -> bool:
    """Do some work until its call of that number has come back; give whether there was one."""
    mine, own = count(), threading.get_ident()

    def after(reached: int) -> None:
        if wire.calls[reached].thread == own and next(mine) == number:
            raise CrashError

    with Wire(after=after) as wire:
        try:
            work()
        except CrashError:
            return True
    return False


def last_job(way: Way) -> dict:
    return [each for each in way.events() if each["action"] == "hook.job"][-1]


def test_a_look_at_the_backlog_strands_nothing_that_a_job_sends_again(
    scene,
    way,
    hook,
    time,
):
    scene.submit("uuid:one")
    way.match_all()
    assert way.deliver_all() == []
    for number in count(0):
        time.forward(1000)
        asked = scene.bob.post(f"{scene.hooks}/{hook['id']}/retry", {"state": ["succeeded"]})
        came = interrupted(
            lambda job=asked.json["jobId"]: redelivery.run(hook["id"], job),
            number,
            lambda: backlog.pump(gates.of(hook["id"])),
        )
        assert way.deliver_all() == []
        assert [len(each.attempts) for each in records(hook)] == [number + 2], number
        if not came:
            return


@pytest.mark.parametrize("worker", ["deliver", "sweep"])
def test_what_is_about_to_be_held_when_the_hook_is_enabled_is_sent(  # noqa: PLR0917
    scene, way, time, receiver, monkeypatch, worker
):
    monkeypatch.setattr(clock, "wait", lambda _: None)
    hook = scene.hook(receiver.script("/in"), retry={"schedule": [4000]})
    path = f"{scene.hooks}/{hook['id']}"
    for number in count(0):
        receiver.script("/in", [500])
        scene.submit(f"uuid:{number}")
        match.run(way.events(events.CREATE)[-1])
        [message] = way.messages()
        assert deliver.run([message]) == []
        time.forward(6000)
        assert scene.bob.post(f"{path}/disable").status == 200
        work = {
            "deliver": lambda m=message: deliver.wake_up(json.loads(m["body"])),
            "sweep": sweep.run,
        }
        came = interrupted(work[worker], number, lambda: scene.bob.post(f"{path}/enable"))
        scene.bob.post(f"{path}/enable")
        two_minutes(way, time)
        assert states(hook) == ["succeeded"] * (number + 1), number
        if not came:
            return


def test_what_is_held_is_cancelled_when_the_hook_is_deleted(scene, way, hook, time):
    scene.submit("uuid:one")
    scene.bob.post(f"{scene.hooks}/{hook['id']}/disable")
    way.match_all()
    way.deliver_all()
    assert states(hook) == ["held"]
    assert scene.bob.delete(f"{scene.hooks}/{hook['id']}").json == {"success": True}
    two_minutes(way, time)
    assert states(hook) == ["cancelled"]


@pytest.mark.parametrize("slow", ["attempt", "deletion"])
def test_a_receiver_that_has_enough_of_a_hook_that_is_deleted_holds_nothing(
    scene, way, receiver, time, slow
):
    for number in range(len(WRITES) + 1):
        hook = scene.hook(receiver.script(f"/{number}", [410]))
        path = f"{scene.hooks}/{hook['id']}"
        for name in "ab":
            scene.submit(f"uuid:{number}{name}")
            match.run(way.events(events.CREATE)[-1])
        first, second = ([message] for message in way.messages())
        attempt, hold = partial(deliver.run, first), partial(deliver.run, second)
        disable = partial(scene.bob.post, f"{path}/disable")
        delete = partial(scene.bob.delete, path)
        if slow == "attempt":
            interrupted(attempt, number, partial(all_of, disable, hold, delete))
        else:
            interrupted(delete, number, partial(all_of, attempt, hold))
        two_minutes(way, time)
        assert set(states(hook)) <= {"failed", "cancelled"}, number


def all_of(*steps) -> None:
    for step in steps:
        step()


def everything_said() -> str:
    """All words that are stored, packed ones too."""
    from sheaf.db.compression import unpack

    def said(value) -> str:
        if isinstance(value, dict | list):
            return " ".join(map(said, value.values() if isinstance(value, dict) else value))
        try:
            return unpack(value).decode() if isinstance(value, bytes) else str(value)
        except Exception:  # what is no packed text
            return ""

    return said(stored())


def trashed(scene: Scene, instance_id: str) -> None:
    scene.submit(instance_id, name=SAID)
    scene.delete(instance_id)


def test_a_purge_during_a_match_leaves_no_body(scene, way, hook, time, monkeypatch):
    monkeypatch.setattr(clock, "wait", lambda _: None)
    for number in count(0):
        trashed(scene, f"uuid:{number}")
        event = way.events(events.DELETE)[-1]
        time.forward(2 * DAY)
        came = interrupted(lambda event=event: match.run(event), number, lambda: purge.run(1))
        purge.run(1)
        assert SAID not in everything_said(), number
        way.deliver_all()
        assert set(states(hook)) == {"cancelled"}
        if not came:
            return


def test_a_purge_during_a_replay_leaves_no_body(scene, way, receiver, time, monkeypatch):
    monkeypatch.setattr(clock, "wait", lambda _: None)
    hook = scene.hook(receiver.script("/in"))
    for number in count(0):
        trashed(scene, f"uuid:{number}")
        time.forward(2 * DAY)
        path = f"{scene.hooks}/{hook['id']}/replay"
        asked = {
            "start": clock.iso(clock.micros() - 3 * DAY * 1_000_000),
            "events": [events.DELETE],
        }
        assert scene.bob.post(path, asked).status == 202
        told = last_job(way)
        came = interrupted(
            lambda told=told: redelivery.run(told["hookId"], told["jobId"]),
            number,
            lambda: purge.run(1),
            ("PutItem",),
        )
        purge.run(1)
        assert SAID not in everything_said(), number
        if not came:
            return


def due_with_the_purge(scene, way, time, number: int) -> dict:
    """Give the message of a deletion that is delivered when the purge is due."""
    trashed(scene, f"uuid:{number}")
    match.run(way.events(events.DELETE)[-1])
    [message] = way.messages()
    time.forward(2 * DAY)
    return message


def test_a_purge_during_an_attempt_leaves_nothing_of_it(scene, way, receiver, time):
    hook = scene.hook(receiver.script("/in", headers={"x-long": SAID * 200}))
    for number in count(0):
        message = due_with_the_purge(scene, way, time, number)
        came = interrupted(
            lambda m=message: deliver.wake_up(json.loads(m["body"])), number, lambda: purge.run(1)
        )
        purge.run(1)
        assert SAID not in everything_said(), number
        assert records(hook)[-1].settled
        if not came:
            return


def test_nothing_is_kept_of_an_attempt_that_was_cut_off_while_a_purge_went_by(
    scene, way, receiver, time
):
    hook = scene.hook(receiver.script("/in", headers={"x-long": SAID * 200}))
    for number in count(0):
        message = due_with_the_purge(scene, way, time, number)
        receiver._on_request = lambda _: purge.run(1)
        came = cut_off(lambda m=message: deliver.wake_up(json.loads(m["body"])), number)
        time.forward(61)
        deliver.wake_up(json.loads(message["body"]))
        purge.run(1)
        assert SAID not in everything_said(), number
        assert records(hook)[-1].settled
        if not came:
            return
