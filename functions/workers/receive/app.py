"""The upload queue: fill the slots of files that have arrived in the bucket."""

from __future__ import annotations

from typing import Any

from sheaf.submissions import uploads


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Receive; messages that are named as failed come again, and are parked after five times."""
    failed = uploads.run(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}
