"""The life of submissions: random sequences of all that can be done to them, against a small model.

After every step the one that was touched is compared with the model, and at the end all of them:
what is shown of it, its versions, its files, its audit log, and the lists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.answers import DONE, NOT_FOUND
from tests.api import handler
from tests.cast import OPENROSA, Cast, multipart, xml

NAMES = ["a.jpg", "b.jpg"]
STATES = [None, "hasIssues", "edited", "approved", "rejected"]
_forms = count(1)


@dataclass
class Version:
    """A version: its id, its XML, and what each file that it names holds."""

    id: str
    body: bytes
    files: dict[str, bytes | None]


@dataclass
class Life:
    """A submission as the model knows it."""

    root: str
    versions: list[Version]
    state: str | None = None
    deleted: bool = False
    purged: bool = False
    actions: list[str] = field(default_factory=lambda: ["submission.create"])

    @property
    def current(self) -> Version:
        return self.versions[-1]


class Submissions(RuleBasedStateMachine):
    """One form, and what happens to its submissions."""

    def __init__(self, cast: Cast) -> None:
        super().__init__()
        self.api = cast.alice
        self.form = f"life{next(_forms)}"
        cast.form(self.form)
        self.path = f"{Cast.FORMS}/{self.form}/submissions"
        self.lives: dict[str, Life] = {}
        self.ids = count(1)

    def teardown(self) -> None:
        self.lists_are_right()
        for life in self.lives.values():
            self.check(life)
        # What is left in the trash must not be counted by the next run's purge.
        handler("workers/purge")({"retentionDays": -1}, None)

    # What a step picks.

    def some(self, data: st.DataObject, **wanted: bool) -> Life:
        found = [each for each in self.lives.values() if self.fits(each, **wanted)]
        return data.draw(st.sampled_from(found), label="which")

    @staticmethod
    def fits(life: Life, *, deleted: bool = False) -> bool:
        return not life.purged and life.deleted == deleted

    def any_of(self, **wanted: bool) -> bool:
        return any(self.fits(each, **wanted) for each in self.lives.values())

    def write(self, names: list[str], deprecated: str | None = None) -> Version:
        instance_id = f"i{next(self.ids)}"
        body = xml(instance_id, deprecated=deprecated, form=self.form)
        photos = "".join(f"<photo>{name}</photo>" for name in names).encode()
        return Version(
            instance_id,
            body.replace(b"<photo></photo>", photos),
            dict.fromkeys(names),
        )

    # Steps.

    @rule(names=st.lists(st.sampled_from(NAMES), unique=True), device=st.booleans())
    def create(self, names: list[str], device: bool) -> None:
        version = self.write(names)
        self.lives[version.id] = life = Life(version.id, [version])
        if device:
            self.send(version.body, {name: name.encode() for name in names})
            version.files = {name: name.encode() for name in names}
        else:
            assert self.api.post(self.path, version.body).status == 200
        self.check(life)

    @precondition(lambda self: self.any_of())
    @rule(data=st.data(), names=st.lists(st.sampled_from(NAMES), unique=True), device=st.booleans())
    def edit(self, data: st.DataObject, names: list[str], device: bool) -> None:
        life = self.some(data)
        version = self.write(names, deprecated=life.current.id)
        if device:
            self.send(version.body, {})
        else:
            assert self.api.put(f"{self.path}/{life.root}", version.body).status == 200
        version.files = {name: life.current.files.get(name) for name in names}
        life.versions.append(version)
        life.state = "edited"
        life.actions.append("submission.update.version")
        self.check(life)

    @precondition(lambda self: self.any_of())
    @rule(data=st.data())
    def edit_an_old_version(self, data: st.DataObject) -> None:
        life = self.some(data)
        stale = self.write([], deprecated="never")
        answer = self.api.put(f"{self.path}/{life.root}", stale.body)
        assert answer.json["code"] == 409.9
        self.check(life)

    @precondition(lambda self: self.any_of())
    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        life = self.some(data)
        self.send(life.current.body, {})
        self.check(life)

    @precondition(lambda self: self.any_of())
    @rule(data=st.data(), state=st.sampled_from(STATES))
    def review(self, data: st.DataObject, state: str | None) -> None:
        life = self.some(data)
        answer = self.api.patch(f"{self.path}/{life.root}", {"reviewState": state})
        assert answer.json["reviewState"] == state
        life.state = state
        life.actions.append("submission.update")
        self.check(life)

    @precondition(lambda self: self.any_of())
    @rule(data=st.data(), name=st.sampled_from(NAMES), content=st.binary(max_size=3))
    def attach(self, data: st.DataObject, name: str, content: bytes) -> None:
        life = self.some(data)
        answer = self.api.post(f"{self.path}/{life.root}/attachments/{name}", content)
        if name in life.current.files:
            assert answer.json == DONE
            life.current.files[name] = content
        else:
            assert answer.json == NOT_FOUND
        self.check(life)

    @precondition(lambda self: self.any_of())
    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def clear(self, data: st.DataObject, name: str) -> None:
        life = self.some(data)
        answer = self.api.delete(f"{self.path}/{life.root}/attachments/{name}")
        if name in life.current.files:
            assert answer.json == DONE
            life.current.files[name] = None
        else:
            assert answer.json == NOT_FOUND
        self.check(life)

    @precondition(lambda self: self.any_of())
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        life = self.some(data)
        assert self.api.delete(f"{self.path}/{life.root}").json == DONE
        life.deleted = True
        life.actions.append("submission.delete")
        self.check(life)

    @precondition(lambda self: self.any_of(deleted=True))
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        life = self.some(data, deleted=True)
        assert self.api.post(f"{self.path}/{life.root}/restore").json == DONE
        life.deleted = False
        life.actions.append("submission.restore")
        self.check(life)

    @precondition(lambda self: self.any_of(deleted=True))
    @rule()
    def purge(self) -> None:
        due = [life for life in self.lives.values() if life.deleted and not life.purged]
        assert handler("workers/purge")({"retentionDays": -1}, None) == {"purged": len(due)}
        for life in due:
            life.purged = True
            self.check(life)

    @precondition(lambda self: any(each.purged for each in self.lives.values()))
    @rule(data=st.data())
    def come_again(self, data: st.DataObject) -> None:
        gone = [life for life in self.lives.values() if life.purged]
        life = data.draw(st.sampled_from(gone), label="which")
        version = Version(life.root, xml(life.root, form=self.form), {})
        assert self.api.post(self.path, version.body).status == 200
        self.lives.pop(life.root)
        self.lives[life.root] = again = Life(life.root, [version])
        self.check(again)

    # What must hold.

    def send(self, body: bytes, files: dict[str, bytes]) -> None:
        answer = self.api.post("/v1/projects/1/submission", multipart(body, files), dict(OPENROSA))
        assert answer.status == 201, answer.text

    def get(self, life: Life, rest: str = "") -> Any:
        return self.api.get(f"{self.path}/{life.root}{rest}")

    def check(self, life: Life) -> None:
        if life.deleted or life.purged:
            for rest in ("", ".xml", "/attachments", "/versions", "/audits", "/diffs"):
                assert self.get(life, rest).json == NOT_FOUND
            return
        shown = self.get(life).json
        assert (shown["instanceId"], shown["reviewState"]) == (life.root, life.state)
        assert shown["currentVersion"]["instanceId"] == life.current.id
        assert shown["deletedAt"] is None
        assert self.get(life, ".xml").body == life.current.body
        self.versions_are_right(life)
        audits = [row["action"] for row in self.get(life, "/audits").json]
        assert audits == life.actions[::-1]

    def versions_are_right(self, life: Life) -> None:
        listed = self.get(life, "/versions").json
        assert [each["instanceId"] for each in listed] == [
            version.id for version in reversed(life.versions)
        ]
        assert [each["current"] for each in listed] == [True] + [False] * (len(listed) - 1)
        for version in life.versions[-2:]:
            self.files_are_right(life, version)
        diffs = self.get(life, "/diffs").json
        assert list(diffs) == [version.id for version in reversed(life.versions[1:])]

    def files_are_right(self, life: Life, version: Version) -> None:
        place = f"/versions/{version.id}"
        assert self.get(life, f"{place}.xml").body == version.body
        assert self.get(life, f"{place}/attachments").json == [
            {"name": name, "exists": version.files[name] is not None}
            for name in sorted(version.files)
        ]
        for name, content in version.files.items():
            answer = self.get(life, f"{place}/attachments/{name}")
            if content is None:
                assert answer.json == NOT_FOUND
            else:
                assert (answer.status, answer.body) == (200, content)

    def lists_are_right(self) -> None:
        for query, deleted in (("", False), ("?deleted=true", True)):
            wanted = [life.root for life in self.lives.values() if self.fits(life, deleted=deleted)]
            listed = self.api.get(f"{self.path}{query}").json
            assert [each["instanceId"] for each in listed] == wanted[::-1]


def test_whatever_happens_submissions_are_as_the_model_says(cast):
    run_state_machine_as_test(
        lambda: Submissions(cast),
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
