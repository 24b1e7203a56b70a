"""The export queue: make what outgrew its request, an export or an answer of a feed."""

from __future__ import annotations

import json
from typing import Any

from sheaf.exports import worker
from sheaf.odata import outgrown


def handler(event: dict[str, Any], context: Any) -> None:
    """Work on an export until it is made or time is up, when another worker is woken."""
    for record in event["Records"]:
        export_id = json.loads(record["body"])["exportId"]
        worker.run(export_id, lambda: context.get_remaining_time_in_millis() / 1000, outgrown.write)
