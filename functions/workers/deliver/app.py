"""The delivery queue: send what is due to its receivers."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import deliver


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Deliver; messages that are named as failed come again, and are parked after five times."""
    failed = deliver.run(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}
