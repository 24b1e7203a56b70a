"""Links by which receivers fetch files without an account."""

from __future__ import annotations

import json

import pytest

from sheaf import settings
from sheaf.db import reads
from sheaf.hooks import deliveries, events
from sheaf.hooks.deliveries import HookBody
from sheaf.submissions import purge
from tests.answers import NOT_FOUND
from tests.cast import xform, xml
from tests.unit.sheaf.hooks.test_match import records

URL = "http://127.0.0.1:4999/in"
ONE = "uuid:one"
PHOTO = b"\xff\xd8\xff a photo"


def told(hook) -> list[dict]:
    """The data of a hook's bodies, oldest event first."""
    found = reads.fetch([HookBody.ref(deliveries.body_key(each)) for each in records(hook)])
    return [json.loads(each.body.data)["data"] for each in found]


def upload(scene, name="photo.jpg", data=PHOTO):
    path = f"{scene.SUBMISSIONS}/{ONE}/attachments/{name}"
    answer = scene.bob.post(path, data, {"content-type": "image/jpeg"})
    assert answer.json == {"success": True}


@pytest.fixture
def hook(scene):
    return scene.hook(URL, events=[events.FILE])


@pytest.fixture
def link(scene, way, hook) -> str:
    """The link to the photo of a submission, as the hook was told it."""
    scene.submit(ONE, photo="photo.jpg")
    upload(scene)
    way.match_all()
    return told(hook)[0]["attachment"]["url"]


def test_a_link_gives_the_file_to_anybody(scene, link):
    answer = scene.api.get(link)
    assert (answer.status, answer.body) == (200, PHOTO)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-disposition"].startswith('inline; filename="photo.jpg"')
    assert scene.api.get(link).headers["etag"] == answer.headers["etag"]
    assert scene.api.head(link).status == 200
    assert scene.api.post(link).json == NOT_FOUND


def test_it_begins_with_the_apis_origin(scene, way, link, monkeypatch):
    monkeypatch.setattr(settings, "ORIGIN", "https://sheaf.example.org")
    other = scene.hook(URL, events=[events.REVIEW])
    scene.review(ONE, "approved")
    way.match_all()
    [body] = told(other)
    assert body["url"] == f"https://sheaf.example.org{scene.SUBMISSIONS}/uuid%3Aone"
    url = body["attachments"][0]["url"]
    assert url.startswith("https://sheaf.example.org/v1/hooks/")
    assert scene.api.get(url.removeprefix("https://sheaf.example.org")).body == PHOTO


def test_it_opens_nothing_else(scene, way, link):
    scene.submit("uuid:two", photo="photo.jpg")
    path = f"{scene.SUBMISSIONS}/uuid:two/attachments/photo.jpg"
    assert scene.bob.post(path, PHOTO).status == 200
    head, token, rest = link.split("/", 4)[2], link.split("/")[3], link.split("/", 4)[4]
    assert head == "hooks"
    hook, until, mac = token.split(".")
    forged = [
        f"/v1/hooks/{hook}.{int(until) + 1}.{mac}/{rest}",
        f"/v1/hooks/{'0' * 10}.{until}.{mac}/{rest}",
        f"/v1/hooks/{hook}.{until}.{'A' * 32}/{rest}",
        f"/v1/hooks/{hook}.{until}/{rest}",
        f"/v1/hooks/{token}/{rest.replace('one', 'two')}",
        f"/v1/hooks/{token}/{rest.replace('photo.jpg', 'other.jpg')}",
        f"/v1/hooks/{token}/{rest.replace('simple', 'none')}",
        f"/v1/hooks/{token}/{rest.replace('projects/1', 'projects/2')}",
    ]
    for each in forged:
        answer = scene.api.get(each)
        assert (answer.status, answer.json) == (404, NOT_FOUND), each


def test_it_is_good_for_as_long_as_deliveries_are_kept(scene, link, time):
    time.forward(89.9 * 86_400)
    assert scene.api.get(link).status == 200
    time.forward(0.2 * 86_400)
    assert scene.api.get(link).json == NOT_FOUND


def test_a_deletion_ends_it_and_a_restoration_brings_it_back(scene, link):
    scene.delete(ONE)
    assert scene.api.get(link).json == NOT_FOUND
    scene.restore(ONE)
    assert scene.api.get(link).body == PHOTO


def test_a_purge_ends_it_also_for_whoever_takes_the_id_next(scene, link):
    scene.delete(ONE)
    assert purge.run(0) == 1
    assert scene.api.get(link).json == NOT_FOUND
    scene.submit(ONE, photo="photo.jpg")
    upload(scene, data=b"of somebody else")
    assert scene.api.get(link).json == NOT_FOUND


def test_it_ends_with_the_hook_and_with_the_form(scene, way, hook, link):
    everywhere = {"name": "all", "url": URL, "events": [events.REVIEW]}
    other = scene.bob.post("/v1/projects/1/hooks", everywhere).json
    scene.review(ONE, "approved")
    way.match_all()
    [body] = told(other)
    second = body["attachments"][0]["url"]
    assert scene.bob.delete(f"{scene.hooks}/{hook['id']}").status == 200
    assert scene.api.get(link).json == NOT_FOUND
    assert scene.api.get(second).body == PHOTO
    assert scene.bob.delete(f"{scene.FORMS}/simple").status == 200
    assert scene.api.get(second).json == NOT_FOUND


def test_it_leads_to_the_file_of_its_version(scene, way, link):
    body = xml("uuid:two", deprecated=ONE, photo="photo.jpg")
    assert scene.bob.put(f"{scene.SUBMISSIONS}/{ONE}", body).status == 200
    upload(scene, data=b"another")
    assert scene.api.get(link).body == PHOTO


def test_a_file_that_was_cleared_is_gone(scene, link):
    assert scene.bob.delete(f"{scene.SUBMISSIONS}/{ONE}/attachments/photo.jpg").status == 200
    assert scene.api.get(link).json == NOT_FOUND


def test_of_what_is_deleted_there_are_no_links(scene, way, link):
    gone = scene.hook(URL, events=[events.DELETE])
    scene.delete(ONE)
    way.match_all()
    [body] = told(gone)
    assert body["attachments"] == [{"name": "photo.jpg", "exists": True, "url": None}]


def test_links_are_left_out_where_a_hook_does_not_want_them(scene, way, link):
    without = scene.hook(URL, events=[events.REVIEW], include={"attachmentUrls": False})
    scene.review(ONE, "approved")
    way.match_all()
    [body] = told(without)
    assert body["attachments"] == [{"name": "photo.jpg", "exists": True, "url": None}]


def test_names_and_ids_may_hold_anything(scene, way):
    hook = scene.hook(URL, events=[events.FILE])
    instance, name = "uuid: ä/&?", "ö & 1.jpg"
    scene.submit(instance.replace("&", "&amp;"), photo=name.replace("&", "&amp;"))
    path = f"{scene.SUBMISSIONS}/uuid%3A%20%C3%A4%2F%26amp%3B%3F/attachments/%C3%B6%20%26%201.jpg"
    assert scene.bob.post(path, PHOTO).json == {"success": True}
    way.match_all()
    assert scene.api.get(told(hook)[0]["attachment"]["url"]).body == PHOTO


def test_a_form_that_takes_a_deleted_forms_name_has_links_of_its_own(scene, way, link):
    assert scene.bob.delete(f"{scene.FORMS}/simple").status == 200
    created = f"{scene.FORMS}?publish=true&ignoreWarnings=true"
    assert scene.bob.post(created, xform(version="2")).status == 200
    hook = scene.hook(URL, events=[events.FILE])
    assert scene.bob.post(scene.SUBMISSIONS, xml(ONE, photo="photo.jpg", version="2")).status == 200
    upload(scene, data=b"new")
    way.match_all()
    assert scene.api.get(told(hook)[0]["attachment"]["url"]).body == b"new"
    assert scene.api.get(link).json == NOT_FOUND
