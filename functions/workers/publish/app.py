"""The table's stream: put the audit rows on the event bus."""

from __future__ import annotations

from typing import Any

from sheaf.hooks import publish


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Publish a batch; the stream goes on from the record that is named as failed."""
    failed = publish.run(event["Records"])
    return {"batchItemFailures": [] if failed is None else [{"itemIdentifier": failed}]}
