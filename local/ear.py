"""Listen on behalf of one hook: wait for its deliveries, show them, check what they tell."""

from typing import Any

from local.expected import meta, missing_answers
from local.receiver import Received, Receiver
from local.story import Story


class Ear:
    """What comes to one path of the receiver, in order.

    Attributes:
        heard: the requests so far, failed attempts included.
        sequence: the number of the last event in its submission's history; 0 before the first.
    """

    def __init__(self, story: Story, receiver: Receiver, path: str) -> None:
        self.heard: list[Received] = []
        self.sequence = 0
        self._story, self._receiver, self._path = story, receiver, path

    def next(self) -> Received:
        """Wait for the next request, and show it.

        Raises:
            TimeoutError: if none comes.
        """
        number = len(self.heard)
        self._receiver.wait_for(lambda _: len(self._receiver.at(self._path)) > number)
        received = self._receiver.at(self._path)[number]
        self.heard.append(received)
        self._story.hook(received)
        return received

    def hear(self, envelope: dict[str, Any], xml: bytes, review_state: str | None) -> Any:
        """Wait for a delivery and check that it tells everything; return its body.

        Args:
            envelope: the members that it must have, besides the data.
            xml: the submission as it is now.
            review_state: its review state now.

        Raises:
            Wrong: if something is missing or otherwise.
            TimeoutError: if none comes.
        """
        body = self.next().json()
        got = {name: body.get(name) for name in envelope}
        self._story.same("it says what happened, to what and by whom", got, envelope)
        later = body["sequence"] > self.sequence
        self._story.same("its number is higher than that of the event before", later, True)
        self.sequence = body["sequence"]
        data = body["data"]
        got = {name: data[name] for name in ("reviewState", "currentInstanceId")}
        wanted = {"reviewState": review_state, "currentInstanceId": meta(xml, "instanceID")}
        self._story.same("it says how things stand now", got, wanted)
        missing = missing_answers(data["submission"], xml)
        self._story.same("it carries every answer of the submission", missing, [])
        return body
