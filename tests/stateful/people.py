"""What people do: requests of the API, and what each is to bring about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from sheaf.kobo import assets
from tests.api import Answer, InProcess, handler
from tests.cast import OPENROSA, multipart, xml
from tests.stateful import model
from tests.stateful.clockwork import SECOND
from tests.stateful.cloud import Cloud
from tests.stateful.model import Event, Hook, Stretch, Submission, Told, Wish, World
from tests.stateful.receiver import Receivers
from tests.stateful.store import Bucket
from tests.stateful.work import REFUSE, Fate, Work

FORMS = ("simple", "other")
PHOTO = "p.jpg"
PROJECT = "/v1/projects/1"
APPROVED = "validation_status_approved"
Done = Callable[[Answer | None], None]


def path_of(form: str, root: str = "") -> str:
    return f"{PROJECT}/forms/{form}/submissions" + (f"/{root}" if root else "")


class People:
    """Bob, who does everything, and remembers what must come of it."""

    def __init__(self, api: InProcess, cloud: Cloud, receivers: Receivers, bucket: Bucket) -> None:
        self.api, self.cloud, self.receivers = api, cloud, receivers
        self.bucket = bucket
        self.kobo = api.acting({"authorization": "Token Bob"})
        self.world = World()
        # Forms of which somebody is publishing a version just now.
        self._publishing: set[str] = set()
        self._numbers = count(1)

    def recall(self, rows: Iterable[dict[str, Any]]) -> None:
        """Know of what was published before all this began."""
        for row in rows:
            if row["a"]["S"] == model.PUBLISH:
                form = json.loads(row["e"]["S"])["xmlFormId"]
                event = Event(row["sk"]["S"], model.PUBLISH, form, None, {}, Stretch(0, 0))
                self.world.events[event.key] = event

    # Submissions.

    def create(self, form: str, fate: Fate, *, photo: bool, device: bool) -> None:
        number = next(self._numbers)
        root = f"uuid:{number}"
        new = Submission(root, f"mark{number:04d}", form, [root], photo=photo)
        self.world.submissions[root] = new

        def born() -> None:
            new.born = True
            new.file = self._content(new) if photo and device else None

        told = [Told(model.CREATE, new, born)]
        if device or not photo:
            told.append(Told(model.COMPLETE, new))
        written = self._written(new, root)
        if device:
            files = {PHOTO: self._content(new)} if photo else {}
            body = multipart(written, files)
            path = f"{PROJECT}/submission"
            self._ask("POST", path, body, fate, told, [new], headers=dict(OPENROSA), status=201)
        else:
            self._ask("POST", path_of(form), written, fate, told, [new])

    def edit(self, one: Submission, fate: Fate, *, photo: bool) -> None:
        new, old = f"uuid:{next(self._numbers)}", one.versions[-1]
        body = self._written(one, new, age=one.age + 1, photo=photo, old=old)

        def edited() -> None:
            one.versions.append(new)
            one.age, one.state, one.photo = one.age + 1, "edited", photo
            one.file = one.file if photo else None

        told = [Told(model.EDIT, one, edited)]
        if not photo or one.file is not None:
            told.append(Told(model.COMPLETE, one))
        self._ask("PUT", path_of(one.form, one.root), body, fate, told, [one])

    def review(self, one: Submission, state: str | None, fate: Fate) -> None:
        path = path_of(one.form, one.root)
        told = self._reviews([one], state)
        self._ask("PATCH", path, {"reviewState": state}, fate, told, [one])

    def approve_all(self, form: str, fate: Fate) -> None:
        """As KoBoToolbox's clients do, many at once."""
        live = [each for each in self.world.submissions.values() if each.form == form and each.live]
        path = f"/api/v2/assets/{assets.named(1, form)}/data/validation_statuses/"
        ids = [each.root for each in live]
        body = {"payload": {"submission_ids": ids, "validation_status.uid": APPROVED}}
        self._ask("PATCH", path, body, fate, self._reviews(live, "approved"), live, by=self.kobo)

    def attach(self, one: Submission, content: bytes, fate: Fate) -> None:
        path = f"{path_of(one.form, one.root)}/attachments/{PHOTO}"
        content = self._content(one) + content

        def filled() -> None:
            one.file = content

        told = [Told(model.FILE, one, filled)] if one.file != content else []
        if one.file is None:
            told.append(Told(model.COMPLETE, one))
        self._ask("POST", path, content, fate, told, [one], headers={"content-type": "image/jpeg"})

    def clear(self, one: Submission, fate: Fate) -> None:
        path = f"{path_of(one.form, one.root)}/attachments/{PHOTO}"

        def cleared() -> None:
            one.file = None

        self._ask("DELETE", path, None, fate, [Told(model.FILE, one, cleared)], [one])

    def comment(self, one: Submission, fate: Fate) -> None:
        path = f"{path_of(one.form, one.root)}/comments"
        body = {"body": f"{one.mark} was dry"}
        self._ask("POST", path, body, fate, [Told(model.COMMENT, one)], [one])

    def delete(self, one: Submission, fate: Fate) -> None:
        headers = {"x-action-notes": f"{one.mark} twice"}

        def deleted() -> None:
            one.deleted, one.trashed_at = True, self.cloud.clock.now

        told = [Told(model.DELETE, one, deleted)]
        self._ask("DELETE", path_of(one.form, one.root), None, fate, told, [one], headers=headers)

    def restore(self, one: Submission, fate: Fate) -> None:
        def restored() -> None:
            one.deleted = False

        path = f"{path_of(one.form, one.root)}/restore"
        self._ask("POST", path, None, fate, [Told(model.RESTORE, one, restored)], [one])

    def publish(self, form: str, fate: Fate) -> None:
        """A new version of a form; it asks what it has always asked."""
        path = f"{PROJECT}/forms/{form}/draft"
        if form in self._publishing or self.api.post(path).status != 200:
            return
        self._publishing.add(form)
        path = f"{path}/publish?version=v{next(self._numbers)}"
        told = [Told(model.PUBLISH, None)]

        def done(_: Answer | None) -> None:
            self._publishing.remove(form)

        self._ask("POST", path, None, fate, told, [], form=form, done=done)

    def _reviews(self, some: list[Submission], state: str | None) -> list[Told]:
        def reviewed(one: Submission) -> Callable[[], None]:
            def apply() -> None:
                one.state = state

            return apply

        return [Told(model.REVIEW, one, reviewed(one)) for one in some if one.state != state]

    def _written(
        self,
        one: Submission,
        instance_id: str,
        *,
        age: int = 0,
        photo: bool | None = None,
        old: str | None = None,
    ) -> bytes:
        named = one.photo if photo is None else photo
        return xml(
            instance_id,
            name=f"{one.mark}-{age}",
            age=str(age),
            photo=PHOTO if named else "",
            deprecated=old,
            form=one.form,
        )

    @staticmethod
    def _content(one: Submission) -> bytes:
        return f"{one.mark} photo".encode()

    # The purge is nobody's request.

    def due(self) -> list[Submission]:
        """What lies in the trash for a day."""
        before = self.cloud.clock.now - 86_400 * SECOND
        trash = [each for each in self.world.submissions.values() if each.deleted and not each.gone]
        return [each for each in trash if each.trashed_at < before]

    def purge(self, fate: Fate) -> None:
        due = self.due()
        when = Stretch(self.cloud.clock.micros())

        def gone(one: Submission) -> Callable[[], None]:
            def apply() -> None:
                one.gone = True

            return apply

        told = [Told(model.PURGE, one, gone(one)) for one in due]
        for one in due:
            # Whatever becomes of it: it may be half gone.
            one.purged = one.purged or when
        event = {"retentionDays": 1}
        self._do("workers/purge", lambda: handler("workers/purge")(event, None), fate, told, due)

    # Hooks.

    def hook(self, form: str | None, fate: Fate, wish: dict[str, Any], **said: Any) -> None:
        number = next(self._numbers)
        path = f"{PROJECT}/forms/{form}/hooks" if form else f"{PROJECT}/hooks"
        name = f"h{number}"
        body = {"name": name, "url": f"{self.receivers.url}/{name}", **wish, **said}
        since = Stretch(self.cloud.clock.micros())

        def done(_: Answer | None) -> None:
            for each in self.api.get(path).json:
                if each["name"] == name:
                    self._know(each, f"{path}/{each['id']}", form, Wish(since, *_read(wish)))

        self._ask("POST", path, body, fate, [], [], done=done)

    def change(self, hook: Hook, fate: Fate, wish: dict[str, Any]) -> None:
        """Another wish, under another name, by which one sees whether it is there."""
        name = f"h{next(self._numbers)}"
        since = Stretch(self.cloud.clock.micros())
        hook.busy = True

        def done(_: Answer | None) -> None:
            hook.busy = False
            since.ended = self.cloud.clock.now
            if self.api.get(hook.path).json["name"] == name:
                hook.wishes.append(Wish(since, *_read(wish)))

        self._ask("PATCH", hook.path, {"name": name, **wish}, fate, [], [], done=done)

    def remove(self, hook: Hook, fate: Fate) -> None:
        gone = Stretch(self.cloud.clock.micros())
        hook.busy = True

        def done(_: Answer | None) -> None:
            hook.busy = False
            if self.api.get(hook.path).status == 404:
                hook.gone = gone
                gone.ended = self.cloud.clock.now

        self._ask("DELETE", hook.path, None, fate, [], [], done=done)

    def switch(self, hook: Hook, verb: str, fate: Fate) -> None:
        self._ask("POST", f"{hook.path}/{verb}", None, fate, [], [])

    def retry(self, hook: Hook, delivery: dict[str, Any], fate: Fate) -> None:
        hook.retried = True
        path = f"{hook.path}/deliveries/{delivery['id']}/retry"
        self._ask("POST", path, {"force": True}, fate, [], [], status=(200, 202, 409))

    def retry_all(self, hook: Hook, fate: Fate) -> None:
        hook.retried = True
        self._ask("POST", f"{hook.path}/retry", {}, fate, [], [], status=(202, 409))

    def replay(self, hook: Hook, mode: str, fate: Fate) -> None:
        hook.replayed = True
        hook.retried |= mode != "missing"
        body = {"mode": mode}
        self._ask("POST", f"{hook.path}/replay", body, fate, [], [], status=(202, 409))

    def _know(self, shown: dict[str, Any], path: str, form: str | None, wish: Wish) -> None:
        wish.since.ended = self.cloud.clock.now
        schedule = shown["retry"]["schedule"]
        tries = {"standard": 10, "none": 1}.get(str(schedule)) or len(schedule) + 1
        ordered = shown["ordering"] == "perSubmission"
        place = "/" + shown["url"].rpartition("/")[2]
        hook = Hook(shown["id"], path, form, ordered, tries, shown["contentType"], [wish], place)
        self.world.hooks[hook.id] = hook

    # How it is done.

    def _ask(  # noqa: PLR0917
        self,
        method: str,
        path: str,
        body: Any,
        fate: Fate,
        told: list[Told],
        busy: list[Submission],
        *,
        headers: dict[str, str] | None = None,
        by: InProcess | None = None,
        status: int | tuple[int, ...] = 200,
        form: str | None = None,
        done: Done = lambda _: None,
    ) -> None:
        wanted = status if isinstance(status, tuple) else (status,)

        def then(work: Work) -> None:
            answer = None if work.crashed else work.result
            assert work.error is None, work.error
            if answer is not None and not (fate.kind == REFUSE and answer.status >= 500):
                assert answer.status in wanted, (method, path, answer.status, answer.text)
            done(answer)

        name = f"{method} {path}"
        asked = by or self.api
        self._do(
            name,
            lambda: asked.request(method, path, body, headers),
            fate,
            told,
            busy,
            then=then,
            form=form,
        )

    def _do(
        self,
        function: str,
        do: Callable[[], Any],
        fate: Fate,
        told: list[Told],
        busy: list[Submission],
        *,
        form: str | None = None,
        then: Callable[[Work], None] = lambda _: None,
    ) -> None:
        when, left = Stretch(self.cloud.clock.micros()), list(told)
        for one in busy:
            one.busy = True

        def committed(rows: list[Any]) -> None:
            for row in rows:
                for each in [each for each in left if _is(row, each)][:1]:
                    left.remove(each)
                    self._note(row["sk"]["S"], each, when, form)

        def ended(work: Work) -> None:
            when.ended = self.cloud.clock.now
            for one in busy:
                one.busy = False
            if work.crashed or work.error or fate.kind == REFUSE:
                then(work)
                return
            then(work)
            assert not left, f"{function} did not tell of {left}"

        self.cloud.run(function, do, fate, ended, committed)

    def _note(self, key: str, told: Told, when: Stretch, form: str | None) -> None:
        told.apply()
        one = told.about
        facts = {} if one is None or told.kind == model.PURGE else one.facts()
        form = form if one is None else one.form
        assert form is not None
        self.world.events[key] = Event(key, told.kind, form, one, facts, when)


def _is(row: dict[str, Any], told: Told) -> bool:
    """Whether an audit row tells of what was to be told."""
    if row["a"]["S"] != told.kind or "e" not in row:
        return False
    return told.about is None or json.loads(row["e"]["S"])["instanceId"] == told.about.root


def _read(wish: dict[str, Any]) -> tuple[tuple[str, ...], bool]:
    kinds = tuple(wish["events"]) if wish["active"] else ()
    return kinds, wish["filter"] is not None
