"""The stream's records on a real bus, seen by a rule as anybody could add one."""

import json
from contextlib import contextmanager

import pytest
from botocore.exceptions import BotoCoreError

from sheaf import aws, settings
from sheaf.hooks import publish
from tests.api import handler
from tests.unit.sheaf.hooks.conftest import Way

URL = "http://127.0.0.1:4999/in"


class LostError(BotoCoreError):
    fmt = "The connection broke."


@pytest.fixture
def heard(way):
    """What a rule for everything of ours brings to a queue, oldest first."""
    sqs, bus = way.aws.client("sqs"), way.aws.client("events")
    name = f"heard-{settings.TABLE_NAME}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    rule = {"Name": name, "EventBusName": settings.BUS_NAME}
    bus.put_rule(**rule, EventPattern=json.dumps({"source": ["sheaf"]}))
    bus.put_targets(
        Rule=name,
        EventBusName=settings.BUS_NAME,
        Targets=[{"Id": "heard", "Arn": arn["QueueArn"]}],
    )

    def take():
        messages = []
        while got := sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0
        ).get("Messages"):
            for each in got:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
                messages.append(json.loads(each["Body"]))
        return messages

    yield take
    bus.remove_targets(Rule=name, EventBusName=settings.BUS_NAME, Ids=["heard"])
    bus.delete_rule(**rule)


def test_an_audit_row_becomes_one_event_that_tells_everything(scene, way, heard):
    answer = scene.bob.request(
        "POST",
        scene.SUBMISSIONS,
        b'<data id="simple" version="1"><meta><instanceID>one</instanceID></meta></data>',
        {"x-action-notes": "f%C3%BCr%20uns"},
    )
    assert answer.status == 200
    # Last comes that it is complete, since it names no files.
    record = way.records()[-2]
    assert publish.run([record]) is None
    [event] = heard()
    assert (event["source"], event["detail-type"]) == ("sheaf", "submission.create")
    detail = event["detail"]
    number, submission_id = detail["details"]["submissionId"], detail["submissionId"]
    row = record["dynamodb"]["Keys"]["sk"]["S"]
    assert detail == {
        "eventId": f"evt_{row}",
        "action": "submission.create",
        "actorId": scene.ids["Bob"],
        "acteeId": detail["acteeId"],
        "details": {
            "submissionId": number,
            "instanceId": "one",
            "submissionDefId": detail["details"]["submissionDefId"],
        },
        "notes": "für uns",
        "loggedAt": answer.json["createdAt"],
        "projectId": 1,
        "formId": 1,
        "xmlFormId": "simple",
        "formVersion": "1",
        "draft": False,
        "submissionId": submission_id,
        "instanceId": "one",
        "currentInstanceId": "one",
        "version": 0,
        "sequence": 1,
        "reviewState": None,
        "previousReviewState": None,
        "deletedAt": None,
        "files": "",
        **{name: detail[name] for name in ("updatedAt",) if name in detail},
    }
    assert submission_id.startswith(str(number))


def test_all_rows_come_in_their_order_and_batches_of_ten(scene, way, heard):
    for number in range(23):
        scene.submit(f"uuid:{number}")
    records = way.records()
    assert publish.run(records) is None
    wanted = [record["dynamodb"]["Keys"]["sk"]["S"] for record in records]
    got = [each["detail"]["eventId"].removeprefix("evt_") for each in heard()]
    assert sorted(got) == sorted(wanted)
    assert len(set(got)) == len(wanted) > 23


def test_the_rows_of_the_site_are_published_too(scene, way, heard):
    assert publish.run(way.records()[:1]) is None
    [event] = heard()
    assert event["detail-type"].startswith(("user.", "project."))


def test_records_that_are_no_new_rows_are_passed_over(scene, way, heard):
    record = way.records()[0]
    change = record["dynamodb"]
    other = {"pk": {"S": "A#5"}, "sk": {"S": "A"}}
    odd = [
        record | {"eventName": "MODIFY"},
        record | {"eventName": "REMOVE"},
        record | {"dynamodb": change | {"Keys": other, "NewImage": other}},
        {"eventName": "INSERT", "dynamodb": {}},
        {},
    ]
    assert publish.run(odd) is None
    assert heard() == []


@pytest.mark.parametrize("image", [None, {}, {"pk": {"S": "E#c0"}, "sk": {"S": "x"}}])
def test_a_row_that_cannot_be_read_is_parked_and_holds_up_nothing(scene, way, heard, image):
    records = way.records()[:3]
    change = dict(records[1]["dynamodb"], NewImage=image)
    if image is None:
        del change["NewImage"]
    records[1] = records[1] | {"dynamodb": change}
    assert publish.run(records) is None
    got = {each["detail-type"]: each["detail"] for each in heard()}
    assert got.pop("event.unreadable") == {"keys": change["Keys"]}
    assert len(got) == 2


@contextmanager
def put_events(when, act):
    """Let something happen before or after each call of PutEvents."""
    hooks = aws.client("events").meta.events
    name = f"{when}-call.eventbridge.PutEvents"
    hooks.register(name, act)
    try:
        yield
    finally:
        hooks.unregister(name, act)


def test_a_bus_that_takes_nothing_leaves_the_records_to_the_stream(scene, way, heard):
    def lose(**_):
        raise LostError

    records = way.records()[:3]
    first = records[0]["dynamodb"]["SequenceNumber"]
    with put_events("before", lose):
        assert publish.run(records) == first
        answer = handler("workers/publish")({"Records": records}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": first}]}
    assert heard() == []


def test_of_two_batches_the_first_stays_published_when_the_second_is_lost(scene, way, heard):
    for number in range(12):
        scene.submit(f"uuid:{number}")
    records, sent = way.records()[-12:], []

    def lose_second(**_):
        sent.append(1)
        if len(sent) == 2:
            raise LostError

    with put_events("before", lose_second):
        assert publish.run(records) == records[10]["dynamodb"]["SequenceNumber"]
    assert len(heard()) == 10


def test_the_first_entry_that_is_refused_is_where_the_stream_goes_on(scene, way):
    scene.submit("uuid:1")
    records = way.records()

    def refuse(parsed, **_):
        parsed["FailedEntryCount"] = 2
        for number in (2, 3):
            parsed["Entries"][number] = {"ErrorCode": "ThrottlingException"}

    with put_events("after", refuse):
        assert publish.run(records) == records[2]["dynamodb"]["SequenceNumber"]


def test_batches_stay_below_what_the_bus_takes():
    entries = [publish._Entry(str(n), "t", "x" * 400_000) for n in range(5)]
    assert [len(batch) for batch in publish._batches(entries)] == [2, 2, 1]
    assert list(publish._batches([])) == []


def test_the_handler_reports_success(scene, way):
    assert handler("workers/publish")({"Records": way.records()}, None) == {"batchItemFailures": []}


def test_way_reads_what_the_table_holds(way):
    assert isinstance(way, Way)
    assert way.records() == []
