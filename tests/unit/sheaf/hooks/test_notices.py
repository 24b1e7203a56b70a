"""What people are told of hooks in trouble: whole messages, as who subscribes gets them."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count

import pytest

from local.receiver import Receiver
from sheaf import aws, clock, settings
from sheaf.db import keys
from sheaf.hooks import events, match, notices, notify
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.letter import Letter, _letter
from sheaf.problems import Busy
from tests.unit.sheaf.hooks.conftest import Scene, Steered, Way
from tests.unit.sheaf.hooks.test_crashes import survives

HOUR, DAY = 3600, 86_400
TOKEN = "9f8e7d6c"
PATH = f"/in/{TOKEN}?key={TOKEN}"


class Mailbox:
    """A queue that subscribes to the topic of notices."""

    def __init__(self, aws, monkeypatch) -> None:
        sns, self.sqs = aws.client("sns"), aws.client("sqs")
        name = f"notices-{settings.TABLE_NAME}"
        topic = sns.create_topic(Name=name)["TopicArn"]
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        queue = found["Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
        monkeypatch.setattr(settings, "NOTICE_TOPIC", topic)

    def empty(self) -> list[dict]:
        """Take what has come, oldest first."""
        taken = []
        while True:
            got = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
            if not got.get("Messages"):
                return sorted(taken, key=lambda each: each["Timestamp"])
            for each in got["Messages"]:
                handle = each["ReceiptHandle"]
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=handle)
                taken.append(json.loads(each["Body"]))


@dataclass
class Watch:
    """Somebody who gets notices, and all that it takes to make trouble."""

    scene: Scene
    way: Way
    receiver: Receiver
    mail: Mailbox
    time: Steered

    def send(self, number: object) -> None:
        """Submit, and attempt the delivery."""
        self.scene.submit(f"uuid:{number}")
        match.run(self.way.events(events.CREATE)[-1])
        self.way.deliver_all()

    def told(self) -> list[bool]:
        """Hand all events of hooks in trouble to who tells of them, as their rules do."""
        troubles = ("hook.failing", "hook.disable")
        return [notify.tell(each) for each in self.way.events() if each["action"] in troubles]

    def post(self, hook: dict, way: str) -> int:
        return self.scene.bob.post(f"{self.scene.hooks}/{hook['id']}/{way}").status

    def state(self, hook: dict) -> dict:
        return self.scene.bob.get(f"{self.scene.hooks}/{hook['id']}").json


@pytest.fixture
def watch(scene, way, receiver, time, monkeypatch) -> Watch:
    return Watch(scene, way, receiver, Mailbox(way.aws, monkeypatch), time)


@pytest.fixture
def hook(watch):
    url = f"{watch.receiver.url}{PATH}"
    return watch.scene.hook(url, retry={"schedule": "none"})


def minutes(iso: str) -> str:
    return f"{iso[:10]} {iso[11:16]} UTC"


def attributes(message) -> dict[str, str]:
    return {name: each["Value"] for name, each in message["MessageAttributes"].items()}


def test_a_hook_that_has_failed_for_more_than_an_hour_is_told_of_once(watch, hook):
    watch.receiver.script(PATH, [500] * 9)
    for number in range(4):
        watch.send(number)
        watch.time.forward(HOUR)
    # A receiver that is away for less is nobody's trouble.
    assert watch.told() == [True]
    assert watch.told() == [False]
    [message] = watch.mail.empty()
    since = watch.state(hook)["failingSince"]
    assert message["Subject"] == 'Sheaf: hook "CRM" has begun to fail'
    ends = minutes(since).replace(since[:10], plus_days(since, 5))
    assert (
        message["Message"]
        == f"""\
The hook "CRM" has begun to fail: its receiver takes nothing.
Attempts go on by the hook's schedule. If all of them fail for five days, the hook is disabled.

Project:       Project 1 (1)
Form:          simple
Hook:          CRM ({hook["id"]})
Receiver:      127.0.0.1
Failing since: {minutes(since)}
Disabled from: {ends}
Waiting:       0 of the newest 1,000 deliveries. Nothing that waits is lost.
Stack:         sheaf-tests

What to do: nothing, if the receiver is back soon; else see "A receiver is down" in docs/runbook.md.

Who manages the hook can turn these messages off: "notify": {{"email": false}}.
"""
    )
    assert attributes(message) == {
        "kind": "hook.failing", "projectId": "1", "hookId": hook["id"],
    }  # fmt: skip


def plus_days(iso: str, days: int) -> str:
    return str(date.fromisoformat(iso[:10]) + timedelta(days=days))


def test_a_hook_that_its_receiver_has_ended_is_told_of(watch, hook):
    watch.receiver.script(PATH, [410])
    for number in range(3):
        watch.send(number)
    assert watch.told() == [True]
    [message] = watch.mail.empty()
    since = minutes(watch.state(hook)["failingSince"])
    assert message["Subject"] == 'Sheaf: hook "CRM" was disabled'
    assert (
        message["Message"]
        == f"""\
The hook "CRM" was disabled.
What it would be sent is held until it is enabled.

Project:       Project 1 (1)
Form:          simple
Hook:          CRM ({hook["id"]})
Receiver:      127.0.0.1
Why:           The receiver answered 410 (Gone).
Failing since: {since}
Waiting:       2 of the newest 1,000 deliveries. Nothing that waits is lost.
Stack:         sheaf-tests

What to do: mend the receiver or the hook, try it by POST .../ping, then POST .../enable.
See "A hook was disabled" in docs/runbook.md.

Who manages the hook can turn these messages off: "notify": {{"email": false}}.
"""
    )


def test_five_days_of_failures_are_five_messages(watch, hook):
    watch.receiver.script(PATH, [500] * 99)
    for number in range(22):
        watch.send(number)
        watch.told()
        watch.time.forward(6 * HOUR)
    assert [message["Subject"] for message in watch.mail.empty()] == [
        'Sheaf: hook "CRM" has begun to fail',
        *['Sheaf: hook "CRM" still fails'] * 3,
        'Sheaf: hook "CRM" was disabled',
    ]


def test_what_is_no_longer_so_is_not_told(watch, hook):
    watch.receiver.script(PATH, [500, 500, 200, 410])
    for number in range(4):
        watch.send(number)
        watch.time.forward(2 * HOUR)
    assert watch.post(hook, "enable") == 200
    assert watch.told() == [False, False]
    assert watch.mail.empty() == []


def test_what_somebody_did_is_not_told(watch, hook):
    assert watch.post(hook, "disable") == 200
    assert watch.told() == [False]
    assert watch.mail.empty() == []


def test_a_hook_that_wants_no_notices_has_none(watch):
    url, once = f"{watch.receiver.url}/quiet", {"schedule": "none"}
    quiet = watch.scene.hook(url, retry=once, notify={"email": False})
    watch.receiver.script("/quiet", [500, 410])
    for number in range(2):
        watch.send(number)
        watch.time.forward(2 * HOUR)
    assert watch.state(quiet)["state"] == "disabled"
    assert watch.told() == [False, False]
    assert notify.digest() == 0
    assert watch.mail.empty() == []


def test_a_hook_that_is_gone_is_not_told_of(watch, hook):
    watch.receiver.script(PATH, [410])
    watch.send(1)
    assert watch.scene.bob.delete(f"{watch.scene.hooks}/{hook['id']}").status == 200
    watch.time.forward(HOUR)
    assert watch.told() == [False]
    assert notify.digest() == 0
    assert notices.due() == []


def test_a_hook_of_a_project_is_told_of_too(watch):
    body = {"name": "All of it é", "url": f"{watch.receiver.url}/all"}
    made = watch.scene.bob.post("/v1/projects/1/hooks", body).json
    watch.receiver.script("/all", [410])
    watch.send(1)
    assert watch.told() == [True]
    [message] = watch.mail.empty()
    assert message["Subject"] == 'Sheaf: hook "All of it ?" was disabled'
    assert "\nForm:          all forms of the project\n" in message["Message"]
    assert f"\nHook:          All of it é ({made['id']})\n" in message["Message"]


def test_what_was_given_up_is_told_once_a_day(watch, hook):
    watch.receiver.script(PATH, [500, 500, 404])
    for number in range(4):
        watch.send(number)
    assert notify.digest() == 0
    watch.time.forward(61)
    assert (notify.digest(), notify.digest()) == (1, 0)
    [message] = watch.mail.empty()
    first = next(iter(Delivery.query(keys.deliveries(hook["id"]))))
    since = minutes(clock.iso(keys.micros(first.sk)))
    assert message["Subject"] == 'Sheaf: hook "CRM" gave up 3 deliveries'
    assert (
        message["Message"]
        == f"""\
The hook "CRM" has given up 3 deliveries.
Nothing sends them again by itself.

Project:       Project 1 (1)
Form:          simple
Hook:          CRM ({hook["id"]})
Receiver:      127.0.0.1
Given up:      3 since {since}
Last answers:  HTTP 500 (2), HTTP 404 (1)
Waiting:       0 of the newest 1,000 deliveries. Nothing that waits is lost.
Stack:         sheaf-tests

What to do: when the receiver works, POST .../retry with {{}} sends them again.
See "A receiver is down" in docs/runbook.md.
This message comes once a day at most.

Who manages the hook can turn these messages off: "notify": {{"email": false}}.
"""
    )
    assert attributes(message)["kind"] == "hook.given_up"
    # Of the same day nothing more is told, of the next one what is new alone.
    watch.time.forward(HOUR)
    watch.receiver.script(PATH, [503])
    watch.send("later")
    watch.time.forward(HOUR)
    assert notify.digest() == 0
    watch.time.forward(DAY)
    assert (notify.digest(), notify.digest()) == (1, 0)
    [message] = watch.mail.empty()
    assert message["Subject"] == 'Sheaf: hook "CRM" gave up 1 delivery'
    assert "\nLast answers:  HTTP 503 (1)\n" in message["Message"]
    assert notices.due() == []


def test_what_was_sent_again_meanwhile_is_not_told(watch, hook):
    watch.receiver.script(PATH, [500])
    watch.send(1)
    [given_up] = watch.scene.deliveries(hook)
    url = f"{watch.scene.hooks}/{hook['id']}/deliveries/{given_up['id']}/retry"
    assert watch.scene.bob.post(url).status == 202
    watch.way.deliver_all()
    assert watch.scene.deliveries(hook)[0]["state"] == "succeeded"
    watch.time.forward(61)
    assert notify.digest() == 0
    assert watch.mail.empty() == []
    assert notices.due() == []


def test_of_two_that_are_told_at_once_one_message_comes(watch, hook):
    """Lambda may be given an event twice, at the same watch.time."""
    watch.receiver.script(PATH, [410])
    watch.send(1)
    [event] = [each for each in watch.way.events() if each["action"] == "hook.disable"]
    start, outcomes = threading.Barrier(4), []

    def tell():
        start.wait()
        try:
            outcomes.append(notify.tell(event))
        except Busy:
            outcomes.append("busy")

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(True) == 1
    assert set(outcomes) <= {True, False, "busy"}
    assert len(watch.mail.empty()) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_loses_no_notice_and_repeats_one_at_most(watch, monkeypatch, when):
    for number in count(1):
        hook = watch.scene.hook(f"{watch.receiver.url}/{number}")
        watch.receiver.script(f"/{number}", [410])
        watch.send(number)
        event = watch.way.events("hook.disable")[-1]
        done = survives(lambda event=event: notify.tell(event), number, when, monkeypatch)
        watch.time.forward(60)
        again = notify.tell(event)
        assert notify.tell(event) is False
        messages = watch.mail.empty()
        assert {attributes(each)["hookId"] for each in messages} == {hook["id"]}
        assert 1 <= len(messages) <= 2
        if done:
            assert (again, len(messages)) == (False, 1)
            break
        assert watch.post(hook, "disable") == 200
        assert watch.scene.bob.delete(f"{watch.scene.hooks}/{hook['id']}").status == 200
    assert done.count("Publish") == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_loses_no_digest_and_repeats_one_at_most(watch, monkeypatch, when):
    for number in count(1):
        hook = watch.scene.hook(f"{watch.receiver.url}/{number}", retry={"schedule": "none"})
        watch.receiver.script(f"/{number}", [500])
        watch.send(number)
        watch.time.forward(61)
        done = survives(notify.digest, number, when, monkeypatch)
        watch.time.forward(HOUR)
        again = notify.digest()
        assert notify.digest() == 0
        messages = watch.mail.empty()
        assert {attributes(each)["hookId"] for each in messages} == {hook["id"]}
        assert 1 <= len(messages) <= 2
        assert notices.due() == []
        if done:
            assert (again, len(messages)) == (0, 1)
            break
        assert watch.scene.bob.delete(f"{watch.scene.hooks}/{hook['id']}").status == 200
    assert done.count("Publish") == 1


def test_a_digest_that_fails_holds_up_no_other(watch, hook):
    other = watch.scene.hook(f"{watch.receiver.url}/other", retry={"schedule": "none"})
    for path in (PATH, "/other"):
        watch.receiver.script(path, [500])
    watch.send(1)
    watch.time.forward(61)
    published = aws.client("sns").meta.events
    refused: list[str] = []

    def refuse(params, **_):
        refused.append(params["body"]["TopicArn"])
        if len(refused) == 1:
            raise ConnectionError

    published.register("before-call.sns.Publish", refuse)
    try:
        with pytest.raises(ConnectionError):
            notify.digest()
    finally:
        published.unregister("before-call.sns.Publish", refuse)
    [first] = watch.mail.empty()
    watch.time.forward(HOUR)
    assert notify.digest() == 1
    [second] = watch.mail.empty()
    told = {attributes(each)["hookId"] for each in (first, second)}
    assert told == {hook["id"], other["id"]}


def test_who_crashes_giving_a_delivery_up_leaves_no_gap(watch, hook):
    """The note is there before the delivery is given up, and noting it again changes nothing."""
    watch.receiver.script(PATH, [500])
    watch.scene.submit("uuid:one")
    match.run(watch.way.events(events.CREATE)[-1])
    [delivery] = Delivery.query(keys.deliveries(hook["id"]))
    notices.given_up(delivery)
    notices.given_up(delivery)
    watch.way.deliver_all()
    watch.time.forward(61)
    assert (notify.digest(), notify.digest()) == (1, 0)
    assert len(watch.mail.empty()) == 1


def test_no_message_tells_a_secret(watch, hook):
    watch.receiver.script(PATH, [500, 410])
    for number in range(2):
        watch.send(number)
        watch.time.forward(2 * HOUR)
    watch.told()
    notify.digest()
    messages = watch.mail.empty()
    assert len(messages) >= 2
    assert TOKEN not in json.dumps(messages)
    assert hook["secret"] not in json.dumps(messages)


def test_a_subject_is_what_sns_takes():
    wild = _letter("x", "é\n" + "a" * 200, "text")
    assert wild == Letter("x", "Sheaf: ? " + "a" * 90, "text")
    assert len(wild.subject) == 99
