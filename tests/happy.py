"""One request for every route, that succeeds, and what must be there for it.

Tests that look at every route draw from here: what it costs, and what a crash leaves behind. A
route that is missing fails them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sheaf.db.audit import Audit
from sheaf.db.keys import FEED
from sheaf.hooks import attempts, events, links, match
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.sending import Outcome
from sheaf.kobo import assets
from tests import encryptor, workbooks
from tests.api import Answer
from tests.cast import OPENROSA, PASSWORD, Cast, multipart, stored, xform, xml
from tests.exporting import nothing_fits, work

PROJECT = "/v1/projects/1"
FORM = f"{PROJECT}/forms/simple"
SUBMISSIONS = f"{FORM}/submissions"
SUBMISSION = f"{SUBMISSIONS}/uuid:1"
DRAFT_SUBMISSIONS = f"{FORM}/draft/submissions"
PHOTO = f"{SUBMISSION}/attachments/photo.jpg"
JPEG = b"\xff\xd8\xff one"
_EDITED = xml("uuid:2", name="Ada", deprecated="uuid:1")
_EDITED_WITH_PHOTO = xml("uuid:2", name="Ada", photo="photo.jpg", deprecated="uuid:1")
_COMMENT = {"body": "The well was dry."}
_JPEG = {"content-type": "image/jpeg"}
_PASSPHRASE = {"passphrase": "open, sesame", "hint": "forty thieves"}
_XML = {"content-type": "application/xml"}
HOOK = {"name": "Registry", "url": "http://127.0.0.1:9/x", "events": ["submission.create"]}

Given = Callable[[Cast], Any]
Path = str | Callable[[Cast], str]
DONE = 200


@dataclass(frozen=True)
class Happy:
    """A request that succeeds.

    Args:
        path: where to; what has a number of its own is found when all that is given is there.
        given: what makes it possible.
        body: JSON, or bytes.
        headers: besides the session's.
        by: who asks: the administrator, or with None nobody.
        again: what the same request answers once it is done: its status, or the code of a Problem.
        done: the status of its success.
    """

    path: Path
    given: Given
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    by: str | None = "alice"
    again: float | None = None
    done: int = DONE

    def ready(self, cast: Cast, method: str) -> Callable[[], Answer]:
        """Give the request, ready to be sent; what it needs must be there."""
        who = cast.api if self.by is None else getattr(cast, self.by)
        path = self.path if isinstance(self.path, str) else self.path(cast)
        return lambda: who.request(method, path, self.body, self.headers)


def nothing(cast: Cast) -> None:
    """The administrator and project 1."""
    _ = cast.alice


def a_user(cast: Cast) -> None:
    """Chelsea, who has no rights."""
    _ = cast.chelsea


def a_user_and_a_form(cast: Cast) -> None:
    """Both."""
    a_user(cast)
    a_form(cast)


def a_grant(cast: Cast) -> None:
    """Chelsea as a data collector on the site, of project 1 and of its form."""
    a_user_and_a_form(cast)
    for place in ("", "/projects/1", "/projects/1/forms/simple"):
        granted = cast.alice.post(f"/v1{place}/assignments/formfill/{chelsea(cast)}")
        assert granted.status == DONE, granted.text


def a_form(cast: Cast) -> None:
    """The form `simple` in project 1."""
    cast.form()


def a_submission(cast: Cast) -> None:
    """A submission that names a photo."""
    a_form(cast)
    assert cast.submit("uuid:1", photo="photo.jpg").status == DONE


def a_photo(cast: Cast) -> None:
    """That photo, too."""
    a_submission(cast)
    assert cast.alice.post(PHOTO, JPEG, {"content-type": "image/jpeg"}).status == DONE


def an_edit(cast: Cast) -> None:
    """The submission with its photo, edited."""
    a_photo(cast)
    assert cast.alice.put(SUBMISSION, _EDITED_WITH_PHOTO).status == DONE


def a_draft(cast: Cast) -> None:
    """The form `simple` as a draft, never published."""
    cast.draft()


def two_versions(cast: Cast) -> None:
    """The form `simple` with versions 1 and 2."""
    a_new_draft(cast)
    assert cast.alice.post(f"{FORM}/draft/publish").status == DONE


def a_new_draft(cast: Cast) -> None:
    """The form `simple` with a draft of its version 2."""
    a_form(cast)
    assert cast.alice.post(f"{FORM}/draft", xform(version="2"), _XML).status == DONE


def a_sheet(cast: Cast) -> None:
    """The draft `sheet`, made of a workbook."""
    _workbook(cast, workbooks.xlsx("sheet"), workbooks.XLSX)


def an_old_sheet(cast: Cast) -> None:
    """The same, made of an old workbook."""
    _workbook(cast, workbooks.xls("sheet"), workbooks.XLS)


def _workbook(cast: Cast, raw: bytes, kind: str) -> None:
    made = cast.alice.post(f"{PROJECT}/forms", raw, {"content-type": kind})
    assert made.status == DONE, made.text


def a_deleted_form(cast: Cast) -> None:
    """The form `simple`, in the trash."""
    a_form(cast)
    assert cast.alice.delete(FORM).status == DONE


def a_draft_submission(cast: Cast) -> None:
    """A submission of that draft, that names a photo."""
    a_draft(cast)
    sent = cast.alice.post(DRAFT_SUBMISSIONS, xml("uuid:1", photo="photo.jpg"))
    assert sent.status == DONE, sent.text


def a_draft_photo(cast: Cast) -> None:
    """That photo, too."""
    a_draft_submission(cast)
    sent = cast.alice.post(f"{DRAFT_SUBMISSIONS}/uuid:1/attachments/photo.jpg", JPEG, _JPEG)
    assert sent.status == DONE, sent.text


def an_encrypted_form(cast: Cast) -> None:
    """The form `simple` with a key of its own."""
    sent = cast.alice.post(f"{PROJECT}/forms?publish=true", xform(key=encryptor.own()[0]))
    assert sent.status == DONE, sent.text


def an_encrypted_submission(cast: Cast) -> None:
    """A submission of it."""
    an_encrypted_form(cast)
    send_encrypted(cast, SUBMISSIONS)


def an_encrypted_draft_submission(cast: Cast) -> None:
    """One of a draft."""
    sent = cast.alice.post(f"{PROJECT}/forms", xform(key=encryptor.own()[0]))
    assert sent.status == DONE, sent.text
    cast.drafts["simple"] = sent.json["draftToken"]
    send_encrypted(cast, DRAFT_SUBMISSIONS)


def send_encrypted(cast: Cast, submissions: str) -> None:
    """Send `uuid:1` as a device does that knows the key."""
    public, _ = encryptor.own()
    sealed = encryptor.seal(xml("uuid:1"), public, instance_id="uuid:1", version="1")
    assert cast.alice.post(submissions, sealed.envelope).status == DONE


def a_comment(cast: Cast) -> None:
    """The submission with a comment."""
    a_submission(cast)
    assert cast.alice.post(f"{SUBMISSION}/comments", _COMMENT).status == DONE


def a_draft_edit(cast: Cast) -> None:
    """The draft's submission with its photo, edited."""
    a_draft_photo(cast)
    sent = cast.alice.put(f"{DRAFT_SUBMISSIONS}/uuid:1", _EDITED_WITH_PHOTO)
    assert sent.status == DONE, sent.text


def an_export(cast: Cast) -> None:
    """An export of the form that has outgrown its request, and been made."""
    a_photo(cast)
    with nothing_fits():
        asked = cast.alice.get(f"{SUBMISSIONS}.csv.zip")
    assert asked.status == 303, asked.text
    work(export_id(cast))


def an_export_of_a_draft(cast: Cast) -> None:
    """The same of the draft."""
    a_draft_photo(cast)
    with nothing_fits():
        asked = cast.alice.get(f"{DRAFT_SUBMISSIONS}.csv.zip")
    assert asked.status == 303, asked.text
    work(export_id(cast))


def export_id(_: Cast) -> str:
    """The id of the one export that there is."""
    (job,) = stored("X#")
    return str(job["pk"]["S"].partition("#")[2])


def a_deleted_submission(cast: Cast) -> None:
    """The submission, in the trash."""
    a_submission(cast)
    assert cast.alice.delete(SUBMISSION).status == DONE


def a_hook(cast: Cast) -> None:
    """A hook on the form, and one on the project."""
    a_form(cast)
    for place in (FORM, PROJECT):
        made = cast.alice.post(f"{place}/hooks", HOOK)
        assert made.status == DONE, made.text


def an_app_user(cast: Cast) -> None:
    """An app user that may use the form."""
    a_form(cast)
    _ = cast.app_user


def an_app_users_submission(cast: Cast) -> None:
    """A submission of its own, that names a photo."""
    an_app_user(cast)
    assert cast.submit("uuid:1", by=cast.app_user, photo="photo.jpg").status == DONE


def a_reading_app_user(cast: Cast) -> None:
    """An app user that may see all of the project, and a submission with its photo."""
    a_photo(cast)
    _ = cast.app_user
    path = f"{PROJECT}/assignments/viewer/{cast.users['app_user']['id']}"
    assert cast.alice.post(path).status == DONE


def a_link(cast: Cast) -> None:
    """A public link of the form."""
    a_form(cast)
    _ = cast.link


def a_single_use_link(cast: Cast) -> None:
    """A public link of the form that takes one submission from each device."""
    a_form(cast)
    _ = cast.once


def a_hook_and_a_submission(cast: Cast) -> None:
    """Those hooks, and a submission that they could be told of."""
    a_hook(cast)
    assert cast.submit("uuid:1", photo="photo.jpg").status == DONE


def a_disabled_hook(cast: Cast) -> None:
    """Those hooks, disabled."""
    a_hook(cast)
    for place in (FORM, PROJECT):
        hook = cast.alice.get(f"{place}/hooks").json[0]["id"]
        assert cast.alice.post(f"{place}/hooks/{hook}/disable").status == DONE


def chelsea(cast: Cast) -> int:
    """Her number."""
    return int(cast.users["chelsea"]["id"])


def _user(cast: Cast) -> str:
    return f"/v1/users/{chelsea(cast)}"


def _number(cast: Cast) -> int:
    """The number of the form that was deleted last."""
    return int(cast.alice.get(f"{PROJECT}/forms?deleted=true").json[0]["id"])


def _session(cast: Cast) -> str:
    token = cast.chelsea.headers["authorization"].partition(" ")[2]
    return f"/v1/sessions/{token}"


def _app_user(cast: Cast) -> str:
    return f"{PROJECT}/app-users/{cast.users['app_user']['id']}"


def _link(cast: Cast) -> str:
    return f"{FORM}/public-links/{cast.users['link']['id']}"


def keyed(path: str, name: str = "app_user") -> Callable[[Cast], str]:
    """The same place by a path with somebody's token in it."""
    return lambda cast: path.replace("/v1/", f"/v1/key/{cast.token(name)}/", 1)


def _assignments(place: str) -> dict[str, Happy]:
    route = f"/v1{place}/assignments"
    base = route.replace("{projectId}", "1").replace("{xmlFormId}", "simple")

    def one(cast: Cast) -> str:
        return f"{base}/formfill/{chelsea(cast)}"

    return {
        f"GET {route}": Happy(base, a_grant),
        f"GET {route}/{{roleId}}": Happy(f"{base}/formfill", a_grant),
        f"POST {route}/{{roleId}}/{{actorId}}": Happy(one, a_user_and_a_form, again=409.3),
        f"DELETE {route}/{{roleId}}/{{actorId}}": Happy(one, a_grant, again=404.1),
    }


def _draft_submissions(prefix: str) -> dict[str, Happy]:
    """The twins of the submissions' routes, by the project (prefix "") or by the test link."""
    route = f"/v1{prefix}/projects/{{projectId}}/forms/{{xmlFormId}}/draft/submissions"
    one, file = f"{route}/{{instanceId}}", f"{route}/{{instanceId}}/attachments/{{filename}}"
    by = None if prefix else "alice"

    def to(path: str) -> Path:
        return lambda cast: f"{draft_place(cast, prefix)}/submissions{path}"

    def happy(path: str, given: Given, *rest: Any, **more: Any) -> Happy:
        return Happy(to(path), given, *rest, by=by, **more)

    photo = "/uuid:1/attachments/photo.jpg"
    return {
        f"GET {route}": happy("?limit=50", a_draft_submission),
        f"POST {route}": happy("", a_draft, xml("uuid:1"), again=409.3),
        f"GET {route}/keys": happy("/keys", an_encrypted_draft_submission),
        f"GET {route}/submitters": happy("/submitters", a_draft_submission),
        f"GET {one}": happy("/uuid:1", a_draft_submission),
        f"PUT {one}": happy("/uuid:1", a_draft_submission, _EDITED, again=409.9),
        f"GET {one}/attachments": happy("/uuid:1/attachments", a_draft_submission),
        f"GET {file}": happy(photo, a_draft_photo),
        f"POST {file}": happy(photo, a_draft_submission, JPEG, _JPEG, again=DONE),
        f"DELETE {file}": happy(photo, a_draft_photo, again=DONE),
        f"POST {file}/uploads": happy(f"{photo}/uploads", a_draft_submission, {}, again=DONE),
        **_history(one, lambda path, **more: happy(f"/uuid:1{path}", a_draft_edit, **more)),
    }


def _history(route: str, happy: Callable[..., Happy]) -> dict[str, Happy]:
    """What tells of a submission's past, below its route; the submission has been edited."""
    first = "/versions/uuid:1"
    version, files = f"{route}/versions/{{versionId}}", f"{first}/attachments"
    return {
        f"GET {route}/versions": happy("/versions"),
        f"GET {version}": happy(first),
        f"GET {route}/diffs": happy("/diffs"),
        f"GET {route}/audits": happy("/audits"),
        f"GET {version}/attachments": happy(files),
        f"GET {version}/attachments/{{filename}}": happy(f"{files}/photo.jpg"),
        f"DELETE {version}/attachments/{{filename}}": happy(f"{files}/photo.jpg", again=DONE),
    }


def draft_place(cast: Cast, prefix: str) -> str:
    """Where the draft is found, by the project or by its test link."""
    return f"/v1{prefix.replace('{token}', cast.drafts['simple'])}/projects/1/forms/simple/draft"


def _openrosa() -> dict[str, Happy]:
    """What devices speak: by a session, by an app user's token, by the link of a draft."""
    sent = multipart(xml("uuid:1", photo="photo.jpg"), {"photo.jpg": JPEG})
    here = f"{PROJECT}/submission"
    draft = "/v1/test/{token}/projects/{projectId}/forms/{xmlFormId}/draft/submission"

    def tested(cast: Cast) -> str:
        return f"{draft_place(cast, '/test/{token}')}/submission"

    ways: tuple[tuple[str, Path, Given, str | None], ...] = (
        (f"{_PROJECT}/submission", here, a_form, "alice"),
        ("/v1/key/{token}/projects/{projectId}/submission", keyed(here), an_app_user, None),
        (draft, tested, a_draft, None),
    )
    asked = {
        f"GET {route}": Happy(path, given, headers=OPENROSA, by=by, done=204)
        for route, path, given, by in ways
    }
    return asked | {
        f"POST {route}": Happy(path, given, sent, OPENROSA, by, again=201, done=201)
        for route, path, given, by in ways
    }


def _form_lists() -> dict[str, Happy]:
    """What devices ask about forms, in the same three ways."""
    form = "/projects/{projectId}/forms/{xmlFormId}"
    place, manifest = f"{PROJECT}/formList", f"{FORM}/manifest"

    def happy(path: Path, given: Given, by: str | None = None) -> Happy:
        return Happy(path, given, headers=OPENROSA, by=by)

    def tested(name: str) -> Happy:
        return happy(lambda cast: f"{draft_place(cast, '/test/{token}')}/{name}", a_draft)

    return {
        f"GET {_PROJECT}/formList": happy(place, a_form, "alice"),
        "GET /v1/key/{token}/projects/{projectId}/formList": happy(keyed(place), an_app_user),
        f"GET /v1/test/{{token}}{form}/draft/formList": tested("formList"),
        f"GET /v1{form}/manifest": happy(manifest, a_form, "alice"),
        f"GET /v1/key/{{token}}{form}/manifest": happy(keyed(manifest), an_app_user),
        f"GET /v1/test/{{token}}{form}/draft/manifest": tested("manifest"),
    }


def _exports(
    route: str,
    place: Callable[[Cast], str],
    scenes: tuple[Given, Given],
    by: str | None = "alice",
) -> dict[str, Happy]:
    """The exports of a form or a draft, which are found at a place."""
    given, made = scenes

    def to(kind: str) -> Path:
        return lambda cast: f"{place(cast)}/submissions.{kind}"

    return {
        f"{method} {route}/submissions.{kind}": Happy(to(kind), given, body, by=by, again=DONE)
        for kind in ("csv.zip", "csv")
        for method, body in (("GET", None), ("POST", {}))
    } | {
        f"GET {route}/exports/{{exportId}}": Happy(
            lambda cast: f"{place(cast)}/exports/{export_id(cast)}", made, by=by, done=303
        )
    }


def _feeds() -> dict[str, Happy]:
    """The feed of the form, and of its draft by the project and by its test link."""
    page = "Submissions?$top=50"

    def twins(prefix: str) -> dict[str, Happy]:
        route = f"GET /v1{prefix}/projects/{{projectId}}/forms/{{xmlFormId}}/draft.svc"
        by = None if prefix else "alice"

        def to(path: str) -> Path:
            return lambda cast: f"{draft_place(cast, prefix)}.svc{path}"

        return {
            route: Happy(to(""), a_draft_submission, by=by),
            f"{route}/{{proxy+}}": Happy(to(f"/{page}"), a_draft_submission, by=by),
        }

    published = Happy(f"{FORM}.svc/{page}", a_submission)
    return {f"GET {_FORM}/{{proxy+}}": published} | twins("") | twins("/test/{token}")


_PREVIEW = {"event": "submission.create", "xmlFormId": "simple", "instanceId": "uuid:1"}


def _hooks(place: str) -> dict[str, Happy]:
    route = f"/v1{place}/hooks"
    base = route.replace("{projectId}", "1").replace("{xmlFormId}", "simple")

    def one(cast: Cast) -> str:
        return f"{base}/{cast.alice.get(base).json[0]['id']}"

    return {
        f"GET {route}": Happy(base, a_hook),
        # Twice the same hook is two hooks: a system may want two.
        f"POST {route}": Happy(base, a_form, HOOK, again=DONE),
        f"GET {route}/{{hookId}}": Happy(one, a_hook),
        f"PATCH {route}/{{hookId}}": Happy(one, a_hook, {"name": "New"}, again=DONE),
        f"DELETE {route}/{{hookId}}": Happy(one, a_hook, again=404.1),
        f"POST {route}/{{hookId}}/enable": Happy(
            lambda cast: f"{one(cast)}/enable", a_disabled_hook, again=DONE
        ),
        f"POST {route}/{{hookId}}/disable": Happy(
            lambda cast: f"{one(cast)}/disable", a_hook, again=DONE
        ),
        f"POST {route}/{{hookId}}/ping": Happy(lambda cast: f"{one(cast)}/ping", a_hook),
        f"POST {route}/{{hookId}}/preview": Happy(
            lambda cast: f"{one(cast)}/preview", a_hook_and_a_submission, _PREVIEW
        ),
        # Twice a new secret is two new secrets.
        f"POST {route}/{{hookId}}/secret/rotate": Happy(
            lambda cast: f"{one(cast)}/secret/rotate", a_hook, {"expireOldAfter": 60}, again=DONE
        ),
        **_deliveries(f"{route}/{{hookId}}", one),
    }


def _deliveries(route: str, one: Callable[[Cast], str]) -> dict[str, Happy]:
    def delivery(rest: str) -> Callable[[Cast], str]:
        def path(cast: Cast) -> str:
            listed = f"{one(cast)}/deliveries"
            return f"{listed}/{cast.alice.get(listed).json[0]['id']}{rest}"

        return path

    def job(cast: Cast) -> str:
        told = cast.alice.post(f"{one(cast)}/replay", {"mode": "all"}).json
        return f"{one(cast)}/jobs/{told['jobId']}"

    single = f"{route}/deliveries/{{deliveryId}}"
    return {
        f"GET {route}/deliveries": Happy(lambda cast: f"{one(cast)}/deliveries", a_delivery),
        f"GET {single}": Happy(delivery(""), a_delivery),
        f"GET {single}/attempts": Happy(delivery("/attempts"), a_delivery),
        f"GET {single}/attempts/{{attempt}}/body": Happy(delivery("/attempts/1/body"), a_delivery),
        # Asked again while it is under way, it is under way.
        f"POST {single}/retry": Happy(delivery("/retry"), a_delivery, again=DONE, done=202),
        f"GET {route}/stats": Happy(lambda cast: f"{one(cast)}/stats", a_delivery),
        f"GET {route}/reconcile": Happy(lambda cast: f"{one(cast)}/reconcile", a_delivery),
        f"POST {route}/retry": Happy(
            lambda cast: f"{one(cast)}/retry", a_delivery, again=202, done=202
        ),
        f"POST {route}/replay": Happy(
            lambda cast: f"{one(cast)}/replay", a_delivery, {"mode": "all"}, again=202, done=202
        ),
        f"GET {route}/jobs/{{jobId}}": Happy(job, a_delivery),
    }


def a_delivery(cast: Cast) -> None:
    """A delivery to each of the two hooks, which has failed."""
    a_hook(cast)
    assert cast.submit("uuid:1").status == DONE
    rows = [Audit.ref(("", "")).read(item) for item in stored(FEED)]
    (created,) = [row for row in rows if row.action == events.CREATE]
    match.run(events.of(created))
    for item in stored("L#"):
        delivery = Delivery.ref(("", "")).read(item)
        noted = attempts.note(delivery, Outcome(delivery.created_at, 5, error="dns: No such host."))
        delivery.update([Delivery.state.set("failed"), Delivery.attempts.set([noted])])


def _kobo() -> dict[str, Happy]:
    """KoBoToolbox's routes; with a slash at the end, as its clients call most of them."""
    asset = f"/api/v2/assets/{assets.named(1, 'simple')}"
    one = f"{asset}/data/uuid:1/"
    status = f"{one}validation_status/"
    approved = {"validation_status.uid": "validation_status_approved"}
    service = {"name": "n8n", "endpoint": HOOK["url"]}

    def hook(cast: Cast) -> str:
        return f"{asset}/hooks/{cast.alice.get(f'{FORM}/hooks').json[0]['id']}/"

    route = "/api/v2/assets/{uid}"
    return {
        "GET /api/v2/{proxy+}": Happy("/api/v2/assets/", a_form),
        f"GET {route}/{{proxy+}}": Happy(f"{asset}/hooks/", a_delivery),
        # Twice the same hook is two hooks here, too.
        f"POST {route}/{{proxy+}}": Happy(f"{asset}/hooks/", a_form, service, again=201, done=201),
        f"GET {route}/hooks/{{proxy+}}": Happy(lambda cast: f"{hook(cast)}logs/", a_delivery),
        f"PATCH {route}/hooks/{{proxy+}}": Happy(hook, a_hook, {"name": "New"}, again=DONE),
        f"DELETE {route}/hooks/{{proxy+}}": Happy(hook, a_hook, again=404, done=204),
        f"GET {route}/data/{{proxy+}}": Happy(one, a_submission),
        f"PATCH {route}/data/{{proxy+}}": Happy(status, a_submission, approved, again=DONE),
        f"DELETE {route}/data/{{proxy+}}": Happy(one, a_submission, again=404, done=204),
    }


def a_photo_and_a_hook(cast: Cast) -> None:
    """Both."""
    a_photo(cast)
    made = cast.alice.post(f"{FORM}/hooks", HOOK)
    assert made.status == DONE, made.text


def _file_link(cast: Cast) -> str:
    """What the hook was told of where the photo is."""
    (hook,) = cast.alice.get(f"{FORM}/hooks").json
    rows = [Audit.ref(("", "")).read(item) for item in stored(FEED)]
    (told,) = [row for row in rows if row.action == events.FILE]
    return links.file(events.of(told), "photo.jpg", hook["id"])


_PROJECT = "/v1/projects/{projectId}"
_FORM = f"{_PROJECT}/forms/{{xmlFormId}}"
_KEYED = f"/v1/key/{{token}}{_FORM.removeprefix('/v1')}"
_TEST = "/test/{token}"
_TESTED = f"/v1{_TEST}/projects/{{projectId}}/forms/{{xmlFormId}}/draft"
_SUBMISSION = f"{_FORM}/submissions/{{instanceId}}"
_DRAFT = f"{_FORM}/draft"
_FILE = f"{_SUBMISSION}/attachments/{{filename}}"
_LOGIN = {"email": "alice@example.org", "password": PASSWORD}
_DANA = {"email": "dana@example.org", "displayName": "Dana"}
_TABLET = {"displayName": "Tablet 7"}

_OF_A_DRAFT = (a_draft_photo, an_export_of_a_draft)

# Scenes that look into the table, or steer the process: not to be set on a running stack.
INSIDE = frozenset({an_export, an_export_of_a_draft, a_photo_and_a_hook, a_delivery})

# By "METHOD path", as docs/api.md has them.
ROUTES = {
    # Two logins are two sessions.
    "POST /v1/sessions": Happy("/v1/sessions", nothing, _LOGIN, by=None, again=DONE),
    "GET /v1/sessions/restore": Happy("/v1/sessions/restore", nothing),
    "DELETE /v1/sessions/current": Happy("/v1/sessions/current", nothing, again=401.2),
    "DELETE /v1/sessions/{token}": Happy(_session, a_user, again=403.1),
    "GET /v1/users": Happy("/v1/users", a_user),
    "POST /v1/users": Happy("/v1/users", nothing, _DANA, again=409.3),
    "GET /v1/users/current": Happy("/v1/users/current", nothing),
    "GET /v1/users/{userId}": Happy(_user, a_user),
    "PATCH /v1/users/{userId}": Happy(_user, a_user, {"email": "chell@example.org"}, again=DONE),
    "DELETE /v1/users/{userId}": Happy(_user, a_user, again=404.1),
    "PUT /v1/users/{userId}/password": Happy(
        lambda cast: f"{_user(cast)}/password",
        a_user,
        {"old": PASSWORD, "new": f"another {PASSWORD}"},
        by="chelsea",
        again=401.2,
    ),
    "GET /v1/audits": Happy("/v1/audits?limit=100", a_submission),
    "GET /v1/roles": Happy("/v1/roles", nothing),
    "GET /v1/roles/{roleId}": Happy("/v1/roles/manager", nothing),
    **_assignments(""),
    **_assignments("/projects/{projectId}"),
    **_assignments("/projects/{projectId}/forms/{xmlFormId}"),
    "GET /v1/projects": Happy("/v1/projects", nothing),
    # Two projects may bear one name.
    "POST /v1/projects": Happy("/v1/projects", nothing, {"name": "New"}, again=DONE),
    f"GET {_PROJECT}": Happy(PROJECT, nothing),
    f"PATCH {_PROJECT}": Happy(PROJECT, nothing, {"name": "New"}, again=DONE),
    f"DELETE {_PROJECT}": Happy(PROJECT, nothing, again=404.1),
    # With forms there it is more than one change: tests/crash/test_encryption.py.
    f"POST {_PROJECT}/key": Happy(f"{PROJECT}/key", nothing, _PASSPHRASE, again=409.4),
    f"GET {_PROJECT}/app-users": Happy(f"{PROJECT}/app-users", an_app_user),
    # Two app users may bear one name, and two links.
    f"POST {_PROJECT}/app-users": Happy(f"{PROJECT}/app-users", nothing, _TABLET, again=DONE),
    f"DELETE {_PROJECT}/app-users/{{appUserId}}": Happy(_app_user, an_app_user, again=404.1),
    f"GET {_PROJECT}/forms": Happy(f"{PROJECT}/forms", a_form),
    f"POST {_PROJECT}/forms": Happy(f"{PROJECT}/forms?publish=true", nothing, xform(), again=409.3),
    f"GET {_FORM}": Happy(FORM, a_form),
    f"PATCH {_FORM}": Happy(FORM, a_form, {"state": "closing"}, again=DONE),
    f"DELETE {_FORM}": Happy(FORM, a_form, again=404.1),
    f"GET {_KEYED}": Happy(keyed(FORM), an_app_user, by=None),
    f"GET {_FORM}/fields": Happy(f"{FORM}/fields", a_form),
    f"POST {_FORM}/restore": Happy(
        lambda cast: f"{PROJECT}/forms/{_number(cast)}/restore", a_deleted_form, again=404.1
    ),
    f"GET {_FORM}/versions": Happy(f"{FORM}/versions", two_versions),
    f"GET {_FORM}/versions/{{version}}": Happy(f"{FORM}/versions/1", two_versions),
    f"GET {_FORM}/versions/{{version}}/fields": Happy(f"{FORM}/versions/1/fields", two_versions),
    f"GET {_FORM}/draft": Happy(f"{FORM}/draft", a_new_draft),
    # Twice the same draft is two drafts, one after the other.
    f"POST {_FORM}/draft": Happy(
        f"{FORM}/draft", a_new_draft, xform(version="3"), _XML, again=DONE
    ),
    f"DELETE {_FORM}/draft": Happy(f"{FORM}/draft", a_new_draft, again=404.1),
    f"GET {_FORM}/draft.xml": Happy(f"{FORM}/draft.xml", a_new_draft),
    f"GET {_FORM}/draft.xlsx": Happy(f"{PROJECT}/forms/sheet/draft.xlsx", a_sheet),
    f"GET {_FORM}/draft.xls": Happy(f"{PROJECT}/forms/sheet/draft.xls", an_old_sheet),
    f"GET {_FORM}/draft/fields": Happy(f"{FORM}/draft/fields", a_new_draft),
    f"POST {_FORM}/draft/publish": Happy(
        f"{FORM}/draft/publish?version=3", a_new_draft, again=404.1
    ),
    f"GET {_TESTED}.xml": Happy(lambda cast: f"{draft_place(cast, _TEST)}.xml", a_draft, by=None),
    f"GET {_FORM}/submissions/keys": Happy(f"{SUBMISSIONS}/keys", an_encrypted_submission),
    f"GET {_FORM}/submissions/submitters": Happy(f"{SUBMISSIONS}/submitters", a_submission),
    f"GET {_FORM}/public-links": Happy(f"{FORM}/public-links", a_link),
    f"POST {_FORM}/public-links": Happy(f"{FORM}/public-links", a_form, _TABLET, again=DONE),
    f"DELETE {_FORM}/public-links/{{linkId}}": Happy(_link, a_link, again=404.1),
    f"GET {_FORM}/submissions": Happy(f"{SUBMISSIONS}?limit=50", a_submission),
    f"GET {_FORM}/submissions.geojson": Happy(f"{SUBMISSIONS}.geojson", a_submission),
    f"POST {_FORM}/submissions": Happy(SUBMISSIONS, a_form, xml("uuid:1"), again=409.3),
    f"GET {_KEYED}/submissions": Happy(keyed(SUBMISSIONS), a_reading_app_user, by=None),
    f"POST {_KEYED}/submissions": Happy(
        keyed(SUBMISSIONS), an_app_user, xml("uuid:1"), by=None, again=409.3
    ),
    f"GET {_SUBMISSION}": Happy(SUBMISSION, a_submission),
    f"PUT {_SUBMISSION}": Happy(SUBMISSION, a_submission, _EDITED, again=409.9),
    f"PATCH {_SUBMISSION}": Happy(
        SUBMISSION, a_submission, {"reviewState": "approved"}, again=DONE
    ),
    f"DELETE {_SUBMISSION}": Happy(SUBMISSION, a_submission, again=404.1),
    f"GET {_KEYED}/submissions/{{instanceId}}": Happy(
        keyed(SUBMISSION), a_reading_app_user, by=None
    ),
    f"PUT {_KEYED}/submissions/{{instanceId}}": Happy(
        keyed(SUBMISSION), an_app_users_submission, _EDITED, by=None, again=409.9
    ),
    f"GET {_SUBMISSION}/edit": Happy(f"{SUBMISSION}/edit", a_submission, done=302),
    f"POST {_SUBMISSION}/restore": Happy(
        f"{SUBMISSION}/restore", a_deleted_submission, again=404.1
    ),
    f"GET {_SUBMISSION}/deliveries": Happy(f"{SUBMISSION}/deliveries", a_delivery),
    f"GET {_SUBMISSION}/attachments": Happy(f"{SUBMISSION}/attachments", a_photo),
    f"GET {_KEYED}/submissions/{{instanceId}}/attachments": Happy(
        keyed(f"{SUBMISSION}/attachments"), a_reading_app_user, by=None
    ),
    f"GET {_FILE}": Happy(PHOTO, a_photo),
    f"POST {_FILE}": Happy(PHOTO, a_submission, JPEG, _JPEG, again=DONE),
    f"DELETE {_FILE}": Happy(PHOTO, a_photo, again=DONE),
    # Two links are two places to send to.
    f"POST {_FILE}/uploads": Happy(f"{PHOTO}/uploads", a_submission, {}, again=DONE),
    f"GET {_KEYED}/submissions/{{instanceId}}/attachments/{{filename}}": Happy(
        keyed(PHOTO), a_reading_app_user, by=None
    ),
    f"POST {_KEYED}/submissions/{{instanceId}}/attachments/{{filename}}": Happy(
        keyed(PHOTO), an_app_users_submission, JPEG, _JPEG, by=None, again=DONE
    ),
    f"POST {_KEYED}/submissions/{{instanceId}}/attachments/{{filename}}/uploads": Happy(
        keyed(f"{PHOTO}/uploads"), an_app_users_submission, {}, by=None, again=DONE
    ),
    f"GET {_SUBMISSION}/comments": Happy(f"{SUBMISSION}/comments", a_comment),
    # Twice the same words are two comments.
    f"POST {_SUBMISSION}/comments": Happy(
        f"{SUBMISSION}/comments", a_submission, _COMMENT, again=DONE
    ),
    **_history(_SUBMISSION, lambda path, **more: Happy(f"{SUBMISSION}{path}", an_edit, **more)),
    **_draft_submissions(""),
    **_draft_submissions("/test/{token}"),
    **_openrosa(),
    **_form_lists(),
    **_exports(_FORM, lambda _: FORM, (a_photo, an_export)),
    **_exports(f"{_FORM}/draft", lambda cast: draft_place(cast, ""), _OF_A_DRAFT),
    **_exports(
        f"/v1/test/{{token}}{_FORM.removeprefix('/v1')}/draft",
        lambda cast: draft_place(cast, "/test/{token}"),
        _OF_A_DRAFT,
        by=None,
    ),
    **_feeds(),
    **_hooks("/projects/{projectId}/forms/{xmlFormId}"),
    **_hooks("/projects/{projectId}"),
    f"GET /v1/hooks/{{token}}{_FILE.removeprefix('/v1')}": Happy(
        _file_link, a_photo_and_a_hook, by=None
    ),
    **_kobo(),
    "$default": Happy("/v1/projects/", nothing, by=None, done=308),
}
