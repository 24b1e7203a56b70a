"""The stack with IAM enforced: each function has the rights of its role, and no role too many."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from typing import Any
from urllib.parse import quote

import pytest

from local.job import SAMPLES, Job
from local.receiver import Receiver
from local.scene import prepare
from local.stack import Stack
from local.story import Story
from tests.api import Api
from tests.cast import PASSWORD, xform
from tests.e2e.project import Project
from tests.e2e.test_exports import follow, give_film

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
    """Use the routes that a day in the field does not."""
    project = Project.new(stack)
    api, at = project.api, f"/v1/projects/{project.id}"
    made = api.post("/v1/users", {"email": "strict@example.org", "password": PASSWORD}).json
    person, form = f"/v1/users/{made['id']}", f"{project.forms}/simple"
    third = f"{project.forms}/third"
    hook = api.post(f"{form}/hooks", {"name": "h", "url": receiver.url}).json["id"]
    # Too large for an item, for a hook's body in one, and for an answer of Lambda's.
    noise = random.Random(1).randbytes(2_300_000).hex()
    assert project.submit("large", name=noise, photo="p.jpg").status == 200
    receiver.wait_for(lambda all_: any(each.json()["id"] == "large" for each in all_))
    assert api.get(project.path("large", ".xml")).status == 303
    give_film(project)
    # The table is too large for an answer, and fits into one as an archive.
    for path in (f"{project.submissions}.csv", f"{project.submissions}.csv.zip?attachments=false"):
        expected = 303 if path.endswith(".csv") else 200
        assert (api.get(path).status, api.post(path, {}).status) == (expected, expected)
    # A job, whose passphrase is sealed.
    assert follow(project, f"{project.submissions}.csv.zip", {"1": "secret"})
    long_comment = f"<!--{noise[:900_000]}-->".encode()
    login = {"email": stack.admin_email, "password": stack.admin_password}
    other = api.post("/v1/sessions", login).json["token"]
    _bearers(api, f"{at}/app-users")
    _bearers(api, f"{form}/public-links")
    steps: list[tuple[str, str, Any]] = [
        ("GET", "/v1/users", None),
        ("GET", "/v1/users/current", None),
        ("GET", person, None),
        ("PATCH", person, {"displayName": "Strict"}),
        ("GET", "/v1/roles", None),
        ("GET", "/v1/roles/admin", None),
        ("POST", f"/v1/assignments/viewer/{made['id']}", None),
        ("GET", "/v1/assignments", None),
        ("GET", "/v1/assignments/viewer", None),
        ("DELETE", f"/v1/assignments/viewer/{made['id']}", None),
        ("PUT", f"{person}/password", {"old": PASSWORD, "new": f"{PASSWORD} two"}),
        ("DELETE", person, None),
        ("GET", "/v1/projects", None),
        ("GET", at, None),
        ("PATCH", at, {"name": "Strict"}),
        ("GET", project.forms, None),
        ("GET", f"{form}/fields", None),
        ("PATCH", form, {"state": "closing"}),
        ("GET", f"{form}/hooks", None),
        ("GET", f"{form}/hooks/{hook}", None),
        ("PATCH", f"{form}/hooks/{hook}", {"name": "other"}),
        ("GET", f"{form}/hooks/{hook}/deliveries", None),
        ("DELETE", f"{form}/hooks/{hook}", None),
        ("POST", project.path("large", "/attachments/p.jpg"), b"one"),
        ("POST", project.path("large", "/attachments/p.jpg"), b"two"),
        ("DELETE", project.path("large", "/attachments/p.jpg"), None),
        ("POST", f"{project.forms}?publish=true", xform("second")),
        ("DELETE", f"{project.forms}/second", None),
        ("GET", project.path("large"), None),
        ("GET", f"{project.submissions}/submitters", None),
        ("GET", f"{project.submissions}/keys", None),
        # Too large for an item: copying it and encrypting the project read it from the bucket.
        ("POST", f"{project.forms}?publish=true", xform("third") + long_comment),
        ("POST", f"{third}/draft", None),
        ("GET", f"{third}/draft", None),
        ("POST", f"{third}/draft/publish?version=2", None),
        ("POST", f"{third}/draft", None),
        ("DELETE", f"{third}/draft", None),
        ("GET", f"{third}/versions", None),
        ("GET", f"{third}/versions/1.xml", None),
        ("POST", f"{at}/key", {"passphrase": "strict and secret"}),
        ("DELETE", at, None),
        ("DELETE", f"/v1/sessions/{quote(other, safe='')}", None),
        ("GET", "/v1/sessions/restore", None),
        ("DELETE", "/v1/sessions/current", None),
    ]
    _form_lists(project)
    for method, path, body in steps:
        answer = api.request(method, path, body)
        assert answer.status == 200, (method, path, answer.text)
    assert api.get("/v1/nothing").json["code"] == 404.1
    _wait_for(stack, "WorkersEncrypt")
    stack.invoke("WorkersTally", {})


def _form_lists(project: Project) -> None:
    """Ask for forms as devices do, and take one out of the trash."""
    for path in (f"/v1/projects/{project.id}/formList", f"{project.forms}/simple/manifest"):
        assert project.api.get(path, headers={"x-openrosa-version": "1.0"}).status == 200
    assert project.api.post(f"{project.forms}?publish=true", xform("lost")).status == 200
    assert project.api.delete(f"{project.forms}/lost").status == 200
    (lost,) = project.api.get(f"{project.forms}?deleted=true").json
    assert project.api.post(f"{project.forms}/{lost['id']}/restore").status == 200


def _wait_for(stack: Stack, function: str) -> None:
    """Wait for a function that an event calls."""
    deadline = time.monotonic() + 30
    while function not in {call.function for call in stack.calls}:
        assert time.monotonic() < deadline, f"{function} was not called"
        time.sleep(0.1)


def _bearers(api: Api, path: str) -> None:
    """Make a bearer of a token, look it up, and delete it."""
    made = api.post(path, {"displayName": "strict"})
    assert made.status == 200, made.text
    (listed,) = api.get(path).json
    assert listed["token"] == made.json["token"]
    assert api.delete(f"{path}/{made.json['id']}").status == 200


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
    needless = {name: sorted(left - PLATFORM - UNUSED) for name, left in unused.items()}
    assert {name: left for name, left in needless.items() if left} == {}


def _name(role: dict[str, Any]) -> str:
    target = role["Fn::GetAtt"]
    return target.split(".")[0] if isinstance(target, str) else target[0]


def _actions(policy: dict[str, Any]) -> set[str]:
    actions = [each["Action"] for each in policy["PolicyDocument"]["Statement"]]
    return {name for each in actions for name in ([each] if isinstance(each, str) else each)}
