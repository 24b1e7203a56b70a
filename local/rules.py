"""What a rule sends to a function: put into Lambda's asynchronous queue, as on AWS.

The emulator calls the function itself, once, and forgets the event when it fails. Its queue for
asynchronous invocations does try again and knows the destinations of what has failed for good.
"""

from __future__ import annotations

import json
import threading
from typing import Any


class Rules:
    """Knows which events have been through the queue; `client` is a Lambda client."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def hand_over(self, function: str, event: Any) -> bool:
        """Put an event of a rule into the queue of the function with that physical name.

        Returns:
            False if the event is none of a rule or comes from the queue: it is to be handled now.
        """
        if not isinstance(event, dict) or not {"id", "detail-type", "source"} <= event.keys():
            return False
        with self._lock:
            if event["id"] in self._known:
                return False
            self._known.add(event["id"])
        self._client.invoke(
            FunctionName=function, InvocationType="Event", Payload=json.dumps(event).encode()
        )
        return True

    def expect(self, event_id: str) -> None:
        """Let the event with that id be handled at once: somebody waits for its result."""
        with self._lock:
            self._known.add(event_id)
