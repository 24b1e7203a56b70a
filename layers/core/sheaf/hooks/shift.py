"""A worker's shift: the messages that it was given, and others while one of them takes long.

Lambda lets so many workers deliver at once, and counts one as busy until its whole batch is done.
Would each wait for its slowest receiver, a burst for one that hangs could have all of them wait,
for as long as an attempt may take and whatever its history. So a worker that still waits after a
second takes further messages from the queue by itself; and of the attempts that a worker has under
way, only a share may go to one host. Both need no knowledge of other workers, and cost nothing
while receivers are quick.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from threading import Lock
from typing import Any

from sheaf import aws, settings

# How many attempts a worker has under way at most, and how many of them at one host: as many as a
# batch may bring.
SEATS, SHARE = 40, 10
# Seconds that a worker waits for its batch before it takes more.
PATIENCE = 1
# Seconds from its start in which a worker takes more. What it takes last ends before Lambda ends
# the worker: an attempt lasts 30 s at most (`options.LONGEST_TIMEOUT`).
TAKING = 45
# Seconds that the queue is asked to wait for a message, and how many messages it gives at once.
_POLL, _MOST = 1, 10

Record = Mapping[str, Any]
Handle = Callable[[Record, "Seats"], bool]


class Seats:
    """The attempts that a worker has under way, by the host that they go to."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self._lock = Lock()

    def take(self, host: str) -> bool:
        """Let an attempt begin; False when the host has its share."""
        with self._lock:
            if self._taken[host] >= SHARE:
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
    seats, until = Seats(), time.monotonic() + TAKING
    with ThreadPoolExecutor(max_workers=SEATS) as pool:
        given = [pool.submit(handle, record, seats) for record in records]
        busy = wait(given, timeout=PATIENCE).not_done
        while busy and time.monotonic() < until:
            free = SEATS - len(busy)
            taken = _take(free) if free else []
            busy |= {pool.submit(_see_to, message, handle, seats) for message in taken}
            pause = 0 if free else _POLL
            busy = wait(busy, timeout=pause, return_when=FIRST_COMPLETED).not_done
    done = [each.result() for each in given]
    return [record["messageId"] for record, ok in zip(records, done, strict=True) if not ok]


def _take(free: int) -> list[dict[str, Any]]:
    """Take messages from the queue, as soon as there are any."""
    answer = aws.client("sqs").receive_message(
        QueueUrl=settings.DELIVERY_QUEUE_URL,
        MaxNumberOfMessages=min(free, _MOST),
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
