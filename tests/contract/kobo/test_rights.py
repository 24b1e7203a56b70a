"""Who may use KoBoToolbox's routes: every call, by everybody who might try.

The table is read as that of tests/contract/test_matrix.py, beside KoBoToolbox's rule that whoever
may not see something is told that it is not there: 404, never 403.
"""

from __future__ import annotations

from base64 import b64encode

import pytest

from sheaf import clock
from sheaf.kobo import assets
from tests.api import Answer, event_for, routes
from tests.cast import PASSWORD, Cast, xml
from tests.contract.kobo.conftest import APPROVED, NOT_FOUND, told
from tests.contract.test_matrix import READING
from tests.happy import a_delivery
from tests.stage import Stage
from tests.wire import Wire

# The columns: administrator; manager by KoBoToolbox's `Token`, by `Bearer` and by Basic; viewer and
# data collector; the manager of another project; an app user and a link that are assigned to the
# form; a user without a role; who shows no credentials; and who shows a wrong token or password.
ACTORS = (
    "alice", "bob", "bearer", "basic", "vera", "colin", "other", "app_user", "link", "chelsea",
    "nobody", "wrong_token", "wrong_password",
)  # fmt: skip

# Statuses; `-` is 404. `{hook}` and `{log}` are a service and a failed log of it; `{id}` and
# `{file}` a submission and a file of it. To send one again takes a receiver, which is absent: 400.
MATRIX = """
                                         adm tok bea bas vwr col oth app lnk non any wrt wrp
    GET    /                             200 200 200 200 200  -   -   -   -   -   -  401 401
    GET    /deployment/                  200 200 200 200 200  -   -   -   -   -   -  401 401
    GET    /hooks/                       200 200 200 200  -   -   -   -   -   -   -  401 401
    POST   /hooks/                       201 201 201 201  -   -   -   -   -   -   -  401 401
    GET    /hooks/{hook}/                200 200 200 200  -   -   -   -   -   -   -  401 401
    PATCH  /hooks/{hook}/                200 200 200 200  -   -   -   -   -   -   -  401 401
    DELETE /hooks/{hook}/                204 204 204 204  -   -   -   -   -   -   -  401 401
    PATCH  /hooks/{hook}/retry/          200 200 200 200  -   -   -   -   -   -   -  401 401
    GET    /hooks/{hook}/logs/           200 200 200 200  -   -   -   -   -   -   -  401 401
    GET    /hooks/{hook}/logs/{log}/     200 200 200 200  -   -   -   -   -   -   -  401 401
    PATCH  /hooks/{hook}/logs/{log}/retry/ 400 400 400 400 -  -   -   -   -   -   -  401 401
    GET    /data/                        200 200 200 200 200  -   -   -   -   -   -  401 401
    GET    /data/{id}/                   200 200 200 200 200  -   -   -   -   -   -  401 401
    GET    /data/{id}/attachments/{file}/ 200 200 200 200 200 -   -   -   -   -   -  401 401
    DELETE /data/{id}/                   204 204 204 204  -   -   -   -   -   -   -  401 401
    GET    /data/{id}/validation_status/ 200 200 200 200 200  -   -   -   -   -   -  401 401
    PATCH  /data/{id}/validation_status/ 200 200 200 200  -   -   -   -   -   -   -  401 401
    DELETE /data/{id}/validation_status/ 204 204 204 204  -   -   -   -   -   -   -  401 401
    PATCH  /data/validation_statuses/    200 200 200 200  -   -   -   -   -   -   -  401 401
    DELETE /data/validation_statuses/    200 200 200 200  -   -   -   -   -   -   -  401 401
"""
ALL = {"payload": {"confirm": True, **APPROVED}}
BODIES = {
    ("POST", "/hooks/"): {"name": "new", "endpoint": "https://hooks.example.org/in"},
    ("PATCH", "/hooks/{hook}/"): {"active": False},
    ("PATCH", "/data/{id}/validation_status/"): APPROVED,
    ("PATCH", "/data/validation_statuses/"): ALL,
    ("DELETE", "/data/validation_statuses/"): ALL,
}
INVALID = (401, {"detail": "Invalid token."})


def rows():
    header, *lines = MATRIX.strip().splitlines()
    assert len(header.split()) == len(ACTORS)
    for line in lines:
        method, path, *cells = line.split()
        statuses = [404 if cell == "-" else int(cell) for cell in cells]
        yield method, path, dict(zip(ACTORS, statuses, strict=True))


def everything(cast: Cast) -> None:
    """A service with a failed log of a submission, and everybody who might try something."""
    a_delivery(cast)
    photo = xml("uuid:2", photo="p.jpg")
    assert cast.alice.post(cast.SUBMISSIONS, photo).status == 200
    assert cast.alice.post(f"{cast.SUBMISSIONS}/uuid:2/attachments/p.jpg", b"\xff").status == 200
    for name in ("alice", "bob", "vera", "colin", "app_user", "link", "chelsea"):
        cast.token(name)
    project = cast.alice.post("/v1/projects", {"name": "Other"}).json["id"]
    cast.other = cast._person("other", None)
    path = f"/v1/projects/{project}/assignments/manager/{cast.users['other']['id']}"
    assert cast.alice.post(path).json == {"success": True}


def headers_of(cast: Cast, actor: str) -> dict[str, str]:
    if actor == "nobody":
        return {}
    if actor in ("basic", "wrong_password"):
        password = PASSWORD if actor == "basic" else "wrong"
        return {
            "authorization": "Basic " + b64encode(f"bob@example.org:{password}".encode()).decode()
        }
    if actor == "bearer":
        return {"authorization": f"Bearer {cast.token('bob')}"}
    return {"authorization": f"Token {'x' * 64 if actor == 'wrong_token' else cast.token(actor)}"}


class Trial:
    """The scene, in which each actor tries the same from the same state."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.cast = stage, stage.set(everything)
        self.state, self.files = stage.table(), stage.files()
        self.asset = f"/api/v2/assets/{assets.named(1, 'simple')}"
        kobo = self.cast.api.acting(headers_of(self.cast, "bob"))
        [hook] = kobo.get(f"{self.asset}/hooks/").json["results"]
        [log] = kobo.get(f"{self.asset}/hooks/{hook['uid']}/logs/").json["results"]
        [*_, newest] = kobo.get(f"{self.asset}/data/").json["results"]
        self.names = {
            "hook": hook["uid"],
            "log": log["uid"],
            "id": newest["_id"],
            "file": newest["_attachments"][0]["uid"],
        }

    def ask(self, actor: str, method: str, path: str) -> Answer:
        """Send a request as an actor; what is refused must not even try to change anything."""
        place = f"{self.asset}{path.format(**self.names)}"
        with Wire() as wire:
            who = self.cast.api.acting(headers_of(self.cast, actor))
            answer = who.request(method, place, BODIES.get((method, path)))
        if set(wire.names) - READING:
            assert answer.status not in (401, 404), (method, path, actor)
            self.stage.restore(self.state, self.files)
        return answer


@pytest.fixture
def trial(aws, monkeypatch) -> Trial:
    passing, real = [0], clock.micros
    monkeypatch.setattr(clock, "micros", lambda: real() + passing[0])

    def wait(seconds: float) -> None:
        passing[0] += int(seconds * 1_000_000)

    monkeypatch.setattr(clock, "wait", wait)
    return Trial(Stage(aws, monkeypatch))


def test_every_route_is_in_a_row():
    names = dict.fromkeys(("hook", "log", "id", "file"), "x")
    places = [(method, f"/api/v2/assets/a{path.format(**names)}") for method, path, _ in rows()]
    tried = {event_for(method, place, {}, b"")[0]["routeKey"] for method, place in places}
    there = {f"{method} {path}" for method, path, _ in routes() if path.startswith("/api/v2/")}
    # Of the list of forms see below.
    assert there - tried <= {"GET /api/v2/{proxy+}"}
    assert tried <= there


def test_each_may_do_what_the_table_says(trial):
    for method, path, cells in rows():
        for actor, status in cells.items():
            answer = trial.ask(actor, method, path)
            assert answer.status == status, (method, path, actor, answer.text)
            if status in (401, 404):
                assert told(answer) == (INVALID if status == 401 else NOT_FOUND)


def test_what_is_not_there_is_told_as_what_one_may_not_see(trial):
    """To everybody who has shown no wrong credentials, whether it is the form, service or log."""
    for method, path, _ in rows():
        for actor in ("alice", "vera", "nobody"):
            nowhere = trial.asset.replace(assets.named(1, "simple"), assets.named(1, "none"))
            answer = trial.cast.api.acting(headers_of(trial.cast, actor)).request(
                method, nowhere + path.format(**trial.names), BODIES.get((method, path))
            )
            assert told(answer) == NOT_FOUND, (method, path, actor)
    real, trial.names = (
        trial.names,
        {"hook": "whk_none", "log": "dlv_none", "id": "99", "file": "1"},
    )
    for method, path, _ in rows():
        if "{" in path:
            assert told(trial.ask("alice", method, path)) == NOT_FOUND, (method, path)
    trial.names = real | {"log": "dlv_none", "file": "1"}
    for method, path, _ in rows():
        if "{log}" in path or "{file}" in path:
            assert told(trial.ask("alice", method, path)) == NOT_FOUND, (method, path)


def test_forms_are_listed_to_those_who_may_see_what_was_submitted(trial):
    for actor in ACTORS:
        answer = trial.cast.api.acting(headers_of(trial.cast, actor)).get("/api/v2/assets/")
        if actor.startswith("wrong"):
            assert told(answer) == INVALID
        elif actor == "nobody":
            assert told(answer) == NOT_FOUND
        else:
            listed = [asset["uid"] for asset in answer.json["results"]]
            may = actor in ("alice", "bob", "bearer", "basic", "vera")
            assert listed == [assets.named(1, "simple")] * may, actor


def test_kobotoolboxs_word_for_a_token_is_for_its_routes_alone(trial):
    token = trial.cast.api.acting(headers_of(trial.cast, "bob"))
    assert token.get("/v1/users/current").status == 401
