"""What users of `sam local` need to reach the local stack's AWS from their containers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from botocore.exceptions import BotoCoreError, ClientError

from local.emulator import REGION, ROOT, StartError, client
from local.stack import NAME

if TYPE_CHECKING:
    from local.options import Options

# Docker's name for the machine that its containers run on.
_MACHINE = "host.docker.internal"


def variables(options: Options) -> str:
    """Return the file for `sam local --env-vars`: each function's variables in the running stack.

    Raises:
        StartError: No stack runs on AWS_PORT.
    """
    url = f"http://127.0.0.1:{options.aws_port}"
    try:
        return json.dumps(_functions(url), indent=2, sort_keys=True)
    except (BotoCoreError, ClientError) as error:
        raise StartError(f"No local stack runs on AWS_PORT={options.aws_port}.") from error


def _functions(url: str) -> dict[str, dict[str, str]]:
    resources = client(url, "cloudformation").get_paginator("list_stack_resources")
    return {
        item["LogicalResourceId"]: _of(url, item["PhysicalResourceId"])
        for page in resources.paginate(StackName=NAME)
        for item in page["StackResourceSummaries"]
        if item["ResourceType"] == "AWS::Lambda::Function"
    }


def _of(url: str, function: str) -> dict[str, str]:
    found = client(url, "lambda").get_function_configuration(FunctionName=function)
    own = {
        name: _reachable(value)
        for name, value in found["Environment"]["Variables"].items()
        if not name.startswith("MINISTACK_")
    }
    return own | {
        "AWS_ENDPOINT_URL": _reachable(url),
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ROOT["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": ROOT["aws_secret_access_key"],
    }


def _reachable(value: str) -> str:
    """Name the machine as a container knows it, where the value is an address of the emulator."""
    parts = urlsplit(value)
    if parts.hostname != "127.0.0.1":
        return value
    return urlunsplit(parts._replace(netloc=f"{_MACHINE}:{parts.port}"))
