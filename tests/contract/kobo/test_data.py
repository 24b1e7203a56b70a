"""Submissions as KoBoToolbox lists them, one by one, and their files."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from sheaf.kobo import assets, listing
from tests.cast import xform, xml
from tests.contract.kobo.conftest import APPROVED, NOT_FOUND, ORIGIN, Kobo, tell, told

DATA = Kobo.DATA


def asked(**said):
    return "?" + "&".join(f"{name}={quote(json.dumps(value))}" for name, value in said.items())


@pytest.fixture
def five(scene):
    for name in ("one", "two", "three", "four", "five"):
        scene.submit(f"uuid:{name}", name=name, age=str(len(name)))


def listed(kobo, query=""):
    answer = kobo.get(f"{DATA}{query}")
    assert answer.status == 200, answer.text
    return [record["_uuid"] for record in answer.json["results"]]


def test_a_list_has_the_records_that_services_are_sent(scene, kobo, way, receiver):
    kobo.create(f"{receiver.url}/in")
    scene.submit("uuid:one", name="Ada", photo="p.jpg")
    scene.submit("uuid:two", name="Bo")
    tell(way)
    # They arrive in any order.
    sent = sorted((request.json() for request in receiver.requests), key=lambda each: each["_id"])
    page = kobo.get(DATA).json
    assert page == {"count": 2, "next": None, "previous": None, "results": sent}
    # With or without a slash, and one by one.
    assert kobo.get(DATA[:-1]).json == page
    for record in sent:
        for name in (record["_id"], record["_uuid"], f"uuid:{record['_uuid']}"):
            assert told(kobo.get(f"{DATA}{name}/")) == (200, record)
            assert told(kobo.get(f"{DATA}{name}")) == (200, record)
    assert told(kobo.get(f"{DATA}9/")) == NOT_FOUND
    assert told(kobo.get(f"{DATA}uuid:three/")) == NOT_FOUND


def test_no_submissions_are_an_empty_list(scene, kobo):
    empty = {"count": 0, "next": None, "previous": None, "results": []}
    assert kobo.get(DATA).json == empty
    assert kobo.get(f"{DATA}?start=5").json["results"] == []
    assert kobo.get(f"{DATA}{asked(query={'name': 'x'})}").json == empty


@pytest.mark.usefixtures("five")
def test_lists_come_in_pages_oldest_first(kobo):
    whole = ["one", "two", "three", "four", "five"]
    assert listed(kobo) == listed(kobo, asked(sort={"_id": 1})) == whole
    assert listed(kobo, asked(sort={"_submission_time": -1})) == whole[::-1]
    page, seen = kobo.get(f"{DATA}?limit=2&format=json").json, []
    assert page["previous"] is None
    while True:
        assert page["count"] == 5
        seen += [record["_uuid"] for record in page["results"]]
        if page["next"] is None:
            break
        assert "format=json" in page["next"]
        page = kobo.get(page["next"].removeprefix(ORIGIN)).json
    assert seen == whole
    assert listed(kobo, "?start=3&limit=1") == ["four"]
    assert listed(kobo, f"{asked(sort={'_id': -1})}&start=3") == ["two", "one"]
    assert listed(kobo, "?start=5") == []


@pytest.mark.parametrize("start", ["0", "4"])
@pytest.mark.usefixtures("five")
def test_a_query_chooses_and_is_paged_too(kobo, start):
    page = kobo.get(f"{DATA}{asked(query={'age': {'$gt': 3}})}&limit=2&start={start}").json
    assert page["count"] == 3
    names = [record["_uuid"] for record in page["results"]]
    assert names == (["three", "four"] if start == "0" else [])
    assert page["next"] is None or page["next"].endswith("&limit=2&start=2")


@pytest.mark.usefixtures("five")
def test_who_asks_again_is_told_what_is_new(kobo):
    """As OpenFn's jobs do: what came after the last that they have."""
    records = kobo.get(DATA).json["results"]
    third = records[2]
    assert listed(kobo, asked(query={"_id": {"$gt": third["_id"]}})) == ["four", "five"]
    assert listed(kobo, asked(query={"_id": third["_id"]})) == ["three"]
    assert listed(kobo, asked(query={"_id": {"$lte": third["_id"]}})) == ["one", "two", "three"]
    moment = third["_submission_time"]
    for rule, holds in (
        ("$gte", lambda time: time >= moment),
        ("$gt", lambda time: time > moment),
        ("$lt", lambda time: time < moment),
        ("$lte", lambda time: time <= moment),
        ("$eq", lambda time: time == moment),
    ):
        expected = [each["_uuid"] for each in records if holds(each["_submission_time"])]
        assert listed(kobo, asked(query={"_submission_time": {rule: moment}})) == expected, rule
    assert len(listed(kobo, asked(query={"_submission_time": {"$gte": moment[:10]}}))) == 5
    assert listed(kobo, asked(query={"_submission_time": {"$gte": "2099-01-01"}})) == []
    # Of a time with an offset nothing follows, as it is compared as the text that it is.
    assert len(listed(kobo, asked(query={"_submission_time": {"$gte": "2020-01-01T00:00-05:00"}})))
    assert listed(kobo, asked(query={"_submission_time": {"$lt": 5}})) == []


def test_only_what_may_fit_is_looked_at(scene, kobo, monkeypatch):
    monkeypatch.setattr(listing, "MOST_READ", 2)
    for number in range(4):
        scene.submit(f"uuid:{number}")
    answer = kobo.get(f"{DATA}{asked(query={'name': 'Alan'})}")
    detail = "A query can look at 2 submissions. Narrow it by `_submission_time`."
    assert told(answer) == (400, {"detail": detail})
    third = kobo.get(DATA).json["results"][2]
    narrow = {"name": "Alan", "_id": {"$gte": third["_id"]}}
    assert listed(kobo, asked(query=narrow)) == ["2", "3"]


@pytest.mark.usefixtures("five")
def test_some_members_are_chosen(kobo):
    records = kobo.get(f"{DATA}{asked(fields=['name', '_uuid', 'nothing'])}&limit=1").json[
        "results"
    ]
    assert records == [{"_id": records[0]["_id"], "name": "one", "_uuid": "one"}]
    one = kobo.get(f"{DATA}{records[0]['_id']}{asked(fields=['age'])}").json
    assert one == {"_id": records[0]["_id"], "age": "3"}


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("?query={", {"query": ["The query cannot be understood."]}),
        (asked(query={"name": {"$regex": "x"}}), {"query": ["The query cannot be understood."]}),
        ("?fields=name", {"fields": ["Value must be valid JSON."]}),
        (asked(fields={"name": 1}), {"fields": ["Value must be valid JSON."]}),
        (asked(fields=[1]), {"fields": ["A list of names is required."]}),
        ("?sort=name", {"sort": ["Value must be valid JSON."]}),
        (
            asked(sort={"name": 1}),
            {"sort": ["Only `_id` and `_submission_time` can be sorted by: 1 or -1."]},
        ),
        (
            asked(sort={"_id": 2}),
            {"sort": ["Only `_id` and `_submission_time` can be sorted by: 1 or -1."]},
        ),
    ],
)
def test_what_cannot_be_understood_is_refused(scene, kobo, query, refused):
    assert told(kobo.get(f"{DATA}{query}")) == (400, refused)


def test_a_record_shows_edits_reviews_and_each_version_of_the_form(scene, kobo):
    scene.submit("uuid:one", name="Ada")
    scene.edit("uuid:one", "uuid:one", "uuid:two", name="Bo")
    scene.bob.post(f"{scene.FORMS}/simple/draft", xform("simple", "2"))
    assert scene.bob.post(f"{scene.FORMS}/simple/draft/publish").status == 200
    scene.submit("uuid:three", version="2")
    scene.review("uuid:one", "approved")
    edited, other = kobo.get(DATA).json["results"]
    assert (edited["name"], edited["_uuid"], edited["__version__"]) == ("Bo", "two", "1")
    assert (edited["meta/rootUuid"], edited["meta/deprecatedID"]) == ("uuid:one", "uuid:one")
    assert (other["__version__"], "meta/deprecatedID" in other) == ("2", False)
    status = edited["_validation_status"]
    assert (status["label"], status["by_whom"]) == ("Approved", None)
    # Of one alone it is looked up who reviewed it.
    one = kobo.get(f"{DATA}{edited['_id']}/").json
    assert one == edited | {"_validation_status": status | {"by_whom": "Bob"}}
    assert (
        told(kobo.get(f"{DATA}{edited['_id']}/validation_status/"))[1] == one["_validation_status"]
    )


def test_files_are_fetched_by_the_token_that_found_them(scene, kobo, api):
    scene.submit("uuid:one", photo="päth 1.jpg")
    place = f"{scene.SUBMISSIONS}/uuid:one/attachments/{quote('päth 1.jpg')}"
    assert scene.bob.post(place, b"\xff\xd8", {"content-type": "image/jpeg"}).status == 200
    [record] = kobo.get(DATA).json["results"]
    [file] = record["_attachments"]
    url = file["download_url"]
    assert url == f"{ORIGIN}{DATA}{record['_id']}/attachments/{file['id']}/"
    assert file == {
        "download_url": url,
        "download_large_url": url,
        "download_medium_url": url,
        "download_small_url": url,
        "mimetype": "image/jpeg",
        "filename": "päth 1.jpg",
        "media_file_basename": "päth 1.jpg",
        "instance": record["_id"],
        "xform": 1,
        "id": file["id"],
        "uid": f"att{file['id']}",
        "question_xpath": "photo",
        "is_deleted": False,
    }
    path = url.removeprefix(ORIGIN)
    got = kobo.get(path)
    assert (got.status, got.body, got.headers["content-type"]) == (200, b"\xff\xd8", "image/jpeg")
    assert kobo.get(path.replace(str(file["id"]), file["uid"])).body == b"\xff\xd8"
    assert told(Kobo(api).get(path)) == NOT_FOUND
    for wrong in (f"{DATA}{record['_id']}/attachments/", f"{DATA}{record['_id']}/attachments/1/"):
        assert told(kobo.get(wrong)) == NOT_FOUND
    scene.submit("uuid:two")
    other = kobo.get(DATA).json["results"][1]["_id"]
    assert told(kobo.get(path.replace(str(record["_id"]), str(other)))) == NOT_FOUND


@pytest.mark.usefixtures("five")
def test_a_submission_is_deleted_and_can_be_restored(scene, kobo, way):
    first = kobo.get(DATA).json["results"][0]
    answer = kobo.delete(f"{DATA}{first['_id']}/")
    assert (answer.status, answer.body) == (204, b"")
    assert told(kobo.delete(f"{DATA}{first['_id']}")) == NOT_FOUND
    assert listed(kobo) == ["two", "three", "four", "five"]
    [event] = way.events("submission.delete")
    assert event["instanceId"] == "uuid:one"
    scene.restore("uuid:one")
    assert kobo.get(DATA).json["results"][0] == first


def test_drafts_and_other_forms_are_not_listed(scene, kobo):
    scene.form("other")
    scene.bob.post(f"{scene.FORMS}/other/submissions", xml("uuid:other", form="other"))
    scene.bob.post(f"{scene.FORMS}/simple/draft", xform("simple", "2"))
    draft = scene.bob.post(f"{scene.FORMS}/simple/draft/submissions", xml("uuid:try", version="2"))
    assert draft.status == 200
    assert listed(kobo) == []
    other = f"/api/v2/assets/{assets.named(1, 'other')}/data/"
    assert kobo.get(other).json["count"] == 1


def test_many_are_read_in_their_order_over_all_shards(scene, kobo):
    names = [f"n{number:02}" for number in range(40)]
    for name in names:
        scene.submit(f"uuid:{name}")
    pages = [listed(kobo, f"?limit=7&start={start}") for start in range(0, 40, 7)]
    assert [name for page in pages for name in page] == names
    many = {"payload": {"query": {"_uuid": {"$in": names[:3]}}, **APPROVED}}
    assert kobo.patch(f"{DATA}validation_statuses/", many).status == 200
    label = {"_validation_status.uid": "validation_status_approved"}
    assert listed(kobo, asked(query=label)) == names[:3]
