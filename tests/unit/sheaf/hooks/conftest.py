"""The event path by hand: what stream, bus and queue would hand from one to the next."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from local.emulator import Emulator
from local.receiver import Receiver
from sheaf import clock, settings
from sheaf.access import actors, assignments, roles
from sheaf.access.auth import SYSTEM
from sheaf.access.sessions import Session
from sheaf.db import keys, reads
from sheaf.db.transaction import Transaction
from sheaf.hooks import deliver, events, leases, match
from sheaf.hooks.deliveries import Delivery
from sheaf.projects import projects
from tests.api import Answer, InProcess
from tests.cast import xform, xml

# What a submission itself goes through; each is one event of its own.
CHANGES = (events.CREATE, events.EDIT, events.REVIEW, events.DELETE, events.RESTORE)


@dataclass
class Steered:
    """The clock, which a test can put forward."""

    offset: int = 0

    def forward(self, seconds: float) -> None:
        self.offset += int(seconds * 1_000_000)


@pytest.fixture
def time(monkeypatch) -> Steered:
    steered, real = Steered(), clock.micros
    monkeypatch.setattr(clock, "micros", lambda: real() + steered.offset)
    return steered


@pytest.fixture
def sealing(aws: Emulator, monkeypatch) -> Emulator:
    """A stack whose hooks may send to this machine."""
    monkeypatch.setattr(settings, "HOOK_TARGETS", "any")
    return aws


class Way:
    """The table's audit rows as stream records and events, and the queue's messages."""

    def __init__(self, aws: Emulator) -> None:
        self.aws = aws
        self.table = settings.TABLE_NAME

    def images(self) -> list[dict[str, Any]]:
        """All audit rows as DynamoDB holds them, oldest first."""
        found = self.aws.client("dynamodb").scan(TableName=self.table)["Items"]
        rows = [each for each in found if each["pk"]["S"].startswith("E#")]
        return sorted(rows, key=lambda row: row["sk"]["S"])

    def records(self) -> list[dict[str, Any]]:
        """Stream records of their inserts."""
        return [
            {
                "eventName": "INSERT",
                "eventSource": "aws:dynamodb",
                "dynamodb": {
                    "Keys": {"pk": row["pk"], "sk": row["sk"]},
                    "NewImage": row,
                    "SequenceNumber": f"{number:021d}",
                },
            }
            for number, row in enumerate(self.images())
        ]

    def events(self, action: str | None = None) -> list[dict[str, Any]]:
        """The events of them, or those of one type."""
        from sheaf.db.audit import Audit

        made = []
        for image in self.images():
            row = Audit()
            row.deserialize(image)
            made.append(json.loads(json.dumps(events.of(row))))
        return [each for each in made if action in (None, each["action"])]

    def match_all(self) -> int:
        """Match every event of submissions; those that were matched before change nothing."""
        wanted = [event for event in self.events() if event["action"] in events.TYPES]
        return sum(match.run(event) for event in wanted)

    def messages(self) -> list[dict[str, Any]]:
        """Take the wake-ups that are visible in the queue, as a queue trigger would."""
        sqs, taken = self.aws.client("sqs"), []
        while True:
            got = sqs.receive_message(
                QueueUrl=settings.DELIVERY_QUEUE_URL, MaxNumberOfMessages=10, WaitTimeSeconds=0
            ).get("Messages", [])
            if not got:
                return taken
            for each in got:
                handle = each["ReceiptHandle"]
                sqs.delete_message(QueueUrl=settings.DELIVERY_QUEUE_URL, ReceiptHandle=handle)
                taken.append({"messageId": each["MessageId"], "body": each["Body"]})

    def delayed(self) -> int:
        """How many wake-ups wait."""
        name = "ApproximateNumberOfMessagesDelayed"
        answer = self.aws.client("sqs").get_queue_attributes(
            QueueUrl=settings.DELIVERY_QUEUE_URL, AttributeNames=[name]
        )
        return int(answer["Attributes"][name])

    def wake_all(self, hook: dict[str, Any]) -> None:
        """Deliver all of a hook as if the wake-ups that the queue delays had come by now."""
        for delivery in Delivery.query(keys.deliveries(hook["id"]), consistent_read=True):
            deliver.wake_up(json.loads(leases._message(delivery)))

    def deliver_all(self) -> list[str]:
        """Work through the visible wake-ups; give the messages that must come again."""
        return deliver.run(self.messages())


@pytest.fixture
def way(sealing: Emulator, monkeypatch) -> Way:
    for setting in ("DELIVERY_QUEUE_URL", "DELIVERY_FAILURES_URL"):
        name = f"{setting}-{settings.TABLE_NAME}".replace("_", "-").lower()
        queue = sealing.client("sqs").create_queue(QueueName=name)
        monkeypatch.setattr(settings, setting, queue["QueueUrl"])
    return Way(sealing)


@pytest.fixture
def receiver():
    with Receiver() as listening:
        yield listening


class Scene:
    """Project 1 with the form `simple`, its people, and hooks.

    People get their sessions without a password: hashing one takes longer than a test should.
    """

    FORMS = "/v1/projects/1/forms"
    SUBMISSIONS = f"{FORMS}/simple/submissions"

    def __init__(self, api: InProcess) -> None:
        self.api = api
        self.ids: dict[str, int] = {}
        projects.create(projects.Draft.named("Project 1"), by=SYSTEM, number=1)
        self.project = reads.get(projects.ref({"projectId": "1"}))
        self.bob = self.person("Bob", "manager")
        self.form("simple")
        self.hooks = f"{self.FORMS}/simple/hooks"

    def person(self, name: str, role: str | None = None) -> InProcess:
        """Somebody with a session, and a role in the project."""
        actor = actors.new("user", name)
        with Transaction() as tx:
            if role is not None:
                number = roles.get(role).id
                actor.grants = {assignments.grant(number, self.project.actee_id)}
            tx.create(actor)
            session = Session(*keys.session(name), actor_id=actor.id, csrf="")
            session.created_at, session.expires_at = clock.micros(), 2**53
            tx.create(session)
        self.ids[name] = actor.id
        return self.api.bearer(name)

    def form(self, xml_form_id: str, version: str = "1") -> None:
        answer = self.bob.post(f"{self.FORMS}?publish=true", xform(xml_form_id, version))
        assert answer.status == 200, answer.text

    def hook(self, url: str, **said: Any) -> dict[str, Any]:
        """Let Bob create a hook that wants to hear of every change of submissions."""
        body = {"name": "CRM", "url": url, "events": list(CHANGES), **said}
        answer = self.bob.post(self.hooks, body)
        assert answer.status == 200, answer.text
        return answer.json

    def submit(self, instance_id: str, **said: str) -> Answer:
        answer = self.bob.post(self.SUBMISSIONS, xml(instance_id, **said))
        assert answer.status == 200, answer.text
        return answer

    def edit(self, instance_id: str, old: str, new: str, **said: str) -> Answer:
        path = f"{self.SUBMISSIONS}/{instance_id}"
        answer = self.bob.put(path, xml(new, deprecated=old, **said))
        assert answer.status == 200, answer.text
        return answer

    def review(self, instance_id: str, state: str | None) -> Answer:
        answer = self.bob.patch(f"{self.SUBMISSIONS}/{instance_id}", {"reviewState": state})
        assert answer.status == 200, answer.text
        return answer

    def delete(self, instance_id: str, notes: str = "") -> None:
        headers = {"x-action-notes": notes} if notes else {}
        path = f"{self.SUBMISSIONS}/{instance_id}"
        assert self.bob.request("DELETE", path, headers=headers).json == {"success": True}

    def restore(self, instance_id: str) -> None:
        path = f"{self.SUBMISSIONS}/{instance_id}/restore"
        assert self.bob.post(path).json == {"success": True}

    def deliveries(self, hook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
        answer = self.bob.get(f"{self.hooks}/{hook['id']}/deliveries{query}")
        assert answer.status == 200, answer.text
        return answer.json


@pytest.fixture
def scene(way: Way, api: InProcess) -> Scene:
    return Scene(api)
