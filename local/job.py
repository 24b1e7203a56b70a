"""The main job with one form, from publishing it to purging a submission: `Job(…).play()`."""

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

from local.client import XML, Answer, quoted
from local.ear import Ear
from local.expected import meta, moment, problem
from local.filler import edit, fill
from local.receiver import Received
from local.scene import AGENT, DONE, Person, Scene
from local.story import Wrong

SAMPLES = Path(__file__).parents[1] / "samples"
TYPES = {
    ".xml": XML,
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
EVENTS = ["create", "update.version", "update", "delete", "restore"]
NEW = "submission.create"
SETTLED = {"succeeded", "failed", "blocked", "cancelled"}


class Job:
    """The main job with one form.

    Attributes:
        base: the form's path in the API.
        at: the submission's path.
        state: the submission as GET should show it.
        xml: its XML as GET should give it.
    """

    def __init__(self, scene: Scene, path: Path, *, receiver_fails: bool) -> None:
        self.scene, self.path, self._fails = scene, path, receiver_fails
        self.story, self.receiver = scene.story, scene.receiver
        self.manager, self.collector = scene.manager.client, scene.collector.client
        self.all, self.new = f"/all/{quoted(path.name)}", f"/new/{quoted(path.name)}"
        self.ear = Ear(self.story, self.receiver, self.all)

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
        self.state: dict[str, Any] = {
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
        which = "list of deleted ones" if query else "list"
        self.story.same(f"the {which} holds {len(wanted) or 'nothing'}", listed, wanted)

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
        trouble = ", while the receiver has trouble" if self._fails else ""
        self.story.step(f"The manager approves it{trouble}")
        self.receiver.script(self.all, [500] if self._fails else [])
        answer = self.manager.patch(self.at, {"reviewState": "approved"})
        self.state |= {"reviewState": "approved", "updatedAt": moment(answer.json()["updatedAt"])}
        wanted = {k: v for k, v in self.state.items() if k not in {"userAgent", "currentVersion"}}
        self.story.same("it is approved", answer.json(), wanted)
        failed = self._fail() if self._fails else None
        body = self._hear("update", self.scene.manager)
        self.story.same("it tells the change", body["data"]["previousReviewState"], "edited")
        if failed:
            second = self.ear.heard[-1]
            self.story.same("it has the same body as the first", second.body, failed.body)
            ids = {received.headers["webhook-id"] for received in (failed, second)}
            self.story.same("and the same id", len(ids), 1)

    def _fail(self) -> Received:
        failed = self.ear.next()
        self.story.same("the receiver has answered 500", failed.status, 500)
        self.story.say("Now for the second attempt, about five seconds later.")
        return failed

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
        self.ear.sequence = 0
        self._hear("create", self.scene.collector)

    def _account(self) -> None:
        self.story.step("The deliveries add up")
        self.receiver.wait_for(lambda _: len(self.receiver.at(self.new)) >= 2)
        new = self.receiver.at(self.new)
        told = [received.json()["type"] for received in new]
        self.story.same("the second hook heard of new submissions only", told, [NEW, NEW])
        for hook, heard in zip(self.hooks, (self.ear.heard, new), strict=True):
            attempts = Counter(received.headers["webhook-id"] for received in heard)
            wanted = {name: ("succeeded", count) for name, count in attempts.items()}
            listed = self._settled(hook)
            got = {each["id"]: (each["state"], len(each["attempts"])) for each in listed}
            self.story.same(f"{len(listed)} deliveries, {len(heard)} attempts", got, wanted)

    def _settled(self, hook: str) -> list[dict[str, Any]]:
        """Return a hook's deliveries once the last answer is on record, which takes a moment."""
        quiet = replace(self.manager, on_answer=lambda _: None)
        path, deadline = f"{self.base}/hooks/{hook}/deliveries", monotonic() + 10
        while monotonic() < deadline:
            if all(each["state"] in SETTLED for each in quiet.get(path).json()):
                break
        listed: list[dict[str, Any]] = self.manager.get(path).json()
        return listed

    def _hear(self, event: str, by: Person, notes: str | None = None) -> Any:
        """Wait for what the first hook is told of an event, check it, and return its body."""
        envelope = {
            "type": f"submission.{event}",
            "id": self.id,
            "hookId": self.hooks[0],
            "project": {"id": self.scene.project},
            "form": {"xmlFormId": self.form["xmlFormId"], "version": self.form["version"]},
            "actor": {"id": by.id, "type": "user", "displayName": by.name},
            "notes": notes,
        }
        return self.ear.hear(envelope, self.xml, self.state["reviewState"])
