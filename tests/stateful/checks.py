"""The inspection at the end: all goes well from now on, so everything must come out."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sheaf.db import keys
from sheaf.db.compression import unpack
from sheaf.hooks import deliveries, sweep
from sheaf.hooks.deliveries import Delivery
from tests.cast import stored
from tests.stateful import model
from tests.stateful.clockwork import SECOND
from tests.stateful.model import Event, Hook
from tests.stateful.people import People
from tests.stateful.receiver import Received
from tests.stateful.work import Fate

NONE = Fate()
MINUTE = 60
# Seconds after which what a crash has left is taken up, and what was in a queue that was emptied.
HEALED, FOUND = 2 * MINUTE, 6 * MINUTE
# Rounds, each up to a day long, after which there is nothing left to do.
_MOST = 60


class Inspection:
    """Lets all that is under way come to its end, and looks at what has come of it."""

    def __init__(self, people: People, *, emptied: bool) -> None:
        self.emptied = emptied
        self.people, self.cloud, self.world = people, people.cloud, people.world
        self.clock, self.receivers = people.cloud.clock, people.receivers

    def run(self) -> None:
        while self.cloud.standing:
            self.cloud.kill(0)
        self.receivers.scripts.clear()
        if self.emptied:
            self.cloud.queue.clear()
        self.heal()
        self.settle()
        for hook in self.hooks():
            self.people.switch(hook, "enable", NONE)
        self.settle()
        self.fill_gaps()
        for hook in self.world.hooks.values():
            self.records_are_right(hook)
            self.requests_are_right(hook)
            self.order_is_right(hook)
        self.nothing_is_sent_in_vain()
        for hook in self.hooks():
            self.account_is_right(hook)
        self.clock.forward(2 * 86_400)
        self.people.purge(NONE)
        self.settle()
        self.nothing_is_left()

    def hooks(self) -> list[Hook]:
        return [hook for hook in self.world.hooks.values() if hook.gone is None]

    def records(self, hook: Hook) -> list[Delivery]:
        return list(Delivery.query(keys.deliveries(hook.id), consistent_read=True))

    # Until nothing moves any more.

    def flow(self) -> None:
        """Let all that is there come through."""
        while True:
            for shard, records in enumerate(self.cloud.stream):
                if records:
                    self.cloud.publish(shard, 100, NONE)
            for _ in range(len(self.cloud.bus)):
                self.cloud.match(0, NONE)
            shown = self.cloud.visible()
            for start in range(0, len(shown), 10):
                self.cloud.deliver(shown[start : start + 10], NONE)
            if not (any(self.cloud.stream) or self.cloud.bus or self.cloud.visible()):
                return

    def open(self) -> Iterator[tuple[Hook, Delivery]]:
        for hook in self.world.hooks.values():
            for delivery in self.records(hook):
                if not delivery.settled:
                    yield hook, delivery

    def heal(self) -> None:
        """What a crash has left is taken up within two minutes, and what was lost in a few more."""
        begun = self.clock.now
        while self.clock.now < begun + (FOUND if self.emptied else HEALED) * SECOND:
            self.flow()
            self.clock.forward(MINUTE)
            self.cloud.sweep(NONE)
            self.flow()
        late = [(hook, each) for hook, each in self.open() if self.is_late(hook, each, begun)]
        assert not late, self.shown(late)

    def is_late(self, hook: Hook, delivery: Delivery, since: int) -> bool:
        """Whether nobody has looked after a delivery that was due by then."""
        due = (delivery.next_at or 0) <= since
        return due and hook.gone is None and not self.may_wait(hook, delivery)

    def may_wait(self, hook: Hook, delivery: Delivery) -> bool:
        shown = self.people.api.get(hook.path).json
        if shown["state"] == "disabled" or shown["rateLimit"] is not None:
            return True
        return delivery.after is not None

    def settle(self) -> None:
        """Let days pass until nothing is left to do."""
        for _ in range(_MOST):
            self.flow()
            left = [(hook, each) for hook, each in self.open() if not self.is_held(hook)]
            if not left:
                return
            for _ in range(3):
                self.clock.forward(MINUTE)
                self.cloud.sweep(NONE)
                self.flow()
            ahead = [each.next_at for _, each in self.open() if each.next_at is not None]
            if ahead and min(ahead) > self.clock.now:
                self.clock.now = min(ahead)
            self.clock.forward(1000)
        raise AssertionError(f"does not settle: {self.shown(left)}")

    def is_held(self, hook: Hook) -> bool:
        return hook.gone is None and self.people.api.get(hook.path).json["state"] == "disabled"

    # What has come of it.

    def fill_gaps(self) -> None:
        """Of what the bus has given up the account tells; a replay sends it."""
        lost = {each.detail["eventId"].removeprefix("evt_") for each in self.cloud.failed}
        for hook in self.hooks():
            gaps = {each["eventId"].removeprefix("evt_") for each in self.account(hook)["gaps"]}
            there = {each.sk for each in self.records(hook)}
            assert gaps <= lost, (hook.id, gaps - lost)
            assert (self.world.must(hook) & lost) - there <= gaps
            if gaps and hook.wishes[-1].kinds:
                was = hook.replayed
                self.people.replay(hook, "missing", NONE)
                hook.replayed = was
        self.settle()

    def account(self, hook: Hook) -> dict[str, Any]:
        answer = self.people.api.get(f"{hook.path}/reconcile")
        assert answer.status == 200, answer.text
        return answer.json

    def records_are_right(self, hook: Hook) -> None:
        """One record for each event that a hook wanted, none else, and it says what happened."""
        records = {each.sk: each for each in self.records(hook)}
        lost = {each.detail["eventId"].removeprefix("evt_") for each in self.cloud.failed}
        missing = self.world.must(hook) - set(records) - lost
        assert not missing, (hook.id, [self.world.events[key] for key in missing])
        surplus = set(records) - self.world.may(hook)
        assert not surplus, (hook.id, [(key, records[key].kind) for key in surplus])
        for key, record in records.items():
            assert record.kind == self.world.events[key].kind
            self.end_is_right(hook, record, self.world.events[key])

    def end_is_right(self, hook: Hook, record: Delivery, event: Event) -> None:
        received = [each for each in self.receivers.requests if each.id == record.id]
        taken = any(each.reply.takes_it for each in received)
        assert record.settled, self.shown([(hook, record)])
        assert len(record.attempts) <= len(received) + self.crashes(record), record.id
        if record.state == deliveries.SUCCEEDED:
            assert taken, record.id
        elif record.state == deliveries.CANCELLED:
            purged = event.about is not None and event.about.purged is not None
            assert hook.gone or purged or hook.was_off(event.when.began), (record.id, record.reason)
        else:
            assert record.state == deliveries.FAILED, record.state
            ended = any(each.reply.ends_it for each in received)
            assert ended or len(record.attempts) >= hook.tries, record.id

    @staticmethod
    def crashes(record: Delivery) -> int:
        return sum(dict(each).get("e") == sweep.CRASHED for each in record.attempts)

    def requests_are_right(self, hook: Hook) -> None:
        """All attempts of a delivery sent the same, and that is what was true at the commit."""
        sent: dict[str, list[Received]] = defaultdict(list)
        for request in self.receivers.requests:
            if request.path == hook.place:
                sent[request.id].append(request)
        for name, requests in sent.items():
            key = name.removeprefix("dlv_").rpartition("-")[0]
            event = self.world.events[key]
            assert name == f"dlv_{key}-{hook.id.removeprefix('whk_')}"
            assert {each.headers["webhook-event"] for each in requests} == {event.kind}
            assert len({each.body for each in requests}) == 1, name
            if hook.format == "json":
                self.body_is_right(event, json.loads(requests[0].body))

    def body_is_right(self, event: Event, body: dict[str, Any]) -> None:
        assert (body["type"], body["eventId"]) == (event.kind, f"evt_{event.key}")
        if event.about is None:
            return
        assert body["id"] == event.root
        data = body["data"]
        if event.kind == model.PURGE:
            assert set(data) == {"submission", "currentInstanceId"}
            return
        row = data["submission"]
        shown = {
            "name": row["name"],
            "age": row["age"],
            "reviewState": row["__system"]["reviewState"],
            "deleted": row["__system"]["deletedAt"] is not None,
            "current": data["currentInstanceId"],
            "present": row["__system"]["attachmentsPresent"],
        }
        assert shown == event.facts, event

    def nothing_is_sent_in_vain(self) -> None:
        """All that was received is on record, but for what was cut off."""
        noted = sum(
            len(record.attempts) - self.crashes(record)
            for hook in self.world.hooks.values()
            for record in self.records(hook)
        )
        assert len(self.receivers.requests) <= noted + self.cloud.cut_off

    def order_is_right(self, hook: Hook) -> None:
        """A receiver that wants order hears of nothing before what was before it is done with."""
        if not hook.ordered or hook.replayed or hook.retried:
            return
        records = {each.id: each for each in self.records(hook)}
        begun: dict[str | None, list[str]] = defaultdict(list)
        done: set[str] = set()
        tries: dict[str, int] = defaultdict(int)
        for request in self.receivers.requests:
            record = records.get(request.id)
            if record is None or record.kind not in model.IN_ORDER:
                continue
            root = self.world.events[record.sk].root
            tries[record.sk] += 1
            before = [key for key in begun[root] if key not in done and key < record.sk]
            after = [key for key in begun[root] if key > record.sk]
            assert not before, (hook.id, before, record.sk)
            assert not after or record.sk in done, (hook.id, after, record.sk)
            begun[root].append(record.sk)
            if request.reply.ends_it or tries[record.sk] >= hook.tries or self.crashes(record):
                done.add(record.sk)

    def account_is_right(self, hook: Hook) -> None:
        account = self.account(hook)
        assert account["gaps"] == [] or not hook.wishes[-1].kinds, account
        assert account["until"] == account["end"]
        count = len(self.records(hook))
        assert account["records"] + account["unasked"] == count, (account, count)

    def nothing_is_left(self) -> None:
        """Of what was purged nothing of what it said is anywhere."""
        marks = [each.mark for each in self.world.submissions.values() if each.purged]
        words = "\n".join(_said(item) for item in stored())
        words += "\n".join(map(_said, self.people.bucket.files().values()))
        left = [mark for mark in marks if mark in words]
        assert not left, [
            (mark, item["pk"], item["sk"])
            for mark in left
            for item in stored()
            if mark in _said(item)
        ]

    @staticmethod
    def shown(found: list[tuple[Hook, Delivery]]) -> list[Any]:
        return [(hook.id, each.sk, each.kind, each.state, each.next_at) for hook, each in found]


def _said(value: Any) -> str:
    """All words in an item, those that are packed too."""
    if isinstance(value, dict):
        return " ".join(map(_said, value.values()))
    if isinstance(value, list):
        return " ".join(map(_said, value))
    if isinstance(value, bytes):
        try:
            return unpack(value).decode(errors="replace")
        except Exception:
            return value.decode(errors="replace")
    return str(value)
