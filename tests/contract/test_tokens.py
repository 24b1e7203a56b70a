"""Tokens at work: app users and links on `/v1/key/{token}/…` and with `?st=` (Central: `/key`)."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest

from tests.answers import ANONYMOUS, DONE, FORBIDDEN, NOT_FOUND
from tests.cast import FORM, stored, xform, xml

PROJECT = "/projects/1"
FORMS = f"{PROJECT}/forms"
SIMPLE = f"{FORMS}/{FORM}"
SUBMISSIONS = f"{SIMPLE}/submissions"
ONE = f"{SUBMISSIONS}/uuid:1"
PHOTO = f"{ONE}/attachments/p.jpg"
JPEG = b"\xff\xd8\xff one"
UNKNOWN = "a" * 64
HOLDERS = ("app_user", "link")
READS = (SUBMISSIONS, ONE, f"{ONE}.xml", f"{ONE}/attachments", PHOTO)


def in_path(token, path):
    return f"/v1/key/{quote(token, safe='')}{path}"


def in_query(token, path):
    return f"/v1{path}?st={quote(token, safe='')}"


WAYS = (in_path, in_query)
every_way = pytest.mark.parametrize("way", WAYS)


@pytest.fixture(autouse=True)
def _form(cast):
    cast.form()


@every_way
@pytest.mark.parametrize("name", HOLDERS)
def test_a_token_fetches_the_form_and_sends_a_submission_with_its_files(cast, way, name):
    token, nobody = cast.token(name), cast.api
    told = nobody.get(way(token, SIMPLE))
    assert (told.status, told.json) == (200, cast.alice.get(f"/v1{SIMPLE}").json)
    definition = nobody.get(way(token, f"{SIMPLE}.xml"))
    assert (definition.status, definition.body) == (200, xform())
    sent = nobody.post(way(token, SUBMISSIONS), xml("uuid:1", photo="p.jpg"))
    number = cast.users[name]["id"]
    assert (sent.status, sent.json["instanceId"], sent.json["submitterId"]) == (
        200,
        "uuid:1",
        number,
    )
    put = nobody.post(way(token, PHOTO), JPEG, {"content-type": "image/jpeg"})
    assert (put.status, put.json) == (200, DONE)
    assert cast.alice.get(f"/v1{PHOTO}").body == JPEG
    edited = nobody.put(way(token, ONE), xml("uuid:2", photo="p.jpg", deprecated="uuid:1"))
    assert (edited.status, edited.json["currentVersion"]["submitterId"]) == (200, number)


@every_way
@pytest.mark.parametrize("name", HOLDERS)
def test_a_token_reads_nothing_back_not_even_what_it_sent(cast, way, name):
    token, nobody = cast.token(name), cast.api
    assert nobody.post(way(token, SUBMISSIONS), xml("uuid:1", photo="p.jpg")).status == 200
    assert nobody.post(way(token, PHOTO), JPEG).json == DONE
    missing = (f"{SUBMISSIONS}/none", f"{SUBMISSIONS}/none/attachments/p.jpg")
    for path in (*READS, *missing):
        for method in ("GET", "HEAD"):
            answer = nobody.request(method, way(token, path))
            assert answer.status == 403, path
        assert nobody.get(way(token, path)).json == FORBIDDEN, "nor what is there and what is not"
    again = nobody.post(way(token, PHOTO), b"another")
    assert (again.status, again.json) == (403, FORBIDDEN)
    no_slot = nobody.post(way(token, f"{ONE}/attachments/q.jpg"), JPEG)
    assert (no_slot.status, no_slot.json) == (404, NOT_FOUND)


@every_way
def test_the_file_of_anothers_submission_is_not_for_an_app_user_to_send(cast, way):
    assert cast.submit("uuid:1", photo="p.jpg").status == 200
    for name in HOLDERS:
        answer = cast.api.post(way(cast.token(name), PHOTO), JPEG)
        assert (answer.status, answer.json) == (403, FORBIDDEN)


@every_way
def test_a_token_that_may_read_reads_by_all_routes(cast, way):
    assert cast.submit("uuid:1", photo="p.jpg").status == 200
    assert cast.alice.post(f"/v1{PHOTO}", JPEG).json == DONE
    token = cast.token("app_user")
    path = f"/v1{PROJECT}/assignments/viewer/{cast.users['app_user']['id']}"
    assert cast.alice.post(path).json == DONE
    for path in READS:
        answer = cast.api.get(way(token, path))
        assert (answer.status, answer.body) == (200, cast.alice.get(f"/v1{path}").body), path


@every_way
def test_the_id_of_a_later_version_leads_to_it_with_the_token_kept(cast, way):
    assert cast.submit("uuid:1").status == 200
    edit = xml("uuid:2", deprecated="uuid:1")
    assert cast.alice.put(f"/v1{ONE}", edit).status == 200
    token, later = cast.token("app_user"), f"{SUBMISSIONS}/uuid:2.xml"
    refused = cast.api.get(way(token, later))
    assert (refused.status, refused.json) == (403, FORBIDDEN), "rights first"
    path = f"/v1{PROJECT}/assignments/viewer/{cast.users['app_user']['id']}"
    assert cast.alice.post(path).json == DONE
    answer = cast.api.get(way(token, later))
    assert answer.status == 301
    assert token in unquote(answer.headers["location"])
    while answer.status in (301, 308):
        answer = cast.api.get(answer.headers["location"])
    assert (answer.status, answer.body) == (200, edit)


@every_way
def test_an_app_user_without_an_assignment_is_let_nowhere(cast, way):
    token, nobody = cast.token("unassigned"), cast.api
    for path in (SIMPLE, f"{SIMPLE}.xml", *READS):
        answer = nobody.get(way(token, path))
        assert (answer.status, answer.json) == (403, FORBIDDEN), path
    sent = nobody.post(way(token, SUBMISSIONS), xml("uuid:1"))
    assert (sent.status, sent.json) == (403, FORBIDDEN)


@every_way
def test_a_form_that_is_not_there_is_told_to_who_has_a_token(cast, way):
    token, nobody = cast.token("unassigned"), cast.api
    for path in (f"{FORMS}/nope", f"{FORMS}/nope.xml", f"{FORMS}/nope/submissions"):
        answer = nobody.get(way(token, path))
        assert (answer.status, answer.json) == (404, NOT_FOUND), path
    assert nobody.get(way(token, f"{FORMS}/nope/submissions/one/attachments")).json == NOT_FOUND


@every_way
def test_tokens_that_are_none_or_nobodys_or_a_users(cast, way):
    revoked = cast.token("app_user")
    assert cast.alice.delete(f"/v1/sessions/{revoked}").json == DONE
    before = stored()
    for token, told in (
        ("x", (401, ANONYMOUS)),
        ("a" * 63, (401, ANONYMOUS)),
        ("a" * 65, (401, ANONYMOUS)),
        ("a" * 63 + "_", (401, ANONYMOUS)),
        (UNKNOWN, (403, FORBIDDEN)),
        (revoked, (403, FORBIDDEN)),
        (cast.token("alice"), (403, FORBIDDEN)),
    ):
        for method, path, body in (
            ("GET", SIMPLE, None),
            ("GET", f"{FORMS}/nope", None),
            ("GET", PHOTO, None),
            ("POST", SUBMISSIONS, xml("uuid:1")),
            ("PUT", ONE, xml("uuid:2", deprecated="uuid:1")),
            ("POST", PHOTO, JPEG),
        ):
            answer = cast.api.request(method, way(token, path), body)
            assert (answer.status, answer.json) == told, (token, method, path)
    assert stored() == before


@every_way
def test_a_token_comes_before_all_other_credentials(cast, way):
    token = cast.token("link")
    cookie = {"cookie": f"__Host-session={quote(cast.token('alice'), safe='')}"}
    assert cast.api.get(way(token, f"{SIMPLE}.xml"), headers=cookie).status == 200
    assert cast.alice.get(way(token, SUBMISSIONS)).json == FORBIDDEN
    # A browser's page that has a link needs no proof against forgery.
    sent = cast.api.post(way(token, SUBMISSIONS), xml("uuid:1"), cookie)
    assert (sent.status, sent.json["submitterId"]) == (200, cast.users["link"]["id"])


def test_the_token_in_the_path_comes_before_that_in_the_query(cast):
    link, unassigned = cast.token("link"), cast.token("unassigned")
    both = f"{in_path(link, SIMPLE)}?st={quote(unassigned, safe='')}"
    assert cast.api.get(both).status == 200
    assert cast.api.get(f"{in_path(unassigned, SIMPLE)}?st={quote(link, safe='')}").status == 403


def test_a_path_that_has_no_twin_is_sent_to_the_same_with_the_token_in_the_query(cast):
    token = cast.token("app_user")
    for path, target in (
        (f"{SIMPLE}/fields", f"{SIMPLE}/fields"),
        (f"{SIMPLE}/", SIMPLE),
        ("/users/current", "/users/current"),
        (f"{FORMS}/a b/fields", f"{FORMS}/a%20b/fields"),
    ):
        answer = cast.api.get(in_path(token, quote(path)))
        assert answer.status == 308, path
        assert answer.headers["location"] == f"/v1{target}?st={token}"
    followed = cast.api.get(answer.headers["location"])
    assert (followed.status, followed.json) == (404, NOT_FOUND)
    fields = cast.api.get(in_path(token, f"{SIMPLE}/fields?odata=true"))
    assert fields.headers["location"] == f"/v1{SIMPLE}/fields?odata=true&st={token}"
    assert cast.api.get(fields.headers["location"]).status == 200
    restored = cast.api.post(in_path(token, f"{ONE}/restore"))
    assert restored.status == 308
    assert cast.api.post(restored.headers["location"]).json == FORBIDDEN


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [SIMPLE, SUBMISSIONS, ONE, f"{ONE}/attachments", PHOTO])
def test_a_method_that_has_no_twin_is_sent_there_too(cast, method, path):
    """Central asks for the right to do it (403.1) where it knows such a thing, else it is 404.1."""
    cast.form("a b")
    path, token = path.replace("/simple", "/a b"), cast.token("app_user")
    assert cast.submit("uuid:1").status == 200
    answer = cast.api.request(method, f"{in_path(token, quote(path))}?x=1%2F2", {})
    if answer.status != 308:
        # It has one: what devices send has.
        assert (method, path.rpartition("/")[2]) in {
            ("POST", "submissions"),
            ("PUT", ONE.rpartition("/")[2]),
            ("POST", PHOTO.rpartition("/")[2]),
        }
        return
    location = answer.headers["location"]
    assert location == f"/v1{quote(path)}?x=1%2F2&st={token}"
    followed = cast.api.request(method, location, {})
    known = {
        ("PATCH", SIMPLE),
        ("DELETE", SIMPLE),
        ("PATCH", ONE),
        ("DELETE", ONE),
        ("DELETE", PHOTO),
    }
    is_known = (method, path.replace("/a b", "/simple")) in known
    assert (followed.status, followed.json) == ((403, FORBIDDEN) if is_known else (404, NOT_FOUND))


def test_a_path_with_a_token_and_nothing_else_is_none(cast):
    token = cast.token("app_user")
    for path in (f"/v1/key/{token}", "/v1/key"):
        assert (cast.api.get(path).status, cast.api.get(path).json) == (404, NOT_FOUND)


def test_a_session_of_an_app_user_lasts(cast):
    answer = cast.api.get(in_query(cast.token("app_user"), "/sessions/restore"))
    made = cast.users["app_user"]
    assert (answer.status, answer.json) == (
        200,
        {"createdAt": made["createdAt"], "expiresAt": "9999-12-31T23:59:59.000Z"},
    )
