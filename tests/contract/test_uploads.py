"""Files too large for a request: a link to the bucket, and the slot that fills when one arrives."""

from __future__ import annotations

import json
import urllib.request
from itertools import count
from urllib.parse import quote, urlsplit

import pytest

from tests.answers import ANONYMOUS, FORBIDDEN, NOT_FOUND
from tests.api import handler
from tests.cast import Cast, audits, is_time, stored, xml
from tests.wire import Wire

ONE = f"{Cast.SUBMISSIONS}/one"
FILE = f"{ONE}/attachments/film.mp4"
UPLOADS = f"{FILE}/uploads"
FILM = {"contentType": "video/mp4", "size": 7_000_000}


@pytest.fixture
def submission(cast):
    cast.form()
    assert cast.submit("one", by=cast.colin, photo="film.mp4").status == 200


def put(link: dict, data: bytes) -> None:
    request = urllib.request.Request(link["url"], data, link["headers"], method=link["method"])
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


def key_of(link: dict) -> str:
    return urlsplit(link["url"]).path.partition("/submissions/")[2]


def hand_over(link: dict) -> bool:
    """What the bucket's queue hands over; gives whether it was taken."""
    event = {"s3": {"object": {"key": quote(f"submissions/{key_of(link)}")}}}
    record = {"messageId": "m", "body": json.dumps({"Records": [event]})}
    failed = handler("workers/receive")({"Records": [record]}, None)["batchItemFailures"]
    assert failed in ([], [{"itemIdentifier": "m"}])
    return failed == []


def arrive(link: dict) -> None:
    """What the bucket's queue hands over is taken."""
    assert hand_over(link)


def test_a_link_says_all_that_a_client_needs(cast, submission):
    answer = cast.bob.post(UPLOADS, FILM)
    assert answer.status == 200, answer.text
    link = answer.json
    assert set(link) == {"method", "url", "headers", "expiresAt"}
    assert link["method"] == "PUT"
    assert link["headers"] == {"Content-Type": "video/mp4", "If-None-Match": "*"}
    assert is_time(link["expiresAt"])
    assert "X-Amz-Expires=3600" in link["url"]
    (item,) = stored("V#")
    assert item["ttl"]


def test_the_slot_fills_when_the_file_arrives(cast, submission):
    data = bytes(range(256)) * 30_000
    notes = {"x-action-notes": "from%20the%20drone"}
    link = cast.bob.post(UPLOADS, FILM, notes).json
    put(link, data)
    assert cast.bob.get(f"{ONE}/attachments").json == [{"name": "film.mp4", "exists": False}]
    arrive(link)
    assert cast.bob.get(f"{ONE}/attachments").json == [{"name": "film.mp4", "exists": True}]
    sent = cast.bob.get(FILE)
    assert sent.status == 307
    with urllib.request.urlopen(sent.headers["location"]) as there:
        assert there.read() == data
        assert there.headers["content-type"] == "video/mp4"
    (row,) = audits("submission.attachment.update")
    assert row["actorId"] == cast.users["bob"]["id"]
    assert row["notes"] == "from the drone"
    details = row["details"]
    assert details | {"newBlobId": 0, "submissionDefId": 0} == {
        "instanceId": "one",
        "submissionDefId": 0,
        "name": "film.mp4",
        "oldBlobId": None,
        "newBlobId": 0,
    }


def test_it_is_served_like_any_other_file(cast, submission):
    link = cast.bob.post(UPLOADS, {}).json
    assert link["headers"]["Content-Type"] == "application/octet-stream"
    put(link, b"small")
    arrive(link)
    sent = cast.bob.get(FILE)
    assert (sent.status, sent.body) == (200, b"small")
    assert sent.headers["etag"] == '"eb5c1399a871211c7e7ed732d15e3a8b"'


def test_news_that_come_twice_change_nothing_more(cast, submission):
    link = cast.bob.post(UPLOADS, FILM).json
    put(link, b"film")
    arrive(link)
    before = stored()
    arrive(link)
    assert stored() == before


def _another_file(cast: Cast, one: str) -> bytes:
    assert cast.bob.post(f"{one}/attachments/film.mp4", b"another").status == 200
    return cast.bob.get(f"{one}/attachments/film.mp4").body


def _an_edit(cast: Cast, one: str) -> bytes:
    name = one.rpartition("/")[2]
    assert cast.bob.put(one, xml(f"{name}-edited", deprecated=name)).status == 200
    return cast.bob.get(f"{one}/versions/{name}/attachments/film.mp4").body


def _a_deletion(cast: Cast, one: str) -> bytes:
    assert cast.bob.delete(one).status == 200
    return b"film"


@pytest.mark.parametrize(
    ("meanwhile", "expected"),
    [(_another_file, b"another"), (_an_edit, b"film"), (_a_deletion, b"film")],
)
@pytest.mark.parametrize("who", ["bob", "colin"])
def test_news_that_two_workers_hold_at_once_lose_no_file(cast, aws, who, meanwhile, expected):
    """The queue may hand over the same news twice, and one worker be slow at any of its calls."""
    cast.form()
    for slow in count():
        name = f"slow{slow}"
        assert cast.submit(name, by=cast.colin, photo="film.mp4").status == 200
        one = f"{Cast.SUBMISSIONS}/{name}"
        link = getattr(cast, who).post(f"{one}/attachments/film.mp4/uploads", FILM).json
        put(link, b"film")
        left: list[bytes] = []

        def overtake(call, *, slow=slow, one=one, link=link, left=left):
            if call == slow:
                arrive(link)
                left.append(meanwhile(cast, one))

        with Wire(before=overtake):
            taken = hand_over(link)
        assert taken or hand_over(link)  # the queue tries again
        if not left:
            break
        cast.bob.post(f"{one}/restore")
        edited = meanwhile is _an_edit
        path = f"{one}/versions/{name}/attachments" if edited else f"{one}/attachments"
        assert left == [expected]
        assert cast.bob.get(f"{path}/film.mp4").body == expected
        told = audits("submission.attachment.update")
        mine = [each for each in told if each["details"]["instanceId"] == name]
        assert len(mine) == (2 if meanwhile is _another_file else 1)
    assert slow >= 3


def test_a_submission_that_is_deleted_while_its_file_arrives_keeps_it(cast, submission):
    for slow in count():
        link = cast.bob.post(UPLOADS, FILM).json
        put(link, b"film %d" % slow)
        deleted = []

        def delete(call, *, slow=slow, deleted=deleted):
            if call == slow:
                deleted.append(cast.bob.delete(ONE).status)

        with Wire(before=delete):
            taken = hand_over(link)
        assert taken or hand_over(link)
        if not deleted:
            break
        assert deleted == [200]
        assert cast.bob.post(f"{ONE}/restore").status == 200
        assert cast.bob.get(FILE).body == b"film %d" % slow
    assert slow >= 3


def test_a_collector_fills_an_empty_slot_and_no_other(cast, submission):
    first, second = (cast.colin.post(UPLOADS, FILM).json for _ in range(2))
    put(first, b"first")
    put(second, b"second")
    arrive(second)
    arrive(first)
    assert cast.bob.get(FILE).body == b"second"
    assert len(audits("submission.attachment.update")) == 1
    assert stored("V#") == []


def test_a_manager_s_file_replaces_another(cast, submission):
    cast.colin.post(FILE, b"colin's")
    link = cast.bob.post(UPLOADS, FILM).json
    put(link, b"bob's")
    arrive(link)
    assert cast.bob.get(FILE).body == b"bob's"


def test_a_slot_that_an_edit_has_removed_takes_nothing(cast, submission):
    link = cast.bob.post(UPLOADS, FILM).json
    put(link, b"film")
    cast.bob.put(ONE, xml("two", deprecated="one"))
    arrive(link)
    assert audits("submission.attachment.update") == []
    assert [item for item in stored("V#") if item["sk"]["S"].startswith("U#")] == []


def test_a_submission_in_the_trash_gets_its_file_too(cast, submission):
    link = cast.bob.post(UPLOADS, FILM).json
    put(link, b"film")
    cast.bob.delete(ONE)
    arrive(link)
    cast.bob.post(f"{ONE}/restore")
    assert cast.bob.get(FILE).body == b"film"


def test_a_file_of_a_draft_goes_the_same_way(cast, api):
    token = cast.draft()["draftToken"]
    here = f"/v1/test/{token}/projects/1/forms/simple/draft/submissions"
    api.post(here, xml("one", photo="film.mp4"))
    link = api.post(f"{here}/one/attachments/film.mp4/uploads", FILM).json
    put(link, b"film")
    arrive(link)
    assert api.get(f"{here}/one/attachments/film.mp4").body == b"film"


def test_the_bucket_s_test_message_is_no_file(aws):
    record = {"messageId": "m", "body": json.dumps({"Event": "s3:TestEvent"})}
    assert handler("workers/receive")({"Records": [record]}, None) == {"batchItemFailures": []}


def test_what_cannot_be_read_comes_again_and_holds_up_no_other(cast, submission):
    link = cast.bob.post(UPLOADS, FILM).json
    put(link, b"film")
    event = {"s3": {"object": {"key": f"submissions/{key_of(link)}"}}}
    records = [
        {"messageId": "bad", "body": "no JSON"},
        {"messageId": "good", "body": json.dumps({"Records": [event]})},
    ]
    failed = handler("workers/receive")({"Records": records}, None)
    assert failed == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert cast.bob.get(FILE).body == b"film"


@pytest.mark.parametrize(
    ("body", "code", "details"),
    [
        ({"size": 5 * 1024**3 + 1}, 413.1, {"limit": 5 * 1024**3}),
        ({"size": "7"}, 400.11, {"field": "size", "expected": "integer"}),
        ({"size": -1}, 400.11, {"field": "size", "expected": "integer"}),
        ({"size": True}, 400.11, {"field": "size", "expected": "integer"}),
        ({"contentType": 7}, 400.11, {"field": "contentType", "expected": "string"}),
    ],
)
def test_what_is_wrong_with_a_wish_is_told(cast, submission, body, code, details):
    answer = cast.bob.post(UPLOADS, body)
    assert answer.status == int(code)
    assert (answer.json["code"], answer.json["details"]) == (code, details)
    assert stored("V#") == []


def test_who_may_not_gets_no_link(cast, submission):
    assert cast.api.post(UPLOADS, FILM).json == ANONYMOUS
    assert cast.chelsea.post(UPLOADS, FILM).json == FORBIDDEN
    assert cast.vera.post(UPLOADS, FILM).json == FORBIDDEN
    cast.colin.post(FILE, b"there")
    assert cast.colin.post(UPLOADS, FILM).json == FORBIDDEN
    assert cast.bob.post(f"{ONE}/attachments/other.mp4/uploads", FILM).json == NOT_FOUND
    assert cast.bob.post(UPLOADS.replace("/one/", "/nope/"), FILM).json == NOT_FOUND


def test_a_file_too_large_for_a_request_is_told_the_other_way(cast, submission):
    answer = cast.bob.post(FILE, b"x" * 4_500_001)
    assert answer.status == 413
    assert answer.json == {
        "message": "The file is larger than what can be sent this way (4500000 bytes). Ask for an "
        "upload link with a POST to the attachment's path followed by /uploads, and send it there: "
        "it takes up to 5 GB.",
        "code": 413.1,
        "details": {"limit": 4_500_000},
    }
