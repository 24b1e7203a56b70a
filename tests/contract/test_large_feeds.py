"""Answers of feeds and maps that are too large for an answer, or take longer than a request may."""

from __future__ import annotations

import gzip
import json
import random
from urllib.parse import parse_qs, urlsplit

import pytest

from sheaf import clock, settings
from sheaf.db import keys, reads
from sheaf.exports import bucket
from sheaf.exports.jobs import DONE, FAILED, RUNNING, Job
from sheaf.http import streamed
from sheaf.http.request import Request
from sheaf.odata import chunks
from tests import families, happy
from tests.archives import linked
from tests.exporting import work
from tests.families import FEED
from tests.wire import Wire

TABLES = ("Submissions", "Submissions.children.child", "Submissions('f1')/children/child")
JSON = "application/json; charset=utf-8"
GZIP = {"accept-encoding": "gzip"}


@pytest.fixture
def filled(cast):
    """The form with three families."""
    families.form(cast)
    for number in range(3):
        families.submit(cast, f"f{number}", f"F{number}", {"Ann": ["Ball"], "Bea": []})
    return cast


@pytest.fixture
def small(monkeypatch):
    """Hardly anything is held."""
    monkeypatch.setattr(streamed, "HELD", 100)


@pytest.fixture
def hurried(monkeypatch):
    """No request has time to read; gives what lets them read again."""
    before = streamed.TIME
    monkeypatch.setattr(streamed, "TIME", -1)
    return lambda: monkeypatch.setattr(streamed, "TIME", before)


def at_the_link(answer):
    """What S3 would give, and the headers that it would say."""
    assert answer.status == 303, answer.text
    url = answer.headers["location"]
    said = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
    kind, coding = said["response-content-type"], said.get("response-content-encoding")
    body = linked(url)
    return kind, coding, gzip.decompress(body) if coding == "gzip" else body


def begun(answer):
    """The id of the job that a request has become, and where it will be found."""
    assert answer.status == 303, answer.text
    location = answer.headers["location"]
    return location.rpartition("/")[2], location


def job(export_id):
    return reads.get(Job.ref(keys.export(export_id)))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("coding", [None, "gzip"])
def test_what_is_not_held_goes_into_the_bucket(filled, monkeypatch, table, coding):
    path = f"{FEED}/{table}?$count=true"
    expected = filled.alice.get(path).body
    monkeypatch.setattr(streamed, "HELD", 100)
    answer = filled.alice.get(path, headers=GZIP if coding else {})
    assert answer.headers["odata-version"] == "4.0"
    assert at_the_link(answer) == (JSON, coding, expected)


def test_a_page_that_is_too_large_leads_on(filled, small):
    _, _, body = at_the_link(filled.alice.get(f"{FEED}/Submissions?$top=2"))
    page = json.loads(body)
    assert [row["__id"] for row in page["value"]] == ["f2", "f1"]
    link = page["@odata.nextLink"].removeprefix("https://api.example.org")
    rest = json.loads(at_the_link(filled.alice.get(link))[2])
    assert [row["__id"] for row in rest["value"]] == ["f0"]
    assert "@odata.nextLink" not in rest


def test_a_head_request_leaves_nothing_in_the_bucket(filled, small):
    with Wire() as wire:
        answer = filled.alice.head(f"{FEED}/Submissions")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", JSON)
    assert not [name for name in wire.names if name in ("PutObject", "CreateMultipartUpload")]


def test_problems_are_told_before_anything_is_written(filled, small):
    assert filled.alice.get(f"{FEED}/Submissions?$filter=no%20eq%201").status == 501
    assert filled.alice.get(f"{FEED}/Submissions?$select=no").status == 400


def test_a_large_answer_is_sent_in_parts_and_never_held(aws):
    noise = random.Random(1)
    pieces = [noise.randbytes(1 << 19).hex() for _ in range(40)]
    waiting = []

    class Long:
        def write(self):
            given = 0
            for piece in pieces:
                waiting.append(given - sum(sizes(wire)))
                given += len(piece)
                yield piece

    event = {"rawPath": "/", "requestContext": {"http": {"method": "GET"}}}
    with Wire() as wire:
        answer = streamed.give(Request.from_event(event), None, lambda _: Long())
    assert sizes(wire) == [8 << 20] * 5
    assert max(waiting) == streamed.HELD
    assert linked(answer.headers["Location"]).decode() == "".join(pieces)


def sizes(wire):
    """Of the parts that were sent, in bytes."""
    parts = [call.sent["body"] for call in wire.calls if call.operation == "UploadPart"]
    return [part.getbuffer().nbytes for part in parts]


@pytest.mark.parametrize("table", TABLES[:2])
@pytest.mark.parametrize("coding", [None, "gzip"])
def test_what_takes_too_long_is_written_by_a_worker(filled, hurried, table, coding):
    path = f"{FEED}/{table}?$count=true&$filter=name%20ne%20%27Bea%27"
    asking = {"accept": "application/json", **(GZIP if coding else {})}
    export_id, location = begun(filled.alice.get(path, headers=asking))
    assert location == f"{families.FORM}/exports/{export_id}"
    work(export_id)
    found = at_the_link(filled.alice.get(location, headers=asking))
    hurried()
    expected = filled.alice.get(path)
    assert len(expected.json["value"]) == 3
    assert found == (JSON, coding, expected.body)
    assert (job(export_id).state, job(export_id).rows) == (DONE, 3)


def test_pages_by_a_worker_lead_on_to_the_feed(filled, hurried):
    export_id, location = begun(filled.alice.get(f"{FEED}/Submissions?$top=2"))
    work(export_id)
    page = json.loads(at_the_link(filled.alice.get(location))[2])
    hurried()
    rest = filled.alice.get(page["@odata.nextLink"].removeprefix("https://api.example.org"))
    assert [row["__id"] for row in rest.json["value"]] == ["f0"]


@pytest.mark.parametrize("prefix", ["", "/test/{token}"])
def test_feeds_of_drafts_too(cast, hurried, prefix):
    happy.a_draft_submission(cast)
    place = happy.draft_place(cast, prefix)
    export_id, location = begun(cast.alice.get(f"{place}.svc/Submissions"))
    assert location == f"{place}/exports/{export_id}"
    work(export_id)
    found = json.loads(at_the_link(cast.alice.get(location))[2])
    hurried()
    assert found == cast.alice.get(f"{place}.svc/Submissions").json
    assert len(found["value"]) == 1


def test_a_head_request_becomes_no_job(filled, hurried):
    answer = filled.alice.head(f"{FEED}/Submissions")
    assert (answer.status, answer.headers["content-type"]) == (200, JSON)


def test_who_may_not_read_may_not_wait(filled, hurried):
    _, location = begun(filled.alice.get(f"{FEED}/Submissions"))
    assert filled.chelsea.get(location).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "submissions.geojson",
        "submissions.geojson?limit=2",
        ".svc/Submissions",
        ".svc/Submissions?$top=2&$skip=1&$count=true",
        ".svc/Submissions?$top=1",
        ".svc/Submissions?$filter=name%20eq%20%27no%27",
        ".svc/Submissions?$orderby=__id&$top=2&$expand=*",
        ".svc/Submissions?$orderby=__system/submissionDate",
        ".svc/Submissions.children.child?$count=true",
        ".svc/Submissions.children.child?$top=4&$skip=1",
    ],
)
@pytest.mark.parametrize("coding", [None, "gzip"])
def test_workers_whose_time_is_up_hand_over(filled, hurried, monkeypatch, path, coding):
    monkeypatch.setattr(chunks, "CHUNK", 1)
    path = f"{families.FORM}{path}" if path[0] == "." else f"{families.FORM}/{path}"
    export_id, location = begun(filled.alice.get(path, headers=GZIP if coding else {}))
    turns = rows = 0
    while job(export_id).state not in (DONE, FAILED):
        work(export_id, steps=7)
        turns += 1
        assert rows <= job(export_id).rows <= job(export_id).expected
        rows = job(export_id).rows
        assert turns < 50
    assert job(export_id).state == DONE, job(export_id).reason
    found = at_the_link(filled.alice.get(location))
    hurried()
    assert found[2] == filled.alice.get(path).body


def test_an_answer_whose_upload_is_gone_is_written_again(filled, hurried, aws, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 1)
    monkeypatch.setattr(bucket, "_SMALLEST", 1)
    export_id, location = begun(filled.alice.get(f"{FEED}/Submissions"))
    work(export_id, steps=3)
    told = job(export_id)
    upload, parts = told.progress["upload"]
    assert parts == 1
    where = {"Bucket": settings.BUCKET_NAME, "Key": told.result}
    aws.client("s3").abort_multipart_upload(**where, UploadId=upload)
    work(export_id)
    assert job(export_id).state == DONE
    found = at_the_link(filled.alice.get(location))
    hurried()
    assert found[2] == filled.alice.get(f"{FEED}/Submissions").body


def test_who_asks_for_progress_is_told_how_far_it_is(filled, hurried, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 1)
    export_id, location = begun(filled.alice.get(f"{FEED}/Submissions"))
    work(export_id, steps=3)
    told = filled.alice.get(f"{location}?progress=true")
    assert told.status == 200
    assert told.json == {
        "id": export_id,
        "state": RUNNING,
        "rows": 2,
        "expected": 3,
        "createdAt": clock.iso(job(export_id).created_at),
        "reason": None,
    }
    assert filled.chelsea.get(f"{location}?progress=true").status == 403


def test_an_answer_that_takes_longer_than_a_worker_has_fails(filled, hurried):
    export_id, location = begun(filled.alice.get(f"{FEED}/Submissions"))
    work(export_id, steps=1)
    reason = "15 minutes were not enough for any of it. Ask for less at a time."
    assert (job(export_id).state, job(export_id).reason) == (FAILED, reason)
    answer = filled.alice.get(location)
    assert (answer.status, answer.json["details"]) == (500, {"reason": reason})


def test_what_can_be_answered_no_more_fails(filled, hurried):
    export_id, _ = begun(filled.alice.get(f"{FEED}/Submissions"))
    assert filled.alice.delete(families.FORM).status == 200
    work(export_id)
    assert job(export_id).state == FAILED
