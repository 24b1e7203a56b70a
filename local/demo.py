"""Play the whole main job over real HTTP, step by step: `python -m local.demo [FORM…]`.

A manager publishes a form; a collector submits a filled one with its photos; it is listed, read,
corrected, reviewed, deleted, restored and purged; two hooks are told of it. It has a stack and a
receiver of its own, and ends with status 1 at the first step that does not come out right.
"""

import hashlib
import json
import re
import secrets
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from lxml import etree

from local.client import XML, Answer, Client, quoted
from local.emulator import StartError
from local.filler import edit, fill
from local.receiver import Received, Receiver
from local.stack import FunctionError, Stack

WIDTH = 100


class Wrong(Exception):  # noqa: N818 (it reads as the fact that it states)
    """Something came out other than it should; the message says what."""


class Story:
    """Numbered steps, requests, facts and deliveries. Colours only where somebody watches."""

    def __init__(self) -> None:
        self.steps = self.requests = self.checks = 0
        self._begun = monotonic()

    def step(self, title: str) -> None:
        """Begin a numbered step."""
        self.steps += 1
        print(f"\n{_styled(1, f'{self.steps:2}. {title}')}", flush=True)

    def say(self, text: str) -> None:
        """Tell a fact."""
        print(f"    {text}", flush=True)

    def exchange(self, answer: Answer) -> None:
        """Tell of a request and its answer."""
        self.requests += 1
        path = answer.path if len(answer.path) <= WIDTH else f"{answer.path[: WIDTH - 1]}…"
        self.say(_styled(2, f"{answer.method} {path} -> {answer.status} ({answer.ms} ms)"))

    def same(self, what: str, got: Any, wanted: Any) -> None:
        """Check that something is exactly as it should be, and say so.

        Raises:
            Wrong: if not.
        """
        if got != wanted:
            raise Wrong(f"Not so: {what}.\n  It is:     {got!r}\n  Should be: {wanted!r}")
        self.checks += 1
        self.say(f"{_styled(32, 'ok')} {what}")

    def hook(self, received: Received) -> None:
        """Show a delivery: the headers that matter and its body, shortened."""
        event, name, attempt = (
            received.headers.get(f"webhook-{mark}") for mark in ("event", "id", "attempt")
        )
        self.say(
            f"{_styled(36, 'hook')} {event} came to {received.path}: attempt {attempt} of {name}, "
            f"{len(received.body)} B, answered {received.status}"
        )
        for line in _drawn(received.json(), WIDTH):
            self.say(f"     {line}")

    def end(self, deliveries: int, events: int) -> None:
        """Sum up."""
        seconds = monotonic() - self._begun
        print(
            f"\n{_styled(1, 'Everything came out right.')} {self.steps} steps, {self.checks} "
            f"checks, {self.requests} requests, {events} events, {deliveries} hook deliveries, "
            f"{seconds:.1f} seconds.",
            flush=True,
        )


def _styled(style: int, text: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if sys.stdout.isatty() else text


def _drawn(value: Any, width: int) -> Iterator[str]:
    """Draw JSON for reading: nulls left out, long texts and lists cut, short things on one line."""
    if isinstance(value, dict):
        value = {k: v for k, v in value.items() if v is not None and v not in ([], {})}
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) <= width:
        yield flat
    elif isinstance(value, dict):
        yield from _drawn_object(value, width)
    elif isinstance(value, list):
        yield "["
        for inner in value[:2]:
            yield from (f"  {line}" for line in _drawn(inner, width - 2))
        yield from ([f"  … {len(value) - 2} more"] if len(value) > 2 else [])
        yield "]"
    else:
        yield f'{flat[: width - 2]}…"'


def _drawn_object(value: dict[str, Any], width: int) -> Iterator[str]:
    yield "{"
    for name, inner in value.items():
        first, *rest = _drawn(inner, width - len(name) - 6)
        yield f'  "{name}": {first}'
        yield from (f"  {line}" for line in rest)
    yield "}"


MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def moment(text: Any) -> str:
    """Return a timestamp of the server, if it is one.

    Raises:
        Wrong: if it is not ISO 8601 in UTC with three digits of milliseconds.
    """
    if not isinstance(text, str) or not MOMENT.fullmatch(text):
        raise Wrong(f"{text!r} is not a timestamp of the API.")
    return text


def problem(answer: Answer) -> str:
    """Return an error answer as one line for a person."""
    if "json" not in answer.headers.get("content-type", ""):
        return f"{answer.status}, {answer.body[:200]!r}"
    body = answer.json()
    return f"{body.get('code', answer.status)}, {body.get('message')}"


def meta(xml: bytes, name: str) -> str:
    """Return a text of a submission's meta block as it stands in the XML, "" if there is none."""
    found = re.search(rf"<(?:\w+:)?{name}>([^<]*)</".encode(), xml)
    return found[1].decode() if found else ""


def missing_answers(row: Any, xml: bytes) -> list[str]:
    """Return the answers of a submission that a row (OData's shape) does not hold.

    Numbers are compared as numbers; a place is there if all its coordinates are.
    """
    texts = {str(value) for value in _scalars(row)}
    numbers = {number for text in texts if (number := _number(text)) is not None}
    return [text for text in _answers(xml) if not _is_in(text, texts, numbers)]


def _answers(xml: bytes) -> Iterator[str]:
    for leaf in etree.fromstring(xml).iter():
        inside = {etree.QName(e).localname for e in (leaf, *leaf.iterancestors())}
        if not len(leaf) and leaf.text and not inside & {"deprecatedID", "entity"}:
            yield leaf.text


def _is_in(text: str, texts: set[str], numbers: set[float]) -> bool:
    parts = [_number(part) for part in re.split(r"[; ]+", text)]
    return text in texts or all(part in numbers for part in parts)


def _scalars(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _scalars(inner)
    elif value is not None:
        yield value


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


AGENT = "sheaf-demo/1"
DONE = {"success": True}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a session: id, display name and client."""

    id: int
    name: str
    client: Client


@dataclass(frozen=True, slots=True)
class Scene:
    """What all forms of a demo share; `project` is the project's id."""

    story: Story
    stack: Stack
    receiver: Receiver
    project: int
    manager: Person
    collector: Person


def prepare(story: Story, stack: Stack, receiver: Receiver) -> Scene:
    """Make a project with a manager and a Data Collector, as its administrator would."""
    story.step("The administrator makes a project, a manager and a Data Collector")
    nobody = Client(stack.url, on_answer=story.exchange, user_agent=AGENT)
    admin = nobody.log_in(stack.admin_email, stack.admin_password)
    made = admin.post("/v1/projects", {"name": "Wells of the northern hills"})
    story.same("the project is made", made.status, 200)
    project = made.json()["id"]
    people = []
    for role, email in (("manager", "manager@example.org"), ("formfill", "collector@example.org")):
        password = secrets.token_urlsafe(16)
        user = admin.post("/v1/users", {"email": email, "password": password}).json()
        grant = admin.post(f"/v1/projects/{project}/assignments/{role}/{user['id']}")
        story.same(f"{email} has the role {role}", grant.json(), DONE)
        people.append(Person(user["id"], user["displayName"], nobody.log_in(email, password)))
    return Scene(story, stack, receiver, project, *people)


SAMPLES = Path(__file__).parents[1] / "samples"
TYPES = {
    ".xml": XML,
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
EVENTS = ["create", "update.version", "update", "delete", "restore"]
NEW = "submission.create"


class Job:
    """The main job with one form.

    Attributes:
        base: the form's path in the API.
        at: the submission's path.
        state: the submission as GET should show it.
        xml: its XML as GET should give it.
    """

    def __init__(self, scene: Scene, path: Path) -> None:
        self.scene, self.path = scene, path
        self.story, self.receiver = scene.story, scene.receiver
        self.manager, self.collector = scene.manager.client, scene.collector.client
        self.all, self.new = f"/all/{quoted(path.name)}", f"/new/{quoted(path.name)}"
        self.heard: list[Received] = []
        self.sequence = 0

    def play(self) -> None:
        """Play every step.

        Raises:
            Wrong: at the first that does not come out right.
        """
        self._publish()
        self._listen()
        self._submit()
        self._upload()
        self._read()
        self._correct()
        self._review()
        self._delete()
        self._restore()
        self._delete()
        self._purge()
        self._account()

    def _publish(self) -> None:
        self.story.step(f"The manager publishes {self.path.name}")
        data = self.path.read_bytes()
        forms = f"/v1/projects/{self.scene.project}/forms"
        answer = self.manager.post(
            f"{forms}?publish=true&ignoreWarnings=true",
            data,
            Content_Type=TYPES[self.path.suffix],
            X_XlsForm_FormId_Fallback=quoted(self.path.stem),
        )
        if answer.status != 200:
            raise Wrong(f"The server refuses {self.path.name}: {problem(answer)}")
        self.form = answer.json()
        self.base = f"{forms}/{quoted(self.form['xmlFormId'])}"
        self.story.say(f"It is called {self.form['name']!r}, version {self.form['version']!r}.")
        kept = self.manager.get(f"{self.base}{self.path.suffix}").body
        self.story.same("the server gives back the file as it was", kept == data, True)
        self.form_xml = self.collector.get(f"{self.base}.xml").body
        digest = hashlib.md5(self.form_xml, usedforsecurity=False).hexdigest()
        self.story.same("the collector's copy has the hash it should", digest, self.form["hash"])

    def _listen(self) -> None:
        self.story.step("The manager lets two hooks listen: to everything, and to what is new")
        self.hooks = []
        for path, names in ((self.all, EVENTS), (self.new, EVENTS[:1])):
            wanted = {
                "name": path.strip("/"),
                "url": self.receiver.script(path),
                "events": [f"submission.{name}" for name in names],
            }
            answer = self.manager.post(f"{self.base}/hooks", wanted)
            self.story.same("the hook is made", answer.status, 200)
            hook = answer.json()
            self.hooks.append(hook["id"])
            got = {name: hook[name] for name in (*wanted, "active")}
            events = f"{len(names)} kinds of event" if len(names) > 1 else "new submissions only"
            self.story.same(f"it listens to {events}", got, {**wanted, "active": True})

    def _submit(self) -> None:
        self.story.step("The collector fills the form and submits it")
        photo = (SAMPLES / "water-point.jpg").read_bytes()
        self.filled = fill(self.form_xml, seed=len(self.form_xml), media={"image/jpeg": photo})
        self.xml, self.id = self.filled.xml, self.filled.instance_id
        self.at = f"{self.base}/submissions/{quoted(self.id)}"
        self.story.say(f"{len(self.xml)} B of XML, {len(self.filled.attachments)} files.")
        url = f"{self.base}/submissions?deviceID=demo"
        answer = self.collector.post(url, self.xml, Content_Type=XML)
        self.story.same("it is accepted", answer.status, 200)
        got = answer.json()
        self.state = {
            "instanceId": self.id,
            "submitterId": self.scene.collector.id,
            "deviceId": "demo",
            "createdAt": moment(got["createdAt"]),
            "updatedAt": None,
            "reviewState": None,
            "userAgent": AGENT,
            "deletedAt": None,
            "currentVersion": self._version(self.scene.collector, "demo", got),
        }
        short = {k: v for k, v in self.state.items() if k not in {"reviewState", "deletedAt"}}
        self.story.same("the answer describes it in full", got, short)
        self._hear("create", self.scene.collector)

    def _version(self, by: Person, device: str | None, answer: Any) -> dict[str, Any]:
        """Return what the current version should look like; only its moment is the server's."""
        return {
            "submitterId": by.id,
            "createdAt": moment(answer["currentVersion"]["createdAt"]),
            "instanceName": meta(self.xml, "instanceName") or None,
            "instanceId": meta(self.xml, "instanceID"),
            "current": True,
            "deviceId": device,
            "userAgent": AGENT,
        }

    def _upload(self) -> None:
        self.story.step("The collector uploads its photos and other files")
        names = sorted(self.filled.attachments)
        for name in names:
            data, kind = self.filled.attachments[name]
            url = f"{self.at}/attachments/{quoted(name)}"
            answer = self.collector.post(url, data, Content_Type=kind)
            self.story.same(f"{name}, {kind}, {len(data)} B, is taken", answer.json(), DONE)
        self._check_slots("every file that the answers name is there")

    def _check_slots(self, what: str) -> None:
        wanted = [{"name": name, "exists": True} for name in sorted(self.filled.attachments)]
        self.story.same(what, self.manager.get(f"{self.at}/attachments").json(), wanted)

    def _read(self) -> None:
        self.story.step("The manager lists it, reads it and downloads its files")
        self._check_list([self.state])
        self._check_state("read alone it is the same")
        for name, (data, kind) in sorted(self.filled.attachments.items()):
            answer = self.manager.get(f"{self.at}/attachments/{quoted(name)}")
            got = (answer.status, answer.headers["content-type"], answer.body == data)
            self.story.same(f"{name} comes back byte for byte", got, (200, kind, True))

    def _check_list(self, wanted: list[Any], query: str = "") -> None:
        listed = self.manager.get(f"{self.base}/submissions{query}").json()
        self.story.same(f"the list{query} holds {len(wanted)}", listed, wanted)

    def _check_state(self, what: str) -> None:
        self.story.same(what, self.manager.get(self.at).json(), self.state)
        xml = self.manager.get(f"{self.at}.xml")
        got = (xml.headers["content-type"], xml.body)
        self.story.same("and so is its XML", got, ("application/xml; charset=utf-8", self.xml))

    def _correct(self) -> None:
        self.story.step("The manager corrects two or three answers")
        first, self.xml = self.xml, edit(self.xml, seed=1, form_xml=self.form_xml)
        answer = self.manager.put(self.at, self.xml, Content_Type=XML)
        self.story.same("the correction is accepted", answer.status, 200)
        got = answer.json()
        self.state["currentVersion"] = self._version(self.scene.manager, None, got)
        self.state |= {"updatedAt": moment(got["updatedAt"]), "reviewState": "edited"}
        self.story.same("the answer describes the new version", got, self.state)
        self._check_state("it reads as corrected")
        self._check_slots("its files are still there")
        body = self._hear("update.version", self.scene.manager)
        self.story.same("the hook names the old version", body["data"]["deprecatedId"], self.id)
        self.story.step("A correction of the outdated copy is refused")
        late = edit(first, seed=2, form_xml=self.form_xml)
        self._refused(self.manager.put(self.at, late, Content_Type=XML), 409.9)
        self._check_state("nothing has changed")

    def _refused(self, answer: Answer, code: float) -> None:
        self.story.say(f"The server says: {problem(answer)}")
        self.story.same(f"it is refused with {code}", answer.json()["code"], code)

    def _review(self) -> None:
        self.story.step("The manager approves it, while the receiver has trouble")
        self.receiver.script(self.all, [500])
        answer = self.manager.patch(self.at, {"reviewState": "approved"})
        self.state |= {"reviewState": "approved", "updatedAt": moment(answer.json()["updatedAt"])}
        wanted = {k: v for k, v in self.state.items() if k not in {"userAgent", "currentVersion"}}
        self.story.same("it is approved", answer.json(), wanted)
        failed = self._next()
        self.story.hook(failed)
        self.story.same("the receiver has answered 500", failed.status, 500)
        self.story.say("Now for the next attempt, about five seconds later.")
        body = self._hear("update", self.scene.manager)
        second = self.heard[-1]
        self.story.same("the second attempt has the same body", second.body, failed.body)
        ids = {received.headers["webhook-id"] for received in (failed, second)}
        self.story.same("and the same id", len(ids), 1)
        self.story.same("it tells the change", body["data"]["previousReviewState"], "edited")

    def _delete(self) -> None:
        self.story.step("The manager deletes it and says why")
        answer = self.manager.delete(self.at, X_Action_Notes="Recorded%20twice")
        self.story.same("it is deleted", answer.json(), DONE)
        body = self._hear("delete", self.scene.manager, notes="Recorded twice")
        deleted = moment(body["data"]["submission"]["__system"]["deletedAt"])
        for path in (self.at, f"{self.at}.xml", f"{self.at}/attachments"):
            self._refused(self.manager.get(path), 404.1)
        self._refused(self.manager.delete(self.at), 404.1)
        self._check_list([])
        self._check_list([{**self.state, "deletedAt": deleted}], "?deleted=true")

    def _restore(self) -> None:
        self.story.step("The manager restores it")
        self.story.same("it is restored", self.manager.post(f"{self.at}/restore").json(), DONE)
        self._check_list([self.state])
        self._check_state("it is as it was")
        self._check_slots("and so are its files")
        self._hear("restore", self.scene.manager)

    def _purge(self) -> None:
        self.story.step("The daily purge comes, here by hand and without the thirty days of grace")
        self.scene.stack.invoke("WorkersPurge", {"retentionDays": 0})
        self._check_list([], "?deleted=true")
        self.story.step("Its instanceID is free again: the collector submits the form anew")
        self.xml = self.filled.xml
        answer = self.collector.post(f"{self.base}/submissions", self.xml, Content_Type=XML)
        self.story.same("it is accepted", answer.status, 200)
        slots = self.manager.get(f"{self.at}/attachments").json()
        wanted = [{"name": name, "exists": False} for name in sorted(self.filled.attachments)]
        self.story.same("nothing of the purged files is left", slots, wanted)
        self.state |= {"reviewState": None}
        self.sequence = 0
        self._hear("create", self.scene.collector)

    def _account(self) -> None:
        self.story.step("The deliveries add up")
        told = [received.json()["type"] for received in self.receiver.at(self.new)]
        self.story.same("the second hook heard of new submissions only", told, [NEW, NEW])
        for hook, wanted in zip(self.hooks, (self.heard, self.receiver.at(self.new)), strict=True):
            attempts = Counter(received.headers["webhook-id"] for received in wanted)
            listed = self.manager.get(f"{self.base}/hooks/{hook}/deliveries").json()
            got = {d["id"]: (d["state"], len(d["attempts"])) for d in listed}
            all_sent = {name: ("succeeded", count) for name, count in attempts.items()}
            self.story.same(f"{len(listed)} deliveries of {hook} are on record", got, all_sent)

    def _next(self) -> Received:
        """Wait for the next request to the hook that listens to everything."""
        number = len(self.heard)
        self.receiver.wait_for(lambda _: len(self.receiver.at(self.all)) > number)
        self.heard.append(self.receiver.at(self.all)[number])
        return self.heard[-1]

    def _hear(self, event: str, by: Person, notes: str | None = None) -> Any:
        """Wait for a delivery, show it, check that it tells everything; return its body."""
        received = self._next()
        self.story.hook(received)
        self.sequence += 1
        body = received.json()
        envelope = {
            "type": f"submission.{event}",
            "id": self.id,
            "hookId": self.hooks[0],
            "sequence": self.sequence,
            "project": {"id": self.scene.project},
            "form": {"xmlFormId": self.form["xmlFormId"], "version": self.form["version"]},
            "actor": {"id": by.id, "type": "user", "displayName": by.name},
            "notes": notes,
        }
        got = {name: body.get(name) for name in envelope}
        self.story.same("it says what happened, to what and by whom", got, envelope)
        self._check_data(body["data"])
        return body

    def _check_data(self, data: Any) -> None:
        """Check what a delivery tells of the submission against what was sent."""
        got = {name: data[name] for name in ("reviewState", "currentInstanceId")}
        current = meta(self.xml, "instanceID")
        wanted = {"reviewState": self.state["reviewState"], "currentInstanceId": current}
        self.story.same("it says how things stand now", got, wanted)
        missing = missing_answers(data["submission"], self.xml)
        self.story.same("it carries every answer of the submission", missing, [])


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
            job = Job(scene, form)
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
    for what, answer, code in (
        ("a submission that is not XML", collector.post(submissions, b"{}"), 400.2),
        ("a form that is not XML", manager.post(forms, b"garbage", Content_Type=XML), 400.2),
        ("a submission of another form", collector.post(submissions, other), 400.8),
        ("a submission sent twice", collector.post(submissions, job.xml), 409.3),
        ("a correction without deprecatedID", manager.put(job.at, job.xml), 400.19),
        ("a review state that is none", manager.patch(job.at, {"reviewState": "fine"}), 400.8),
        ("a collector who lists", collector.get(submissions), 403.1),
        ("nobody at all", nobody.get(submissions), 401.2),
        ("a form that is not there", manager.get(f"{forms}/nowhere"), 404.1),
    ):
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
    try:
        play(forms)
    except (Wrong, TimeoutError, ConnectionError, FunctionError, StartError) as wrong:
        print(f"\n{wrong}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
