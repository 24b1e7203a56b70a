"""What n8n's KoBoToolbox nodes and OpenFn's adaptor send, in order, and what they read of answers.

Written after n8n-io/n8n (nodes-base, KoBoToolbox) and OpenFn/adaptors (kobotoolbox). Both follow
redirects with their credentials on the same host. Make's app is not public.
"""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from sheaf.hooks import redelivery
from tests.api import Answer, InProcess
from tests.cast import PASSWORD, Cast
from tests.contract.kobo.conftest import APPROVED, FINAL, ORIGIN, tell
from tests.unit.sheaf.hooks.conftest import Scene


def requested(api: InProcess, method: str, url: str, body=None, **headers: str) -> Answer:
    """Send a request and follow redirects, as HTTP clients do, a POST as what it is (308)."""
    for _ in range(3):
        path = url.removeprefix(ORIGIN)
        answer = api.request(method, path, body, headers)
        if answer.status not in (301, 303, 307, 308):
            return answer
        assert answer.status == 308, "and nothing that would make a GET of a POST"
        url = answer.headers["location"]
        assert url.startswith("/api/"), "on the same host"
    raise AssertionError(url)


# --- n8n ----------------------------------------------------------------------------------------


class N8n:
    """Its requests: JSON, a token, and lists page by page along `next` with `limit` said anew."""

    def __init__(self, api: InProcess, root: str) -> None:
        self.api, self.root = api, root

    def request(self, method: str, path: str, body=None, **query: str) -> Answer:
        url = path if path.startswith("https:") else f"{self.root}{path}"
        if query:
            url += f"{'&' if '?' in url else '?'}{urlencode(query)}"
        accepted = {"authorization": "Token Bob", "accept": "application/json"}
        return requested(self.api, method, url, body, **accepted)

    def all(self, path: str, **query: str) -> list[dict]:
        found, url, query = [], path, {**query, "limit": "3000"}
        while url:
            page = self.request("GET", url, **query)
            assert page.status == 200, page.text
            found += page.json["results"]
            url = page.json["next"]
        return found


@pytest.fixture(params=["", "/"], ids=["plain", "with the slash that it proposes"])
def n8n(scene: Scene, api: InProcess, request) -> N8n:
    return N8n(api, f"{ORIGIN}{request.param}")


def form_of(n8n: N8n) -> str:
    """What it does to let one choose a form: names and uids of all."""
    listed = n8n.all("/api/v2/assets/", q="asset_type:survey", ordering="name")
    [form] = [each["uid"] for each in listed if each["name"] == "Simple"]
    return form


def test_n8n_tries_its_credentials(n8n):
    assert n8n.request("GET", "/api/v2/assets/").status == 200
    wrong = requested(n8n.api, "GET", "/api/v2/assets/", authorization="Token nobody's")
    assert wrong.status == 401


def test_n8n_turns_its_trigger_on_and_off(scene, n8n, way, receiver):
    """Look for the hook, make it, be told, find it again, and delete it."""
    webhook = f"{receiver.url}/webhook/4f1c"
    hooks = f"/api/v2/assets/{form_of(n8n)}/hooks/"

    def known():
        listed = n8n.request("GET", hooks).json["results"]
        return [each["uid"] for each in listed if each["endpoint"] == webhook and each["active"]]

    assert known() == []
    made = n8n.request(
        "POST",
        hooks,
        {"name": "n8n webhook id 7: My flow", "endpoint": webhook, "email_notification": True},
    )
    assert (made.status, known()) == (201, [made.json["uid"]])
    scene.submit("uuid:one", name="Ada", age="7")
    tell(way)
    [record] = [request.json() for request in receiver.requests]
    assert (record["name"], record["age"], record["_uuid"]) == ("Ada", "7", "one")
    assert n8n.request("DELETE", f"{hooks}{made.json['uid']}").status == 204
    assert known() == []


def test_n8n_fetches_what_its_trigger_was_told_of(scene, n8n, way, receiver, monkeypatch):
    """By each link, from the host that it knows, with its token, whether that is needed or not."""
    from sheaf import settings

    monkeypatch.setattr(settings, "ORIGIN", ORIGIN)
    hooks = f"/api/v2/assets/{form_of(n8n)}/hooks/"
    body = {"name": "n8n", "endpoint": f"{receiver.url}/in", "events": ["submission.create"]}
    body["events"] = ["submission.attachments.complete"]
    assert n8n.request("POST", hooks, body).status == 201
    scene.submit("uuid:one", photo="p_1.jpg")
    scene.bob.post(f"{scene.SUBMISSIONS}/uuid:one/attachments/p_1.jpg", b"\xff\xd8")
    tell(way)
    [record] = [request.json() for request in receiver.requests]
    [file] = record["_attachments"]
    assert file["filename"] == record["photo"] == "p_1.jpg"
    for size in ("download_url", "download_large_url", "download_medium_url", "download_small_url"):
        assert urlsplit(file[size]).hostname == urlsplit(ORIGIN).hostname
        assert n8n.request("GET", file[size]).body == b"\xff\xd8"


def test_n8n_works_with_forms(n8n):
    form = form_of(n8n)
    listed = n8n.request("GET", "/api/v2/assets/", limit="50", ordering="-date_modified")
    assert n8n.request("GET", f"/api/v2/assets/{form}").json == listed.json["results"][0]


def test_n8n_works_with_submissions(scene, n8n):
    """Get many, get one, its validation status, and delete it; with files, if it is told to."""
    for number in range(3):
        scene.submit(f"uuid:{number}", name=f"n{number}", photo="p.jpg" if number == 2 else "")
    scene.bob.post(f"{scene.SUBMISSIONS}/uuid:2/attachments/p.jpg", b"\xff\xd8")
    data = f"/api/v2/assets/{form_of(n8n)}/data/"
    assert [each["name"] for each in n8n.all(data)] == ["n0", "n1", "n2"]
    query, sort = json.dumps({"name": {"$in": ["n1", "n2"]}}), json.dumps({"_id": -1})
    some = n8n.request("GET", data, limit="1000", query=query, sort=sort, fields='["name"]')
    assert [each["name"] for each in some.json["results"]] == ["n2", "n1"]
    last = some.json["results"][0]["_id"]
    one = n8n.request("GET", f"{data}{last}").json
    for number, file in enumerate(one["_attachments"]):
        assert (number, n8n.request("GET", file["download_url"]).body) == (0, b"\xff\xd8")
    assert n8n.request("GET", f"{data}{last}/validation_status/").json == {}
    answer = n8n.request("PATCH", f"{data}{last}/validation_status/", APPROVED)
    assert answer.json["label"] == "Approved"
    assert n8n.request("GET", f"{data}{last}/validation_status/").json == answer.json
    assert n8n.request("DELETE", f"{data}{last}").status == 204
    assert [each["name"] for each in n8n.all(data)] == ["n0", "n1"]


def test_n8n_pages_through_all(scene, n8n, monkeypatch):
    """It adds its own `limit` to the link to the next page, which has one already."""
    from sheaf.kobo import paging

    monkeypatch.setattr(paging, "LARGEST", 2)
    for number in range(5):
        scene.submit(f"uuid:{number}", name=f"n{number}")
    data = f"/api/v2/assets/{form_of(n8n)}/data/"
    assert [each["name"] for each in n8n.all(data)] == [f"n{number}" for number in range(5)]


@pytest.mark.usefixtures("patient")
def test_n8n_works_with_hooks_and_their_logs(scene, n8n, way, receiver, kobo):
    form = form_of(n8n)
    hooks = f"/api/v2/assets/{form}/hooks/"
    hook = n8n.request("POST", hooks, {"name": "x", "endpoint": f"{receiver.url}/in"}).json
    one = f"{hooks}{hook['uid']}"
    assert [each["uid"] for each in n8n.all(hooks)] == [hook["uid"]]
    assert n8n.request("GET", one).json["uid"] == hook["uid"]
    assert n8n.request("PATCH", f"{one}/retry/").status == 304
    receiver.script("/in", [400, 400], headers=FINAL)
    scene.submit("uuid:one")
    scene.submit("uuid:two")
    tell(way)
    logs = n8n.request("GET", f"{one}/logs/", start="2020-01-01", end="2099-01-01", status="0")
    first, second = logs.json["results"]
    assert n8n.request("PATCH", f"{one}/logs/{first['uid']}/retry/").json["status_code"] == 200
    answer = n8n.request("PATCH", f"{one}/retry/").json
    assert answer["pending_uids"] == [second["uid"]]
    [job] = way.events("hook.job")
    redelivery.run(job["hookId"], job["jobId"])
    tell(way)
    assert [log["status"] for log in kobo.logs(hook)] == [2, 2]


# --- OpenFn -------------------------------------------------------------------------------------


class OpenFn:
    """Its requests: Basic, `format=json`, a body of `{}` even with GET, and slashes in excess."""

    def __init__(self, api: InProcess) -> None:
        self.api = api
        pair = b64encode(f"bob@example.org:{PASSWORD}".encode()).decode()
        self.headers = {"authorization": f"Basic {pair}"}

    def request(self, method: str, path: str, body=None, **query) -> Answer:
        given = urlencode({"format": "json", **query})
        url = f"/api/v2/{path}/?{given}"
        return requested(self.api, method, url, body or {}, **self.headers)

    def pages(self, path: str, *, start=None, limit=None, size=10_000, **query) -> list[dict]:
        """Fetch pages as `requestWithPagination` does: along the `start` of `next`."""
        found, most = [], limit or 30_000
        while True:
            asked = query | {"limit": min(size, most - len(found))}
            page = self.request(
                "GET", path, **(asked if start is None else asked | {"start": start})
            )
            assert page.status == 200, page.text
            found += page.json["results"]
            following = page.json["next"]
            if not following or len(found) >= most:
                return found
            [start] = parse_qs(urlsplit(following).query)["start"]


@pytest.fixture
def openfn(cast: Cast) -> OpenFn:
    cast.form()
    _ = cast.bob
    return OpenFn(cast.api)


def test_openfn_gets_forms_submissions_and_their_deployment(cast, openfn):
    forms = openfn.request("GET", "assets", asset_type="survey").json
    [form] = forms["results"]
    assert (form["name"], form["asset_type"], forms["count"]) == ("Simple", "survey", 1)
    deployed = openfn.request("GET", f"/assets/{form['uid']}/deployment/").json
    assert deployed["asset"] == form
    for number in range(7):
        assert cast.submit(f"uuid:{number}", name=f"n{number}").status == 200
    data = f"/assets/{form['uid']}/data/"
    names = [f"n{number}" for number in range(7)]
    assert [each["name"] for each in openfn.pages(data)] == names
    assert [each["name"] for each in openfn.pages(data, size=3)] == names
    assert [each["name"] for each in openfn.pages(data, start=2, limit=4, size=2)] == names[2:6]
    newest = openfn.pages(data, sort='{"_submission_time": -1}', limit=1)
    assert [each["name"] for each in newest] == ["n6"]
    cursor = newest[0]["_submission_time"]
    query = json.dumps({"_submission_time": {"$gte": cursor}})
    assert "n6" in [each["name"] for each in openfn.pages(data, query=query)]
    query = json.dumps({"_submission_time": {"$gt": cursor}})
    assert openfn.pages(data, query=query) == []


def test_openfn_makes_and_deletes_a_service(cast, openfn):
    [form] = openfn.request("GET", "assets").json["results"]
    body = {"name": "OpenFn", "endpoint": "https://hooks.example.org/in", "subset_fields": ["name"]}
    made = openfn.request("POST", f"/assets/{form['uid']}/hooks", body)
    assert made.status == 201, made.text
    one = f"assets/{form['uid']}/hooks/{made.json['uid']}"
    changed = openfn.request("PATCH", one, {"active": False})
    assert changed.json["active"] is False
    assert openfn.request("DELETE", one).status == 204
    assert openfn.request("GET", f"assets/{form['uid']}/hooks").json["count"] == 0


# --- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("//api/v2/assets/", "/api/v2/assets/"),
        ("/api//v2/assets/?limit=5&x=%2F", "/api/v2/assets/?limit=5&x=%2F"),
        ("/api/v2//assets/aMS9/data//?format=json", "/api/v2/assets/aMS9/data/?format=json"),
        ("//api/v2//evil.example/x", "/api/v2/evil.example/x"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_slashes_in_excess_lead_to_the_address_without_them(api, method, path, location):
    answer = api.request(method, path, {} if method == "POST" else None)
    assert (answer.status, answer.headers["location"]) == (308, location)


def test_other_addresses_are_left_as_they_are(api):
    assert api.get("//v1/projects").status == 404
    assert api.get("//evil.example/api/v2/").status == 404


# --- a token that lasts -------------------------------------------------------------------------


def test_an_app_user_with_a_role_is_an_account_for_a_client(cast):
    """A session ends after a day; an app user's token when it is revoked."""
    cast.form()
    _ = cast.app_user
    assert cast.submit("uuid:1", name="Ada").status == 200
    number = cast.users["app_user"]["id"]
    client = cast.api.acting({"authorization": f"Token {cast.token('app_user')}"})
    assert client.get("/api/v2/assets/").json["count"] == 0
    assert cast.alice.post(f"/v1/projects/1/assignments/viewer/{number}").status == 200
    [form] = client.get("/api/v2/assets/").json["results"]
    asset = f"/api/v2/assets/{form['uid']}"
    assert [each["name"] for each in client.get(f"{asset}/data/").json["results"]] == ["Ada"]
    body = {"name": "n8n", "endpoint": "https://hooks.example.org/in"}
    assert client.post(f"{asset}/hooks/", body).status == 404
    assert cast.alice.post(f"/v1/projects/1/assignments/manager/{number}").status == 200
    hook = client.post(f"{asset}/hooks/", body)
    assert hook.status == 201
    assert client.delete(f"{asset}/hooks/{hook.json['uid']}/").status == 204
    # Of other projects it sees nothing, and once it is revoked nothing at all.
    cast.alice.post("/v1/projects", {"name": "Other"})
    assert client.get("/api/v2/assets/").json["count"] == 1
    assert cast.alice.delete(f"/v1/sessions/{cast.token('app_user')}").status == 200
    assert client.get("/api/v2/assets/").status == 401
