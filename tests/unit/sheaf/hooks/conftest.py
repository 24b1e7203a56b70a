"""The event path by hand: what the stream, the bus and the queue would hand from one to the next."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import pytest

from local.emulator import Emulator
from local.receiver import Receiver
from sheaf import clock, settings
from sheaf.hooks import deliver, events, match
from tests.cast import Cast

SEALING_KEY = bytes(range(32))


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
    """The key that the first deploy makes."""
    aws.client("ssm").put_parameter(
        Name=f"{settings.SECRETS_PREFIX}sealing-key",
        Value=b64encode(SEALING_KEY).decode(),
        Type="SecureString",
    )
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

    def deliver_all(self) -> list[str]:
        """Work through the visible wake-ups; give the messages that must come again."""
        return deliver.run(self.messages())


@pytest.fixture
def way(sealing: Emulator, monkeypatch) -> Way:
    queue = sealing.client("sqs").create_queue(QueueName=f"deliveries-{settings.TABLE_NAME}")
    monkeypatch.setattr(settings, "DELIVERY_QUEUE_URL", queue["QueueUrl"])
    return Way(sealing)


@pytest.fixture
def receiver():
    with Receiver() as listening:
        yield listening


class Scene:
    """Project 1 with the form `simple`, its manager Bob, and hooks."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        cast.form()
        self.bob = cast.bob
        self.hooks = f"{cast.FORMS}/simple/hooks"

    def hook(self, url: str, **said: Any) -> dict[str, Any]:
        """Let Bob create a hook that wants everything."""
        body = {"name": "CRM", "url": url, "events": list(events.TYPES), **said}
        answer = self.bob.post(self.hooks, body)
        assert answer.status == 200, answer.text
        return answer.json

    def deliveries(self, hook: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
        answer = self.bob.get(f"{self.hooks}/{hook['id']}/deliveries{query}")
        assert answer.status == 200, answer.text
        return answer.json


@pytest.fixture
def scene(way: Way, cast: Cast) -> Scene:
    return Scene(cast)
