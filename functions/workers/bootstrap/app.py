"""Custom resource: make the first project, the administrator and the stack's secrets."""

from __future__ import annotations

from typing import Any

from sheaf.setup import bootstrap, cloudformation


def handler(event: dict[str, Any], context: Any) -> None:
    """Answer CloudFormation. Run again, it changes nothing that is there."""
    with cloudformation.answering(event, context):
        if event["RequestType"] != "Delete":
            bootstrap.run(event["ResourceProperties"])
