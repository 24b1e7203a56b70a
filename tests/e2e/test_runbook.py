"""What docs/runbook.md says to do, done: its requests and commands against the local stack."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from local.receiver import Receiver
from local.stack import Stack
from tests.e2e.project import Project

HANDLE = "ReceiptHandle"


def wait(until: Callable[[], Any], seconds: float = 90) -> Any:
    """Wait for something that happens elsewhere."""
    deadline = time.monotonic() + seconds
    while not (found := until()):
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.1)
    return found


class Failures:
    """EventFailures or DeliveryFailures, as one looks into it by `aws sqs`."""

    def __init__(self, stack: Stack, name: str) -> None:
        self.sqs, self.url = stack.client("sqs"), stack.physical(name)

    def read(self) -> list[tuple[dict[str, Any], str]]:
        """Give the messages that are there, with what it takes to remove them."""
        got = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=1
        )
        return [(each, each[HANDLE]) for each in got.get("Messages", [])]

    def find(self, word: str) -> tuple[Any, str]:
        """Wait for the message that has a word in it; give its body and handle."""

        def found():
            return next((each for each in self.read() if word in each[0]["Body"]), None)

        message, handle = wait(found)
        return json.loads(message["Body"]), handle

    def remove(self, handle: str) -> None:
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=handle)


@pytest.fixture
def project(stack) -> Project:
    return Project.new(stack)


@pytest.fixture
def receiver():
    with Receiver() as listening:
        yield listening


def hook(project: Project, receiver: Receiver) -> str:
    wanted = {"name": "CRM", "url": f"{receiver.url}/"}
    made = project.api.post(f"{project.forms}/simple/hooks", wanted)
    assert made.status == 200, made.text
    return f"{project.forms}/simple/hooks/{made.json['id']}"


def account(project: Project, path: str) -> tuple[int, int, list[str]]:
    told = project.api.get(f"{path}/reconcile").json
    return told["events"], told["succeeded"], [gap["instanceId"] for gap in told["gaps"]]


def test_a_hook_that_was_disabled_is_told_of_and_goes_on(stack, project, receiver):
    receiver.script("/", [410])
    path = hook(project, receiver)
    assert project.submit("refused").status == 200
    wait(lambda: project.api.get(path).json["state"] == "disabled")
    told = project.api.get(path).json
    assert told["disabledReason"] == "The receiver answered 410 (Gone)."
    assert told["failingSince"]
    line = 'notice Sheaf: hook "CRM" was disabled'
    wait(lambda: any(each.endswith(line) for each in stack.journal.lines))
    assert project.submit("held").status == 200
    wait(lambda: _states(project, path) == {"failed": 1, "held": 1})
    assert project.api.post(f"{path}/ping").json["status"] == 200
    assert project.api.post(f"{path}/enable").json["state"] == "active"
    wait(lambda: _states(project, path) == {"failed": 1, "succeeded": 1})
    assert project.api.post(f"{path}/retry", {}).json["matched"] == 1
    wait(lambda: account(project, path) == (2, 2, []))


def _states(project: Project, path: str) -> dict[str, int]:
    return project.api.get(f"{path}/stats").json["states"]


def test_an_event_that_matching_gave_up_is_found_and_made_good_in_both_ways(
    stack, project, receiver
):
    path = hook(project, receiver)
    # The submission makes two events, each of which is tried three times.
    for _ in range(6):
        stack.fail("WorkersMatch", 1, "before")
    assert project.submit("lost").status == 200
    failures = Failures(stack, "EventFailures")
    told, handle = failures.find('"submission.create"')
    assert (
        told["requestContext"]["functionArn"]
        .partition("function:")[2]
        .startswith(stack.physical("WorkersMatch"))
    )
    assert told["requestPayload"]["detail-type"] == "submission.create"
    assert told["responsePayload"]["errorMessage"]
    assert account(project, path) == (1, 0, ["lost"])
    # What hooks have missed needs no message …
    asked = {"mode": "missing", "dryRun": True}
    dry = project.api.post(f"{path}/replay", asked).json["jobId"]
    assert wait(lambda: _done(project, path, dry))["created"] == 1
    job = project.api.post(f"{path}/replay", {"mode": "missing"}).json["jobId"]
    assert wait(lambda: _done(project, path, job))["created"] == 1
    receiver.wait_for(lambda all_: len(all_) == 1)
    # … and who was given up on may be given it again: it is not told twice.
    stack.client("lambda").invoke(
        FunctionName=stack.physical("WorkersMatch"),
        InvocationType="Event",
        Payload=json.dumps(told["requestPayload"]).encode(),
    )
    failures.remove(handle)
    wait(lambda: account(project, path) == (1, 1, []))
    assert [each.json()["id"] for each in receiver.requests] == ["lost"]


def _done(project: Project, path: str, job: str) -> Any:
    told = project.api.get(f"{path}/jobs/{job}").json
    return told if told["state"] == "done" else None


def test_a_poison_record_is_found_and_holds_nothing_up(stack, project, receiver):
    path = hook(project, receiver)
    key = {"pk": {"S": "E#s0"}, "sk": {"S": "1790000000000000f3k9s"}}
    table = stack.physical("Table")
    dynamodb = stack.client("dynamodb")
    dynamodb.put_item(TableName=table, Item={**key, "a": {"N": "1"}})
    assert project.submit("sound").status == 200
    receiver.wait_for(lambda all_: [each.json()["id"] for each in all_] == ["sound"])
    failures = Failures(stack, "EventFailures")
    told, handle = failures.find("event.unreadable")
    assert (told["detail-type"], told["detail"]) == ("event.unreadable", {"keys": key})
    row = dynamodb.get_item(TableName=table, Key=told["detail"]["keys"], ConsistentRead=True)
    assert row["Item"]["a"] == {"N": "1"}
    failures.remove(handle)
    # Who reads many rows reads past it.
    wait(lambda: account(project, path) == (1, 1, []))
    logged = project.api.get("/v1/audits?start=2026-09-21&end=2026-09-22").json
    assert [row["action"] for row in logged] == ["event.unreadable"]


def test_a_message_that_is_none_of_ours_stays_until_it_is_removed(stack):
    failures = Failures(stack, "DeliveryFailures")
    failures.sqs.send_message(QueueUrl=failures.url, MessageBody='{"not": "ours"}')
    stack.invoke("WorkersSweep")
    told, handle = failures.find("not")
    assert told == {"not": "ours"}
    failures.remove(handle)
    assert wait(lambda: failures.read() == [])


def test_a_stream_that_is_off_is_seen_and_turned_on(stack, project, receiver):
    path = hook(project, receiver)
    lambda_ = stack.client("lambda")
    found = lambda_.list_event_source_mappings(FunctionName=stack.physical("WorkersPublish"))
    [mapping] = found["EventSourceMappings"]
    assert mapping["State"] == "Enabled"
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        assert project.submit("waits").status == 200
        [mapping] = lambda_.list_event_source_mappings(
            FunctionName=stack.physical("WorkersPublish")
        )["EventSourceMappings"]
        assert mapping["State"] in ("Disabled", "Disabling")
        # Nothing of it is lost: the account tells of it though the stream has not.
        assert account(project, path) == (1, 0, ["waits"])
    finally:
        lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    receiver.wait_for(lambda all_: len(all_) == 1, timeout=60)
    wait(lambda: account(project, path) == (1, 1, []))


def test_names_of_resources_are_told_by_what_the_template_calls_them(stack):
    cloudformation = stack.client("cloudformation")
    [told] = cloudformation.describe_stacks(StackName="sheaf-local")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in told["Outputs"]}
    assert outputs["EventFailuresUrl"] == stack.physical("EventFailures")
    assert outputs["DeliveryFailuresUrl"] == stack.physical("DeliveryFailures")
    for name in ("WorkersPublish", "FunctionLogs", "Table"):
        found = cloudformation.describe_stack_resource(
            StackName="sheaf-local", LogicalResourceId=name
        )
        assert found["StackResourceDetail"]["PhysicalResourceId"] == stack.physical(name)


def test_what_was_done_to_hooks_is_in_the_audit_log(project, receiver):
    path = hook(project, receiver)
    assert project.api.post(f"{path}/disable").status == 200
    rows = project.api.get("/v1/audits?action=hook").json
    assert [row["action"] for row in rows][:2] == ["hook.disable", "hook.create"]
