"""The stack with IAM enforced: each function has the rights of its role, and no role too many."""

from __future__ import annotations

import json
import random
import time
import urllib.request
from collections import defaultdict
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.job import SAMPLES, Job
from local.receiver import Receiver
from local.scene import prepare
from local.stack import Stack
from local.story import Story
from tests import happy
from tests.api import Api, Http
from tests.cast import xform
from tests.e2e.elsewhere import StackCast
from tests.e2e.project import Project
from tests.e2e.test_exports import follow, give_film
from tests.happy import ROUTES, Happy

pytestmark = [pytest.mark.strict, pytest.mark.xdist_group("strict")]
FORMS = [SAMPLES / "water-point.xml", SAMPLES / "household-nutrition.xlsx"]

# What one call needs, where that is not the action of its own name.
NEEDS = {
    "dynamodb:TransactWriteItems": {
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:ConditionCheckItem",
    },
    "s3:CreateMultipartUpload": {"s3:PutObject"},
    "s3:UploadPart": {"s3:PutObject"},
    "s3:CompleteMultipartUpload": {"s3:PutObject"},
    "s3:HeadObject": {"s3:GetObject"},
    "s3:ListParts": {"s3:ListMultipartUploadParts"},
    "s3:ListObjectVersions": {"s3:ListBucketVersions"},
    "s3:DeleteObjects": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
}
# What AWS itself does with a function's role: triggers, failure destinations, logs.
PLATFORM = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "lambda:InvokeFunction",
}
# Rights to what the tests do not bring about: what waits in a failure queue is sent by Lambda.
UNUSED = {"dynamodb:GetItem", "sqs:SendMessage"}
# Rights to what takes days, a crash, or two things in one moment.
SELDOM = {
    # The body of an event that is written just while its submission is purged.
    "MatchRole": {"dynamodb:DeleteItem", "s3:DeleteObject"},
    "SweepRole": {"dynamodb:PutItem"},  # the audit row of a hook that has failed for five days
    "SpillResponses": {"s3:ListMultipartUploadParts"},  # going on after a crash
    "ReadBlobs": {"s3:ListBucket"},  # to be told that a file is gone
}


@pytest.fixture(scope="module")
def used(strict_stack: Stack) -> Stack:
    """The stack after the main job and one request for everything that is not part of it."""
    strict_stack.forget_calls()
    with Receiver() as receiver:
        scene = prepare(Story(), strict_stack, receiver)
        for form in FORMS:
            Job(scene, form, receiver_fails=False).play()
        _everything_else(strict_stack, receiver)
    return strict_stack


def _everything_else(stack: Stack, receiver: Receiver) -> None:
    """Use the routes that a day in the field does not, and what is too large for a request."""
    project = Project.new(stack)
    for name, asked in ROUTES.items():
        # The others are asked further down, as clients and receivers ask.
        if asked.given not in happy.INSIDE or asked.given is happy.a_delivery:
            method = "GET" if name == "$default" else name.split(" ")[0]
            answer = asked.ready(_set(asked, stack, project.api), method)()
            assert answer.status == asked.done, (name, answer.text)
    _large(project, receiver)
    _file_of_a_hook(project, receiver)
    _upload(project)
    _gone(project)
    for function in ("WorkersReceive", "WorkersEncrypt", "WorkersNotify"):
        _wait_for(stack, function)
    stack.invoke("WorkersSweep")
    stack.invoke("WorkersDigest", {})
    stack.invoke("WorkersTally", {})


def _set(asked: Happy, stack: Stack, admin: Api) -> StackCast:
    """Set the scene of a request; one with deliveries, which take their time, serves them all."""
    if asked.given is not happy.a_delivery:
        cast = StackCast(stack, admin)
        asked.given(cast)
        return cast
    if not hasattr(stack, "with_deliveries"):
        stack.with_deliveries = _with_deliveries(StackCast(stack, admin))
    return stack.with_deliveries


def _with_deliveries(cast: StackCast) -> StackCast:
    """Let two hooks fail to reach their receiver."""
    happy.a_hook(cast)
    assert cast.submit("uuid:1").status == 200
    for place in (happy.FORM, happy.PROJECT):
        (hook,) = cast.alice.get(f"{place}/hooks").json
        deadline = time.monotonic() + 60
        while not _attempted(cast, f"{place}/hooks/{hook['id']}/deliveries"):
            assert time.monotonic() < deadline, "nothing was tried"
            time.sleep(0.1)
    return cast


def _attempted(cast: StackCast, path: str) -> bool:
    return any(each["attempts"] for each in cast.alice.get(path).json)


def _large(project: Project, receiver: Receiver) -> None:
    """What is too large for an item, for a hook's body in one, and for an answer of Lambda's."""
    api = project.api
    made = api.post(f"{project.forms}/simple/hooks", {"name": "h", "url": receiver.url})
    assert made.status == 200, made.text
    noise = random.Random(1).randbytes(2_300_000).hex()
    assert project.submit("large", name=noise, photo="p.jpg").status == 200
    # As full as a body may be, and so too large for an item.
    assert project.submit("full", name=noise[:900_000]).status == 200
    for name in ("large", "full"):
        receiver.wait_for(lambda all_, n=name: any(each.json()["id"] == n for each in all_))
    assert api.get(project.path("large", ".xml")).status == 303
    give_film(project)
    # The table is too large for an answer, and fits into one as an archive.
    for path in (f"{project.submissions}.csv", f"{project.submissions}.csv.zip?attachments=false"):
        expected = 303 if path.endswith(".csv") else 200
        assert (api.get(path).status, api.post(path, {}).status) == (expected, expected)
    # A job, whose passphrase is sealed.
    assert follow(project, f"{project.submissions}.csv.zip", {"1": "secret"})
    # Copying it and encrypting the project read this one from the bucket.
    long_comment = f"<!--{noise[:900_000]}-->".encode()
    other = Project.new_like(project)
    form = other.api.post(f"{other.forms}?publish=true", xform("third") + long_comment)
    assert form.status == 200, form.text
    assert other.api.post(f"{other.forms}/third/draft").status == 200
    key = {"passphrase": "strict and secret"}
    assert other.api.post(f"/v1/projects/{other.id}/key", key).status == 200


def _file_of_a_hook(project: Project, receiver: Receiver) -> None:
    """Fetch a file by the link that a hook was told."""
    wish = {"name": "f", "url": receiver.url, "events": ["submission.attachment.update"]}
    assert project.api.post(f"{project.forms}/simple/hooks", wish).status == 200
    assert project.submit("filed", photo="p.jpg").status == 200
    file = project.path("filed", "/attachments/p.jpg")
    assert project.api.post(file, b"one").status == 200
    heard = receiver.wait_for(lambda all_: any(_is_file(each.json()) for each in all_))
    (news,) = [each.json() for each in heard if _is_file(each.json())]
    (told,) = news["data"]["attachments"]
    path = urlsplit(told["url"]).path
    assert Http(project.api.url).get(path).body == b"one"


def _is_file(body: dict[str, Any]) -> bool:
    return (body["type"], body["id"]) == ("submission.attachment.update", "filed")


def _upload(project: Project) -> None:
    """Send a file to the bucket."""
    assert project.submit("sent", photo="film.mp4").status == 200
    slot = project.path("sent", "/attachments/film.mp4")
    for data in (b"film", b"a better one"):
        link = project.api.post(f"{slot}/uploads", {}).json
        request = urllib.request.Request(link["url"], data, link["headers"], method="PUT")
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        deadline = time.monotonic() + 30
        while project.api.get(slot).body != data:
            assert time.monotonic() < deadline, "the slot did not fill"
            time.sleep(0.1)


def _gone(project: Project) -> None:
    """A receiver that wants no more: its hook is disabled."""
    with Receiver(statuses=[410]) as receiver:
        made = project.api.post(f"{project.forms}/simple/hooks", {"name": "g", "url": receiver.url})
        hook = f"{project.forms}/simple/hooks/{made.json['id']}"
        assert project.submit("unwanted").status == 200
        deadline = time.monotonic() + 30
        while project.api.get(hook).json["state"] != "disabled":
            assert time.monotonic() < deadline, "the hook was not disabled"
            time.sleep(0.1)


def _wait_for(stack: Stack, function: str) -> None:
    """Wait for a function that an event calls."""
    deadline = time.monotonic() + 30
    while function not in {call.function for call in stack.calls}:
        assert time.monotonic() < deadline, f"{function} was not called"
        time.sleep(0.1)


def test_a_hook_that_ends_is_told_to_who_subscribes_and_shown(strict_stack):
    """As somebody with an address in `NoticeEmail` is told, but by a queue in place of e-mail."""
    sqs = strict_stack.client("sqs")
    queue = _subscribe(strict_stack, "letters")
    project = Project.new(strict_stack)
    _gone(project)
    letters, deadline = [], time.monotonic() + 30
    while not any(f"({project.id})" in letter["Message"] for letter in letters):
        assert time.monotonic() < deadline, "nobody was told"
        got = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages", [])
        letters += [json.loads(each["Body"]) for each in got]
    assert letters[-1]["Subject"] == 'Sheaf: hook "g" was disabled'
    line = 'notice Sheaf: hook "g" was disabled'
    while not any(each.endswith(line) for each in strict_stack.journal.lines):
        assert time.monotonic() < deadline, "the terminal does not show it"
        time.sleep(0.1)


def _subscribe(stack: Stack, name: str) -> str:
    """Let a queue of ours get the notices; give its URL."""
    topic, sqs = stack.physical("NoticeTopic"), stack.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": found["QueueArn"],
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    stack.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=found["QueueArn"])
    return url


def test_every_function_runs_under_its_own_role(used, template):
    failed = {call.function: call.error for call in used.calls if call.error}
    assert failed == {}
    functions = {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    assert functions - {call.function for call in used.calls} <= {"WorkersBootstrap"}


def test_no_policy_gives_a_right_that_nobody_uses(used, template):
    resources = template["Resources"]
    made: dict[str, set[str]] = defaultdict(set)
    for call in used.calls:
        role = _name(resources[call.function]["Properties"]["Role"])
        for each in call.calls:
            made[role] |= NEEDS.get(each, {each})
    unused: dict[str, set[str]] = {}
    for role, actions in made.items():
        properties = resources[role]["Properties"]
        for policy in properties.get("Policies", []):
            unused[role] = _actions(policy) - actions
        for policy in properties.get("ManagedPolicyArns", []):
            # A shared policy is a capability: somebody who has it must use each part.
            left = unused.get(policy["Ref"], _actions(resources[policy["Ref"]]["Properties"]))
            unused[policy["Ref"]] = left - actions
    needless = {
        name: sorted(left - PLATFORM - UNUSED - SELDOM.get(name, set()))
        for name, left in unused.items()
    }
    assert {name: left for name, left in needless.items() if left} == {}


def _name(role: dict[str, Any]) -> str:
    target = role["Fn::GetAtt"]
    return target.split(".")[0] if isinstance(target, str) else target[0]


def _actions(policy: dict[str, Any]) -> set[str]:
    actions = [each["Action"] for each in policy["PolicyDocument"]["Statement"]]
    return {name for each in actions for name in ([each] if isinstance(each, str) else each)}
