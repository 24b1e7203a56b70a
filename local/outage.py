"""Drill an outage of a receiver over real HTTP: `python -m local.outage [COUNT]`.

A hook's receiver is stopped, COUNT submissions (500) are made, and it is started again. What an
operator does meanwhile is what docs/runbook.md says, by the API alone; in the end the account of
the hook shows no gap. Then all are deleted at once, and the receiver has each one whole. It has a
stack of its own, and ends with status 1 at the first thing that does not come out right.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

from local.client import XML, Answer, Client, quoted
from local.expected import missing_answers
from local.filler import fill
from local.job import SAMPLES
from local.receiver import Received, Receiver
from local.scene import DONE, Scene, played, prepare
from local.stack import Stack
from local.story import Story, Wrong

COUNT, MOST = 500, 10_000
FORM = SAMPLES / "water-point.xml"
CREATED, DELETED = "submission.create", "submission.delete"
# How many requests of ours are under way at once, and how many seconds a delivery may take on a
# machine that has much else to do.
_SIDE_BY_SIDE, _PATIENCE = 8, 3


@dataclass
class Drill:
    """An outage, step by step.

    Attributes:
        base: the form's path.
        hook: the hook's path.
        sent: the XML of each submission, by instanceID.
    """

    scene: Scene
    receiver: Receiver
    count: int
    base: str = ""
    hook: str = ""

    def __post_init__(self) -> None:
        self.story, self.manager = self.scene.story, self.scene.manager.client
        self.sent: dict[str, bytes] = {}
        self.port = int(urlsplit(self.receiver.url).port or 0)

    def play(self) -> None:
        """Play it.

        Raises:
            Wrong: at the first thing that does not come out right.
        """
        self._prepare()
        self._stop()
        self._go_on()
        self._start()
        self._account(CREATED, self.count)
        self._delete()
        self._account(DELETED, 2 * self.count)

    def _prepare(self) -> None:
        self.story.step("The manager publishes a form and makes a hook, which reaches its receiver")
        forms = f"/v1/projects/{self.scene.project}/forms"
        body = FORM.read_bytes()
        form = self.manager.post(f"{forms}?publish=true", body, Content_Type=XML)
        self.story.same("the form is published", form.status, 200)
        self.base = f"{forms}/{form.json()['xmlFormId']}"
        self.xml = self.manager.get(f"{self.base}.xml").body
        said = {"name": "CRM", "url": f"{self.receiver.url}/in", "events": [CREATED, DELETED]}
        made = self.manager.post(f"{self.base}/hooks", said)
        self.story.same("the hook is made", made.status, 200)
        self.hook = f"{self.base}/hooks/{made.json()['id']}"
        self.story.same("a ping is answered", self._ping(), (200, None))

    def _ping(self) -> tuple[int | None, str | None]:
        told = self._ask(lambda: self.manager.post(f"{self.hook}/ping")).json()
        return told["status"], told["error"]

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        """Make a request that may be made again until it is answered.

        A machine that has much else to do may not answer within the API's 30 seconds.
        """
        deadline = monotonic() + self._patience
        while (answer := call()).status >= 500 and monotonic() < deadline:
            self.story.say(f"{answer.status} after {answer.ms} ms: it is asked again.")
        return answer

    @property
    def _patience(self) -> float:
        return 60 + self.count * _PATIENCE

    def _stop(self) -> None:
        half = self.count // 2
        self.story.step(f"The receiver is stopped, and {half} forms are submitted")
        self.receiver.close()
        error = "connect: The receiver refused the connection, or did not answer."
        self.story.same("a ping says so", self._ping(), (None, error))
        self._submit(0, half)
        states = self._until(lambda states: states == {"retrying": half})
        self.story.same("each has failed and waits for its next attempt", states["retrying"], half)

    def _go_on(self) -> None:
        rest = self.count - self.count // 2
        self.story.step(f"It will be away for long: the hook is disabled; {rest} more forms come")
        told = self._ask(lambda: self.manager.post(f"{self.hook}/disable"))
        wanted = 200, "disabled", "Somebody asked for it."
        self.story.same("it is disabled", _state(told), wanted)
        self._submit(self.count // 2, self.count)
        states = self._until(lambda states: _waiting(states) == self.count)
        self.story.same("every event has its delivery, which waits", _waiting(states), self.count)
        held = states.get("held", 0)
        self.story.same("what came since is held, without attempts", held >= rest, True)

    def _start(self) -> None:
        self.story.step("The receiver is started again, and the hook is enabled")
        self.receiver = Receiver(self.port)
        self.story.same("a ping is answered", self._ping(), (200, None))
        self.receiver.requests.clear()
        # What has failed before would come by its schedule, minutes or hours later.
        states = {"state": ["retrying", "failed"]}
        job = self._ask(lambda: self.manager.post(f"{self.hook}/retry", states))
        self.story.same("what waits for its next attempt need not wait", job.status, 202)
        done = self._job(job.json()["jobId"])
        self.story.say(f"{done['resent']} begin their schedule anew.")
        told = self._ask(lambda: self.manager.post(f"{self.hook}/enable"))
        self.story.same("the hook is enabled", _state(told), (200, "active", None))

    def _delete(self) -> None:
        self.story.step(f"All {self.count} submissions are deleted at once")
        self.receiver.requests.clear()
        quiet, headers = self._quiet(), {"X_Action_Notes": "End%20of%20the%20drill"}
        paths = [f"{self.base}/submissions/{quoted(each)}" for each in self.sent]
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            answers = list(pool.map(lambda path: quiet.delete(path, **headers).json(), paths))
        self._took("DELETE", len(answers))
        self.story.same("each is deleted", answers, [DONE] * self.count)
        listed = self._ask(lambda: self.manager.get(f"{self.base}/submissions")).json()
        self.story.same("the list is empty", listed, [])

    def _account(self, event: str, events: int) -> None:
        """Wait for every delivery of a type, look at each, and show the account of the hook."""
        self.receiver.wait_for(self._all_came, timeout=self._patience)
        self._until(lambda states: states == {"succeeded": events})
        heard = [each for each in self.receiver.at("/in") if _is_news(each)]
        self.story.step(f"The account of {self.count} times {event}")
        self.story.say("The first of them:")
        self.story.hook(heard[0])
        self._check_bodies(event, heard)
        self._check_ids(heard)
        told = self._ask(lambda: self.manager.get(f"{self.hook}/reconcile")).json()
        names = ("events", "records", "succeeded", "gaps", "unasked")
        counted = {name: told[name] for name in names}
        self.story.say(f"reconcile: {counted}")
        full = dict.fromkeys(names[:3], events)
        self.story.same("it has no gap", counted, {**full, "gaps": [], "unasked": 0})
        dry = {"mode": "missing", "dryRun": True}
        job = self._ask(lambda: self.manager.post(f"{self.hook}/replay", dry)).json()
        done = self._job(job["jobId"])
        self.story.same("a replay of what is missing would send nothing", done["created"], 0)

    def _check_bodies(self, event: str, heard: Sequence[Received]) -> None:
        bodies = {received.json()["id"]: received.json() for received in heard}
        self.story.same("each submission is told of", set(bodies), set(self.sent))
        kinds = {body["type"] for body in bodies.values()}
        self.story.same(f"as {event}", kinds, {event})
        bare = [
            name
            for name, xml in self.sent.items()
            if missing_answers(bodies[name]["data"]["submission"], xml)
        ]
        self.story.same(f"{len(bodies)} bodies have every answer of their submission", bare, [])
        if event == DELETED:
            rows = [body["data"]["submission"]["__system"] for body in bodies.values()]
            gone = all(row["deletedAt"] for row in rows)
            self.story.same("and say when it was deleted", gone, True)
            notes = {body["notes"] for body in bodies.values()}
            self.story.same("and why", notes, {"End of the drill"})

    def _check_ids(self, heard: Sequence[Received]) -> None:
        """One `webhook-id` for each; what came twice, as it may, is the same to the byte."""
        ids = Counter(received.headers["webhook-id"] for received in heard)
        self.story.same("each has one webhook-id", len(ids), self.count)
        bodies = {(received.headers["webhook-id"], received.body) for received in heard}
        self.story.same("and one body, however often it came", len(bodies), self.count)
        self.story.say(f"{len(heard) - len(ids)} came more than once.")

    def _all_came(self, requests: Sequence[Received]) -> bool:
        return len({r.headers["webhook-id"] for r in requests if _is_news(r)}) >= self.count

    def _submit(self, first: int, last: int) -> None:
        filled = [fill(self.xml, seed=seed) for seed in range(first, last)]
        self.sent |= {each.instance_id: each.xml for each in filled}
        quiet, path = self._quiet(), f"{self.base}/submissions"

        def submit(xml: bytes) -> Answer:
            return quiet.post(path, xml, Content_Type=XML)

        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            answers = list(pool.map(submit, (each.xml for each in filled)))
        self._took("POST", len(answers))
        self.story.same("each is taken", {answer.status for answer in answers}, {200})

    def _quiet(self) -> Client:
        return replace(self.manager, on_answer=lambda _: None)

    def _took(self, method: str, number: int) -> None:
        self.story.requests += number
        self.story.say(f"{number} times {method} {self.base}/submissions")

    def _until(self, done: Callable[[dict[str, int]], bool]) -> dict[str, int]:
        """Wait until the states of the hook's deliveries are as they should be; give them.

        Raises:
            Wrong: they do not come to be so.
        """
        deadline = monotonic() + self._patience
        while True:
            told = self._ask(lambda: self._quiet().get(f"{self.hook}/stats")).json()
            states: dict[str, int] = told["states"]
            if done(states):
                shown = ", ".join(f"{count} {state}" for state, count in states.items())
                self.story.say(f"stats: {shown}; {told['attempts']} attempts")
                return states
            if monotonic() > deadline:
                raise Wrong(f"The deliveries stay {states}.")
            sleep(1)

    def _job(self, job_id: str) -> Any:
        deadline, path = monotonic() + self._patience, f"{self.hook}/jobs/{job_id}"
        while (job := self._ask(lambda: self._quiet().get(path)).json())["state"] != "done":
            if monotonic() > deadline:
                raise Wrong(f"The job {job_id} does not end.")
            sleep(0.2)
        return job


def _state(answer: Answer) -> tuple[int, str | None, str | None]:
    told = answer.json()
    return answer.status, told.get("state"), told.get("disabledReason")


def _waiting(states: dict[str, int]) -> int:
    return states.get("held", 0) + states.get("retrying", 0)


def _is_news(received: Received) -> bool:
    return received.headers.get("webhook-event") in (CREATED, DELETED)


def play(count: int) -> None:
    """Play the drill with so many submissions.

    Raises:
        Wrong: at the first thing that does not come out right.
    """
    story = Story()
    story.step("A stack of its own starts, and a receiver for hooks")
    with Stack(port=0, aws_port=0, state=None, seed="none") as stack:
        receiver = Receiver()
        story.say(f"The API listens on {stack.url}, the receiver on {receiver.url}.")
        drill = Drill(prepare(story, stack, receiver), receiver, count)
        try:
            drill.play()
        finally:
            drill.receiver.close()
        story.end(deliveries=2 * count, events=2 * count)


def main(arguments: Sequence[str]) -> int:
    """Play with the given number of submissions, or COUNT; return the exit status."""
    told = arguments[0] if arguments else str(COUNT)
    if not told.isascii() or not told.isdecimal() or not 2 <= int(told[:9]) <= MOST:
        print(f"{told} is no number from 2 to {MOST}.", file=sys.stderr)
        return 2
    return played(partial(play, int(told)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
