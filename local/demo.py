"""Play the whole main job over real HTTP, step by step: `python -m local.demo [FORM…]`.

A manager publishes a form; a collector submits a filled one with its photos; it is listed, read,
corrected, reviewed, deleted, restored and purged; two hooks are told of it. It has a stack and a
receiver of its own, and ends with status 1 at the first step that does not come out right.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from local.client import XML, Answer, Client
from local.expected import problem
from local.job import SAMPLES, TYPES, Job
from local.receiver import Receiver
from local.scene import AGENT, Scene, played, prepare
from local.stack import Stack
from local.story import Story

FORMS = [SAMPLES / "water-point.xml", SAMPLES / "household-nutrition.xlsx"]


def play(forms: Sequence[Path]) -> None:
    """Play the main job with each form, then send what is wrong.

    Raises:
        Wrong: at the first step that does not come out right.
    """
    story = Story()
    story.step("A stack of its own starts, and a receiver for hooks")
    with Stack(port=0, aws_port=0, state=None, seed="none") as stack, Receiver() as receiver:
        story.say(f"The API listens on {stack.url}, the receiver on {receiver.url}.")
        scene = prepare(story, stack, receiver)
        for form in forms:
            # One failing receiver shows the retry, which takes its five seconds.
            job = Job(scene, form, receiver_fails=form is forms[0])
            job.play()
        _send_what_is_wrong(scene, job)
        events = {received.json()["eventId"] for received in receiver.requests}
        story.end(deliveries=len(receiver.requests), events=len(events))


def _send_what_is_wrong(scene: Scene, job: Job) -> None:
    """Send bad input to the last form: each is refused with its code, and nothing changes."""
    scene.story.step("What is wrong is refused, and changes nothing")
    manager, collector = scene.manager.client, scene.collector.client
    nobody = Client(scene.stack.url, on_answer=scene.story.exchange, user_agent=AGENT)
    submissions = f"{job.base}/submissions"
    before = manager.get(submissions).json()
    forms = f"/v1/projects/{scene.project}/forms"
    other = f'<data id="another-form" version="{job.form["version"]}"/>'.encode()
    tries: tuple[tuple[str, float, Callable[[], Answer]], ...] = (
        ("a submission that is not XML", 400.2, lambda: collector.post(submissions, b"{}")),
        ("a form that is not XML", 400.2, lambda: manager.post(forms, b"{", Content_Type=XML)),
        ("a submission of another form", 400.8, lambda: collector.post(submissions, other)),
        ("a submission sent twice", 409.3, lambda: collector.post(submissions, job.xml)),
        ("a correction without deprecatedID", 400.19, lambda: manager.put(job.at, job.xml)),
        ("a review state of no meaning", 400.8, lambda: manager.patch(job.at, {"reviewState": 7})),
        ("a collector who lists", 403.1, lambda: collector.get(submissions)),
        ("somebody without a session", 401.2, lambda: nobody.get(submissions)),
        ("a form that is not there", 404.1, lambda: manager.get(f"{forms}/nowhere")),
    )
    for what, code, send in tries:
        answer = send()
        scene.story.say(f"The server says: {problem(answer)}")
        scene.story.same(f"{what} is refused with {code}", answer.json()["code"], code)
    scene.story.same("the list is as before", manager.get(submissions).json(), before)


def main(arguments: Sequence[str]) -> int:
    """Run the demo with the given forms or the project's own; return the exit status."""
    forms = [Path(argument) for argument in arguments] or FORMS
    for form in forms:
        if form.suffix not in TYPES or not form.is_file():
            print(f"{form} is no file that ends in {', '.join(TYPES)}.", file=sys.stderr)
            return 2
    return played(partial(play, forms))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
