"""events/: one real event for each function, which it takes.

They are what `sam local invoke -e` is given, so they must be what AWS sends: HTTP API payload 2.0,
DynamoDB stream, EventBridge, SQS, schedule, CloudFormation custom resource.
"""

import json
import re
from pathlib import Path

import pytest

from local.receiver import Receiver
from sheaf import aws as sheaf_aws
from sheaf import settings
from tests.api import handler, routes

ROOT = Path(__file__).parents[2]
EVENTS = {
    str(path.relative_to(ROOT / "events").with_suffix("")): json.loads(path.read_text())
    for path in sorted((ROOT / "events").rglob("*.json"))
}
FUNCTIONS = sorted(
    f"{app.parent.parent.name}/{app.parent.name}" for app in ROOT.glob("functions/*/*/app.py")
)
REQUESTS = [name for name in FUNCTIONS if not name.startswith("workers/")]
# What payload 2.0 always has, and what only where there is something to tell.
ALWAYS = {
    "version", "routeKey", "rawPath", "rawQueryString", "headers", "requestContext",
    "isBase64Encoded",
}  # fmt: skip
SOMETIMES = {"cookies", "queryStringParameters", "pathParameters", "body"}
CONTEXT = {
    "accountId", "apiId", "domainName", "domainPrefix", "http", "requestId", "routeKey", "stage",
    "time", "timeEpoch",
}  # fmt: skip


def test_every_function_has_exactly_one_event():
    assert sorted(EVENTS) == FUNCTIONS


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_of_one_of_the_functions_routes(name):
    event = EVENTS[name]
    keys = {
        "$default" if path == "/$default" else f"{method} {path}": path
        for method, path, function in routes()
        if function == name
    }
    assert event["routeKey"] in keys
    context = event["requestContext"]
    assert context["routeKey"] == event["routeKey"]
    method = event["routeKey"].partition(" ")[0]
    expected = {"ANY": {"GET"}, "$default": {"GET"}}.get(method, {method})
    assert {context["http"]["method"]} == expected
    assert context["http"]["path"] == event["rawPath"]
    if method != "$default":
        path = keys[event["routeKey"]]
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
        pattern = re.sub(r"\{(\w+)\+\}", r"(?P<\1>.+)", pattern)
        found = re.fullmatch(pattern, event["rawPath"])
        assert found is not None
        assert found.groupdict() == event.get("pathParameters", {})


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_has_the_members_of_payload_2(name):
    event = EVENTS[name]
    assert ALWAYS <= set(event) <= ALWAYS | SOMETIMES
    assert event["version"] == "2.0"
    assert set(event["requestContext"]) == CONTEXT
    assert set(event["requestContext"]["http"]) == {
        "method", "path", "protocol", "sourceIp", "userAgent",
    }  # fmt: skip
    assert all(key == key.lower() for key in event["headers"])
    assert "cookie" not in event["headers"], "API Gateway moves cookies to a list of their own"
    assert event["headers"]["host"] == event["requestContext"]["domainName"]
    assert bool(event["rawQueryString"]) == ("queryStringParameters" in event)
    # Absent, never empty.
    assert all(event[member] for member in SOMETIMES & set(event))


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_answered_even_by_an_empty_stack(name, aws):
    answer = handler(name)(EVENTS[name], None)
    # A link proves itself, and leads nowhere here.
    expected = (404,) if name == "hook_files/download" else (308, 401, 403)
    assert answer["statusCode"] in expected, answer["body"]


def test_credentials_in_events_are_none():
    text = json.dumps(EVENTS)
    assert "AKIA" not in text
    assert set(re.findall(r"[\w.-]+@[\w.-]+", text)) <= {
        "admin@example.org", "dana@example.org",
    }  # fmt: skip


def test_the_stream_is_published(aws):
    event = EVENTS["workers/publish"]
    assert handler("workers/publish")(event, None) == {"batchItemFailures": []}


def test_an_event_that_no_hook_wants_is_matched(aws):
    event = EVENTS["workers/match"]
    assert event["detail-type"] == event["detail"]["action"]
    assert handler("workers/match")(event, None) == {"deliveries": 0}


def test_what_is_published_is_what_is_matched(aws):
    from sheaf.db.audit import Audit
    from sheaf.hooks import events

    row = Audit()
    (record,) = EVENTS["workers/publish"]["Records"]
    row.deserialize(json.loads(json.dumps(record["dynamodb"]["NewImage"])))
    assert json.loads(json.dumps(events.of(row))) == EVENTS["workers/match"]["detail"]


def test_a_wake_up_for_a_delivery_that_is_gone_is_done(aws):
    event = EVENTS["workers/deliver"]
    assert handler("workers/deliver")(event, None) == {"batchItemFailures": []}


def test_a_sweep_of_an_empty_table_wakes_nobody(aws, monkeypatch):
    queue = aws.client("sqs").create_queue(QueueName=f"failures-{settings.TABLE_NAME}")
    monkeypatch.setattr(settings, "DELIVERY_FAILURES_URL", queue["QueueUrl"])
    assert handler("workers/sweep")(EVENTS["workers/sweep"], None) == {"woken": 0, "crashed": 0}


def test_a_wake_up_for_an_export_that_is_gone_is_done(aws):
    assert handler("workers/export")(EVENTS["workers/export"], None) is None


def test_a_purge_of_an_empty_table_removes_nothing(aws):
    assert handler("workers/purge")(EVENTS["workers/purge"], None) == {"purged": 0}


class Context:
    log_stream_name = "2026/11/22/sheaf-WorkersBootstrap[$LATEST]0123456789abcdef"


def test_the_first_deployment_is_answered(aws, capfd):
    event = EVENTS["workers/bootstrap"]
    with Receiver() as receiver:
        handler("workers/bootstrap")(event | {"ResponseURL": f"{receiver.url}/answer"}, Context())
        (told,) = receiver.requests
    assert told.method == "PUT"
    assert told.json() == {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": "sheaf-bootstrap",
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    name = f"{settings.SECRETS_PREFIX}admin-password"
    kept = sheaf_aws.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert kept["Type"] == "SecureString"
    printed = capfd.readouterr()
    assert kept["Value"] not in printed.out + printed.err + json.dumps(told.json())


def test_a_tally_of_an_empty_table_counts_nothing(aws):
    assert handler("workers/tally")(EVENTS["workers/tally"], None) == {"counted": 0}
