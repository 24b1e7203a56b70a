"""From the table's stream to the event bus: each audit row becomes one event, in order.

A record counts as published when the bus has taken it; what fails is reported as the place to go
on from, so none is lost and none overtakes another of its partition. Records may come twice: all
that follows is built for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sheaf import aws, settings
from sheaf.db import keys
from sheaf.db.audit import UNREADABLE, Audit
from sheaf.hooks import events
from sheaf.telemetry import logger

SOURCE = "sheaf"
# What PutEvents takes in one request: entries, and bytes of them all (1 MiB, with room to spare).
BATCH = 10
LARGEST = 1_000_000

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Entry:
    """An event for the bus, and the stream's number of the record that it was made of."""

    sequence: str
    kind: str
    detail: str

    @property
    def size(self) -> int:
        """Bytes, as EventBridge counts them."""
        return len(SOURCE) + len(self.kind) + len(self.detail.encode())

    def to_bus(self) -> dict[str, str]:
        """Give it as PutEvents takes it."""
        return {
            "EventBusName": settings.BUS_NAME,
            "Source": SOURCE,
            "DetailType": self.kind,
            "Detail": self.detail,
        }


def run(records: Sequence[Record]) -> str | None:
    """Publish the audit rows among stream records; other records are passed over.

    Returns:
        The sequence number of the first record that is not published yet, None when all are.
    """
    for batch in _batches([_entry(record) for record in records if _is_new_row(record)]):
        failed = _put(batch)
        if failed is not None:
            return failed
    return None


def _is_new_row(record: Record) -> bool:
    key = record.get("dynamodb", {}).get("Keys", {}).get("pk", {}).get("S", "")
    return record.get("eventName") == "INSERT" and key.startswith(keys.FEED)


def _entry(record: Record) -> _Entry:
    change = record["dynamodb"]
    try:
        row = Audit()
        row.deserialize(change["NewImage"])
        event = events.of(row)
        kind = str(row.action)
        detail = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    except Exception:
        # Tried again it would fail again, and hold up its partition for hours. It is told as such,
        # so that the archive keeps it; the row itself stays in the table.
        logger.exception("event.unreadable", keys=change["Keys"])
        kind, detail = UNREADABLE, json.dumps({"keys": change["Keys"]})
    return _Entry(change["SequenceNumber"], kind, detail)


def _batches(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    batch: list[_Entry] = []
    size = 0
    for entry in entries:
        if batch and (len(batch) == BATCH or size + entry.size > LARGEST):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += entry.size
    if batch:
        yield batch


def _put(batch: Sequence[_Entry]) -> str | None:
    """Send a batch, and give the sequence number of the first entry that was not taken."""
    try:
        answer = aws.client("events").put_events(Entries=[entry.to_bus() for entry in batch])
    except (BotoCoreError, ClientError):
        logger.exception("publish.failed")
        return batch[0].sequence
    for entry, taken in zip(batch, answer["Entries"], strict=True):
        if "EventId" not in taken:
            logger.warning("publish.refused", type=entry.kind, code=taken.get("ErrorCode"))
            return entry.sequence
    return None
