"""A worker's shift: the messages that it was given, and others while one of them takes long.

Lambda lets so many workers deliver at once, and counts one as busy until its whole batch is done.
Would each wait for its slowest receiver, a burst for one that hangs could have all of them wait,
for as long as an attempt may take and whatever its history. So a worker that still waits after a
second takes further messages from the queue by itself. Of those only two may be under way to one
host: should one that was quick begin to hang, the gate knows it a second later, and until then it
has taken few of the worker's seats. All this needs no knowledge of other workers, and costs nothing
while receivers are quick.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Lock
from typing import Any

from sheaf import aws, settings

# How many attempts a worker has under way at most; how many of them at one host: all of a batch, or
# fewer where a message is taken while others take long.
SEATS, BATCH, FEW = 40, 10, 2
# Seconds that a worker waits for its batch before it takes more.
PATIENCE = 1
# Seconds from its start in which a worker takes more. What it takes last ends before Lambda ends
# the worker: an attempt lasts 30 s at most (`options.LONGEST_TIMEOUT`).
TAKING = 45
# Seconds that the queue is asked to wait for a message, and for which what it gave is waited for
# before it is asked again: who must come back cannot go round faster.
_POLL, _BREATH = 1, 0.1

Record = Mapping[str, Any]
Handle = Callable[[Record, "Seats"], bool]


class Seats:
    """The attempts that a worker has under way, by the host that they go to."""

    def __init__(self, most: int = BATCH, beside: Seats | None = None) -> None:
        self._most = most
        self._taken: Counter[str] = beside._taken if beside else Counter()
        self._lock: Lock = beside._lock if beside else Lock()

    def take(self, host: str) -> bool:
        """Let an attempt begin; False when the host has its share."""
        with self._lock:
            if self._taken[host] >= self._most:
                return False
            self._taken[host] += 1
            return True

    def leave(self, host: str) -> None:
        """Give back what an attempt had taken."""
        with self._lock:
            self._taken[host] -= 1


def work(records: Sequence[Record], handle: Handle) -> list[str]:
    """Work through messages side by side, and through others while that takes long.

    Args:
        records: the messages as a queue's trigger hands them over.
        handle: sees to one message, and says whether it is done with.

    Returns:
        Which of the records must come again.
    """
    until = time.monotonic() + TAKING
    seats = Seats()
    few = Seats(FEW, beside=seats)
    with ThreadPoolExecutor(max_workers=SEATS) as pool:
        given = [pool.submit(handle, record, seats) for record in records]
        busy = wait(given, timeout=PATIENCE).not_done
        while busy and time.monotonic() < until:
            free = SEATS - len(busy)
            taken = _take(free) if free else []
            more = {pool.submit(_see_to, message, handle, few) for message in taken}
            wait(more or busy, timeout=_BREATH if free else _POLL)
            busy = wait(busy | more, timeout=0).not_done
    done = [each.result() for each in given]
    return [record["messageId"] for record, ok in zip(records, done, strict=True) if not ok]


def _take(free: int) -> list[dict[str, Any]]:
    """Take messages from the queue, as soon as there are any."""
    answer = aws.client("sqs").receive_message(
        QueueUrl=settings.DELIVERY_QUEUE_URL,
        MaxNumberOfMessages=min(free, BATCH),
        WaitTimeSeconds=_POLL,
    )
    return list(answer.get("Messages", []))


def _see_to(message: Mapping[str, Any], handle: Handle, seats: Seats) -> bool:
    """See to a message that the worker took by itself: what is not done with comes again."""
    done = handle({"messageId": message["MessageId"], "body": message["Body"]}, seats)
    if done:
        aws.client("sqs").delete_message(
            QueueUrl=settings.DELIVERY_QUEUE_URL, ReceiptHandle=message["ReceiptHandle"]
        )
    return done
