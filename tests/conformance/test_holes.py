"""What the pinned ministack does not do as AWS does, one test for each work-around of ours.

A test that fails means that a new ministack has closed the hole: drop the work-around that the
test names, and the test with it. The table in docs/local.md has the same rows.
"""

import ast
import json
from importlib.util import find_spec
from pathlib import Path

import boto3
import pytest

from tests.conformance.conftest import Bare, send, wait


def ok(_event):
    return {"statusCode": 200, "body": "fine"}


def shown(event):
    return {"statusCode": 200, "body": json.dumps(event)}


def source(module, function):
    """Return the text of a function of ministack, for what cannot be seen quickly from outside."""
    text = Path(find_spec(module).origin).read_text()
    nodes = ast.parse(text).body
    return ast.unparse(next(n for n in nodes if getattr(n, "name", None) == function))


def test_the_body_of_an_http_api_is_ignored(bare):
    # local/routes.py makes the routes.
    route = {"x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": "arn:any"}}
    body = {"openapi": "3.0.1", "info": {"title": "any"}, "paths": {"/a": {"get": route}}}
    properties = {"Body": body, "Name": "any", "ProtocolType": "HTTP"}
    bare.stack("body", {"Api": {"Type": "AWS::ApiGatewayV2::Api", "Properties": properties}})
    found = bare.client("apigatewayv2").get_routes(ApiId=bare.physical("body", "Api"))
    assert found["Items"] == []


def test_the_time_to_live_of_a_template_is_ignored(bare):
    # local/deploy.py enables it.
    properties = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True},
    }
    bare.stack("ttl", {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": properties}})
    table = bare.physical("ttl", "Table")
    found = bare.client("dynamodb").describe_time_to_live(TableName=table)
    assert found["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"


def test_an_event_archive_cannot_be_made(bare):
    # local/template.py takes it out.
    properties = {"SourceArn": "arn:aws:events:us-east-1:000000000000:event-bus/default"}
    with pytest.raises(Exception, match="Unrecognized resource types"):
        bare.stack(
            "archive", {"Archive": {"Type": "AWS::Events::Archive", "Properties": properties}}
        )


def test_an_encoded_slash_splits_a_segment(bare):
    # local/front.py encodes paths once more, local/http_event.py undoes it.
    url = bare.api(bare.function("slash", shown), "ANY /things/{id}")
    assert send(f"{url}/things/a%2Fb")[0] == 404


def test_percent_signs_stay_encoded(bare):
    # What makes the way around for slashes possible.
    url = bare.api(bare.function("percent", shown), "ANY /things/{id}")
    event = json.loads(send(f"{url}/things/a%252Fb")[1])
    assert event["pathParameters"] == {"id": "a%252Fb"}


def test_an_event_has_no_cookies_and_empty_path_parameters(bare):
    # local/http_event.py mends both.
    url = bare.api(bare.function("cookies", shown))
    event = json.loads(send(f"{url}/any", cookie="a=1; b=2")[1])
    assert event["headers"]["cookie"] == "a=1; b=2"
    assert "cookies" not in event
    assert event["pathParameters"] is None


def test_a_failed_function_is_a_502_with_its_message(bare):
    # local/front.py answers as API Gateway does.
    url = bare.api(bare.function("failing", lambda _: 1 / 0))
    status, body = send(url)
    assert status == 502
    assert json.loads(body).keys() == {"errorMessage", "errorType"}


def test_a_status_that_is_no_number_breaks_the_answer(bare):
    # local/http_event.py refuses it.
    url = bare.api(bare.function("status", lambda _: {"statusCode": "abc"}))
    assert send(url) == (500, b"")


def test_sizes_are_not_limited(bare):
    # local/host.py (6 MB) and local/front.py (10 MB) limit them.
    answer = {"statusCode": 200, "body": "x" * 7_000_000}
    url = bare.api(bare.function("sizes", lambda _: answer))
    status, body = send(url, b"x" * 11_000_000)
    assert (status, len(body)) == (200, 7_000_000)


def test_options_never_reaches_a_route(bare):
    # No work-around: no route of the API takes OPTIONS.
    url = bare.api(bare.function("options", ok))
    assert send(url, method="OPTIONS")[0] == 403


def test_a_variable_with_a_suffix_is_taken_as_a_route(bare):
    # local/routes.py refuses it, as API Gateway does.
    url = bare.api(bare.function("suffix", ok), "GET /forms/{id}.xml")
    assert send(f"{url}/forms/a.xml") == (200, b"fine")


def test_a_failed_target_of_a_rule_is_not_tried_again(bare):
    # local/rules.py hands the event to Lambda's own queue.
    calls = []

    def failing(event):
        calls.append(event)
        return 1 / 0

    arn = bare.function("target", failing)
    events = bare.client("events")
    events.put_rule(Name="rule", EventPattern=json.dumps({"source": ["any"]}))
    events.put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": arn}])
    bare.client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=b'"queue"')
    events.put_events(Entries=[{"Source": "any", "DetailType": "any", "Detail": "{}"}])
    # The queue tries three times within 3 s; the rule's one call came at their beginning.
    wait(lambda: calls.count("queue") == 3)
    assert len(calls) == 4


def test_a_stream_batch_is_tried_for_ever(bare):
    # No work-around: the functions park what they cannot handle.
    calls = []

    def failing(event):
        calls.append(event)
        return 1 / 0

    stream = bare.table("forever")
    mapping = bare.client("lambda").create_event_source_mapping(
        EventSourceArn=stream,
        FunctionName=bare.function("forever", failing),
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
    )
    bare.put("forever", "a")
    wait(lambda: len(calls) == 2)
    bare.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])


def test_failures_that_a_stream_function_reports_are_lost(bare):
    # local/host.py makes an error of them.
    seen = []

    def reporting(event):
        records = event["Records"]
        seen.extend(record["dynamodb"]["Keys"]["pk"]["S"] for record in records)
        failed = [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]} for record in records]
        return {"batchItemFailures": failed if seen == ["a"] else []}

    stream = bare.table("reported")
    bare.client("lambda").create_event_source_mapping(
        EventSourceArn=stream,
        FunctionName=bare.function("reporting", reporting),
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    bare.put("reported", "a")
    wait(lambda: seen)
    bare.put("reported", "b")
    wait(lambda: "b" in seen)
    assert seen == ["a", "b"]


def test_a_private_object_can_be_read_by_anybody(bare):
    # No work-around: tests use presigned URLs.
    s3 = bare.client("s3")
    s3.create_bucket(Bucket="private")
    s3.put_object(Bucket="private", Key="a", Body=b"secret")
    assert send(f"{bare.url}/private/a") == (200, b"secret")


def test_an_event_without_json_is_taken(bare):
    # No work-around: only what the product publishes itself comes here.
    entry = {"Source": "x", "DetailType": "x", "Detail": "no json"}
    found = bare.client("events").put_events(Entries=[entry])
    assert found["FailedEntryCount"] == 0


def test_a_filter_may_name_a_key(bare):
    # No work-around: such a query must not be written.
    bare.table("filtered")
    found = bare.client("dynamodb").query(
        TableName="filtered",
        KeyConditionExpression="pk = :a",
        FilterExpression="pk = :a",
        ExpressionAttributeValues={":a": {"S": "a"}},
    )
    assert found["Count"] == 0


def test_a_policy_that_asks_for_tls_refuses_everything(tmp_path):
    # local/template.py takes such statements out.
    strict = Bare(tmp_path, AUTH="true")
    s3 = strict.client("s3")
    s3.create_bucket(Bucket="tls")
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::tls/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket="tls", Policy=policy)
    try:
        with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
            _as_user(strict, "s3:*").put_object(Bucket="tls", Key="a", Body=b"")
    finally:
        strict.close()


def test_ten_messages_at_once_need_a_right_of_their_own(tmp_path):
    strict = Bare(tmp_path, AUTH="true")
    try:
        url = strict.client("sqs").create_queue(QueueName="ten")["QueueUrl"]
        user = _as_user(strict, "sqs:SendMessage", "sqs")
        user.send_message(QueueUrl=url, MessageBody="one")
        with pytest.raises(user.exceptions.ClientError, match="AccessDenied"):
            user.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "one"}])
    finally:
        strict.close()


def _as_user(strict, action, service="s3"):
    """Return an S3 client of a user that may do the action."""
    iam = strict.client("iam")
    iam.create_user(UserName="any")
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="any", PolicyName="any", PolicyDocument=policy)
    key = iam.create_access_key(UserName="any")["AccessKey"]
    session = boto3.session.Session(
        key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1"
    )
    return session.client(service, endpoint_url=strict.url)


def test_it_listens_everywhere_unless_told(bare):
    # local/emulator.py sets BIND_HOST. Nothing is started here: a test opens no port to others.
    assert "os.environ.get('BIND_HOST', '0.0.0.0')" in source("ministack.app", "main")


def test_a_crash_loses_all_since_the_start(kept):
    # local/emulate.py saves the state while it runs.
    kept.table("lost")
    kept.put("lost", "a")
    kept.process.kill()
    kept.process.wait()
    kept.start()
    assert kept.client("dynamodb").list_tables()["TableNames"] == []


def test_a_restart_forgets_the_stream_but_not_the_place_in_it(kept):
    # local/emulate.py saves what is unread, and sets the readers to its beginning.
    seen = []

    def reading(event):
        seen.extend(record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"])

    stream = kept.table("streamed")
    kept.client("lambda").create_event_source_mapping(
        EventSourceArn=stream,
        FunctionName=kept.function("reading", reading),
        StartingPosition="TRIM_HORIZON",
    )
    kept.put("streamed", "a", "b")
    wait(lambda: len(seen) == 2)
    kept.stop()
    kept.start()
    kept.put("streamed", "c", "d", "e")
    wait(lambda: "e" in seen)
    # The first two records after the start are skipped: they stand where a and b stood.
    assert seen == ["a", "b", "e"]


def test_a_queue_is_bound_to_the_port_that_it_was_made_on(bare):
    # local/emulator.py rewrites the port in the saved state.
    url = bare.client("sqs").create_queue(QueueName="bound")["QueueUrl"]
    assert url == f"{bare.url}/000000000000/bound"


def test_a_transaction_never_conflicts():
    # No work-around: what handles a conflict is tested with a made-up one. Requests are handled
    # one after the other, so nothing can be caught in the middle.
    written = source("ministack.services.dynamodb", "_transact_write_items")
    assert "TransactionConflict" not in written


def test_a_deletion_by_time_to_live_is_in_no_stream():
    # No work-around: nothing hangs on it. The reaper runs once a minute, so its code is read.
    assert "_emit_stream" not in source("ministack.services.dynamodb", "_ttl_reaper")
