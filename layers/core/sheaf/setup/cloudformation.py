"""The answer that CloudFormation waits for from a custom resource."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

from sheaf.telemetry import logger


@contextmanager
def answering(event: dict[str, Any], context: Any) -> Iterator[None]:
    """Tell CloudFormation how the block ended; without an answer a deployment hangs for an hour.

    The block's exception is told by its type alone, since a message might hold what should not be
    read in the console.
    """
    failure: str | None = None
    try:
        yield
    except Exception as error:
        logger.exception("bootstrap failed")
        failure = f"{type(error).__name__}; see the log stream {context.log_stream_name}"
    _put(event, failure)


def _put(event: dict[str, Any], failure: str | None) -> None:
    body = {
        "Status": "SUCCESS" if failure is None else "FAILED",
        "Reason": failure or "",
        # The same for the life of the stack: another id would make CloudFormation replace it.
        "PhysicalResourceId": event.get("PhysicalResourceId", "sheaf-bootstrap"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    # The URL is presigned for an empty content type.
    urllib3.PoolManager().request(
        "PUT", event["ResponseURL"], body=json.dumps(body).encode(), headers={"Content-Type": ""}
    )
