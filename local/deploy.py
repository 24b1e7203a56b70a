"""Making the stack in the emulator: created the first time, updated when the template changed."""

from __future__ import annotations

import io
import json
import time
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local import routes
from local.emulator import ACCOUNT, REGION, StartError
from local.template import CODE_BUCKET, CODE_KEY

if TYPE_CHECKING:
    from local.emulator import Emulator
    from local.template import Application

Json = dict[str, Any]

_PROXY_VARIABLE = "MINISTACK_LAMBDA_PROXY_URL"
# The product's own, known to it in AWS too.
_ORIGIN_VARIABLE = "ORIGIN"
_TEMPLATE_KEY = "template.json"
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


@dataclass(frozen=True, slots=True)
class Deployed:
    """The stack as it stands: its outputs, its resources' physical ids, whether it is new."""

    outputs: dict[str, str]
    physical: dict[str, str]
    is_new: bool


def deploy(
    aws: Emulator, name: str, application: Application, hosts: dict[str, str], origin: str
) -> Deployed:
    """Make the stack `name` that which the application describes.

    Args:
        aws: The running emulator.
        name: The stack's name.
        application: The transformed template.
        hosts: The URL that serves the functions of each role, by the role's logical id.
        origin: The URL of the front.

    Raises:
        StartError: CloudFormation refused it; the message holds the first reason.
    """
    body = _pointed_at(application, hosts, origin)
    before = _describe(aws, name)
    if before and before["StackStatus"] not in _GOOD:
        _delete(aws, name)
        before = None
    changed = before is None or not _is_current(aws, name, body, application.parameters, before)
    if changed:
        _apply(aws, name, body, application.parameters, is_new=before is None)
    stack = _settled(aws, name)
    physical = _physical(aws, name)
    if changed:
        _finish(aws, application, physical)
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}
    return Deployed(outputs, physical, before is None)


def _pointed_at(application: Application, hosts: dict[str, str], origin: str) -> str:
    """Return the template's text with every function sent to the host of its role.

    What the functions take for the API's origin, if they ask, is the front's.
    """
    template = json.loads(json.dumps(application.template))
    for name, function in application.functions.items():
        properties = template["Resources"][name]["Properties"]
        variables = properties.setdefault("Environment", {}).setdefault("Variables", {})
        variables[_PROXY_VARIABLE] = f"{hosts[function.role]}/{name}"
        if _ORIGIN_VARIABLE in variables:
            variables[_ORIGIN_VARIABLE] = origin
    return json.dumps(template, sort_keys=True)


def _describe(aws: Emulator, name: str) -> Json | None:
    cloudformation = aws.client("cloudformation")
    try:
        found: Json = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except cloudformation.exceptions.ClientError:
        return None
    return None if found["StackStatus"] == "DELETE_COMPLETE" else found


def _is_current(
    aws: Emulator, name: str, body: str, parameters: dict[str, str], stack: Json
) -> bool:
    known = {p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", [])}
    text = aws.client("cloudformation").get_template(StackName=name)["TemplateBody"]
    deployed = text if isinstance(text, str) else json.dumps(text, sort_keys=True)
    return deployed == body and parameters.items() <= known.items()


def _apply(
    aws: Emulator, name: str, body: str, parameters: dict[str, str], *, is_new: bool
) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=CODE_BUCKET)
    s3.put_object(Bucket=CODE_BUCKET, Key=CODE_KEY, Body=_stub())
    # By URL: a template in the request itself may have 51,200 bytes only.
    s3.put_object(Bucket=CODE_BUCKET, Key=_TEMPLATE_KEY, Body=body.encode())
    cloudformation = aws.client("cloudformation")
    make = cloudformation.create_stack if is_new else cloudformation.update_stack
    try:
        make(
            StackName=name,
            TemplateURL=f"{aws.url}/{CODE_BUCKET}/{_TEMPLATE_KEY}",
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    except cloudformation.exceptions.ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise StartError(f"The template was refused: {error}") from error


def _stub() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("app.py", "")
    return written.getvalue()


def _settled(aws: Emulator, name: str) -> Json:
    while (stack := _describe(aws, name)) and stack["StackStatus"].endswith("IN_PROGRESS"):
        time.sleep(0.02)
    if stack is None or stack["StackStatus"] not in _GOOD[:2]:
        raise StartError(f"The stack could not be made: {_first_failure(aws, name)}")
    return stack


def _first_failure(aws: Emulator, name: str) -> str:
    pages = aws.client("cloudformation").get_paginator("describe_stack_events").paginate
    events = [event for page in pages(StackName=name) for event in page["StackEvents"]]
    failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
    if not failed:
        return "no reason is given."
    first = min(failed, key=lambda event: event["Timestamp"])
    return f"{first['LogicalResourceId']}: {first.get('ResourceStatusReason', 'no reason given.')}"


def _delete(aws: Emulator, name: str) -> None:
    aws.client("cloudformation").delete_stack(StackName=name)
    while _describe(aws, name):
        time.sleep(0.02)


def _physical(aws: Emulator, name: str) -> dict[str, str]:
    pages = aws.client("cloudformation").get_paginator("list_stack_resources").paginate
    return {
        item["LogicalResourceId"]: item["PhysicalResourceId"]
        for page in pages(StackName=name)
        for item in page["StackResourceSummaries"]
        if "PhysicalResourceId" in item
    }


def _finish(aws: Emulator, application: Application, physical: dict[str, str]) -> None:
    """Do by API calls what the emulator's CloudFormation leaves out."""
    arns = {
        name: f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{physical[name]}"
        for name in application.functions
    }
    for api, wanted in application.routes.items():
        routes.create(aws.client("apigatewayv2"), physical[api], wanted, arns)
    dynamodb = aws.client("dynamodb")
    for table, wanted_ttl in application.ttl.items():
        found = dynamodb.describe_time_to_live(TableName=physical[table])
        if found["TimeToLiveDescription"]["TimeToLiveStatus"] != "ENABLED":
            dynamodb.update_time_to_live(
                TableName=physical[table], TimeToLiveSpecification=wanted_ttl
            )
