"""A custom resource whose function crashes: told to CloudFormation at once.

On AWS a function that crashes before it answers leaves the stack waiting for an hour. Nobody wants
to see that on their own machine.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any


def fail(event: Any, reason: str) -> None:
    """Answer the event with FAILED, if it is CloudFormation's request to a custom resource."""
    if not isinstance(event, dict) or not {"ResponseURL", "RequestType"} <= event.keys():
        return
    answer = {
        "Status": "FAILED",
        "Reason": reason,
        "PhysicalResourceId": event.get("PhysicalResourceId", event["LogicalResourceId"]),
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    request = urllib.request.Request(  # noqa: S310 - the emulator's own address
        event["ResponseURL"], json.dumps(answer).encode(), method="PUT"
    )
    with urllib.request.urlopen(request, timeout=10):  # noqa: S310
        return
