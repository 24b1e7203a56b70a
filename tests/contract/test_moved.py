"""301: a later version's id leads to that version (Central: `/submissions/{instanceId}`)."""

from __future__ import annotations

import pytest

from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.cast import Cast, xml

PATH = Cast.SUBMISSIONS
JPEG = b"\xff\xd8\xff one"
READ = ["", ".xml", "/attachments", "/attachments/a.jpg"]


@pytest.fixture(autouse=True)
def edited(cast):
    cast.form()
    assert cast.submit("one", photo="a.jpg").status == 200
    new = xml("two", photo="a.jpg", deprecated="one")
    assert cast.bob.put(f"{PATH}/one", new).status == 200
    cast.bob.post(f"{PATH}/one/attachments/a.jpg", JPEG)


@pytest.mark.parametrize("path", READ)
def test_a_later_version_s_id_leads_to_that_version(cast, path):
    answer = cast.vera.get(f"{PATH}/two{path}")
    location = f"{PATH}/one/versions/two{path}"
    assert answer.status == 301
    assert answer.headers["location"] == location
    assert answer.text == f"Moved Permanently. Redirecting to {location}"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"] == "Accept-Encoding, Origin, Accept"
    assert cast.vera.get(location).status == 200


def test_browsers_are_told_in_html(cast):
    answer = cast.vera.get(f"{PATH}/two", headers={"accept": "text/html"})
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text == f"<p>Moved Permanently. Redirecting to {PATH}/one/versions/two</p>"


def test_head_is_sent_there_too(cast):
    answer = cast.vera.head(f"{PATH}/two")
    assert (answer.status, answer.headers["location"]) == (301, f"{PATH}/one/versions/two")
    assert answer.body == b""


@pytest.mark.parametrize("path", READ)
def test_the_query_is_kept(cast, path):
    answer = cast.vera.get(f"{PATH}/two{path}?a=b%20c&d=%2F")
    assert answer.headers["location"] == f"{PATH}/one/versions/two{path}?a=b%20c&d=%2F"


def test_ids_are_encoded(cast):
    root, later = "uuid:a/b ü", "uuid:c#d?%(e)"
    assert cast.submit(root).status == 200
    named = "uuid%3Aa%2Fb%20%C3%BC", "uuid%3Ac%23d%3F%25(e)"
    assert cast.bob.put(f"{PATH}/{named[0]}", xml(later, deprecated=root)).status == 200
    answer = cast.vera.get(f"{PATH}/{named[1]}.xml")
    assert answer.headers["location"] == f"{PATH}/{named[0]}/versions/{named[1]}.xml"
    assert cast.vera.get(answer.headers["location"]).body == xml(later, deprecated=root)


@pytest.mark.parametrize("path", READ)
def test_an_app_user_s_path_keeps_its_token(cast, api, path):
    made = cast.bob.post("/v1/projects/1/app-users", {"displayName": "phone"}).json
    role = f"/v1/projects/1/assignments/viewer/{made['id']}"
    assert cast.alice.post(role).status == 200
    place = f"/v1/key/{made['token']}{PATH.removeprefix('/v1')}"
    answer = api.get(f"{place.replace('$', '%24')}/two{path}?x=1")
    assert answer.status == 301
    assert answer.headers["location"] == f"{place}/one/versions/two{path}?x=1"


@pytest.mark.parametrize("path", READ)
def test_the_first_id_stays_where_it_is(cast, path):
    assert cast.vera.get(f"{PATH}/one{path}").status == 200


@pytest.mark.parametrize("path", READ)
def test_rights_come_first(cast, api, path):
    for who, status, body in (
        (api, 401, ANONYMOUS), (cast.chelsea, 403, FORBIDDEN), (cast.colin, 403, FORBIDDEN),
    ):  # fmt: skip
        answer = who.get(f"{PATH}/two{path}")
        assert (answer.status, answer.json) == (status, body)
        assert "location" not in answer.headers


@pytest.mark.parametrize("path", READ)
def test_an_unknown_id_leads_nowhere(cast, path):
    assert cast.vera.get(f"{PATH}/three{path}").json == NOT_FOUND
    cast.form("other")
    assert cast.vera.get(f"{PATH.replace('simple', 'other')}/two{path}").json == NOT_FOUND


@pytest.mark.parametrize("path", READ)
def test_nothing_leads_to_a_deleted_submission(cast, path):
    cast.bob.delete(f"{PATH}/one")
    assert cast.vera.get(f"{PATH}/two{path}").json == NOT_FOUND


@pytest.mark.parametrize("path", ["/versions", "/diffs", "/versions/two", "/audits", "/comments"])
def test_all_else_is_not_found(cast, path):
    answer = cast.bob.get(f"{PATH}/two{path}")
    assert (answer.status, answer.json) == (404, NOT_FOUND)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/restore"), ("POST", "/comments"),
        ("POST", "/attachments/a.jpg"), ("DELETE", "/attachments/a.jpg"),
    ],
)  # fmt: skip
def test_writing_by_a_later_id_is_not_found(cast, method, path):
    body = xml("three", deprecated="two") if method == "PUT" else {"body": "hm"}
    answer = cast.bob.request(method, f"{PATH}/two{path}", body)
    assert (answer.status, answer.json) == (404, NOT_FOUND)


@pytest.mark.parametrize("path", READ)
def test_a_draft_s_version_is_below_the_draft(cast, path):
    made = cast.draft("tried")
    base = "projects/1/forms/tried/draft/submissions"
    plain, tested = f"/v1/{base}", f"/v1/test/{made['draftToken'].replace('$', '%24')}/{base}"
    cast.bob.post(plain, xml("one", form="tried", photo="a.jpg"))
    new = xml("two", form="tried", photo="a.jpg", deprecated="one")
    assert cast.bob.put(f"{plain}/one", new).status == 200
    cast.bob.post(f"{plain}/one/attachments/a.jpg", JPEG)
    for who, place in ((cast.vera, plain), (cast.api, tested)):
        answer = who.get(f"{place}/two{path}")
        there = f"{place.replace('%24', '$')}/one/versions/two{path}"
        assert (answer.status, answer.headers["location"]) == (301, there)
        assert who.get(there).status == 200
        assert who.get(f"{place}/three{path}").json == NOT_FOUND
    # Nothing of a draft is found, or moved to, among what was sent to the published form.
    assert cast.bob.get(f"{PATH}/two".replace("simple", "tried")).json == NOT_FOUND
