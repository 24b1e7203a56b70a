"""Exports that outlive their requests: made piece by piece, by whoever has the lease."""

import json
from urllib.parse import urlsplit

import pytest

from sheaf import blobs, clock, sealing, settings
from sheaf.db import keys, reads
from sheaf.exports import workpiece
from sheaf.exports.jobs import DONE, FAILED, LEASE, RUNNING, TRIES, WAITING, Job, Lease, LostError
from tests.archives import linked, members, rows, unpacked
from tests.cast import audits, xml
from tests.exporting import nothing_fits, work
from tests.wire import Wire

SIMPLE = "/v1/projects/1/forms/simple"
SUBMISSIONS = f"{SIMPLE}/submissions"
COUNT = 10


class Later:
    """A clock that can be set forward."""

    def __init__(self, monkeypatch):
        self._real, self.ahead = clock.micros, 0
        monkeypatch.setattr(clock, "micros", lambda: self._real() + self.ahead)

    def forward(self, seconds):
        self.ahead += seconds * 1_000_000


@pytest.fixture
def later(monkeypatch):
    return Later(monkeypatch)


@pytest.fixture
def queue(aws, monkeypatch):
    """A queue of this test's own; gives the messages that are in it and how many are delayed."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=f"exports-{settings.TABLE_NAME}")["QueueUrl"]
    monkeypatch.setattr(settings, "EXPORT_QUEUE_URL", url)

    def look():
        got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for each in got:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        name = "ApproximateNumberOfMessagesDelayed"
        delayed = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
        return [json.loads(each["Body"])["exportId"] for each in got], int(delayed)

    return look


@pytest.fixture
def filled(cast, queue):
    """Submissions with a photo each, of which two bear one name, and a repeat's worth of both."""
    cast.form()
    for number in range(COUNT):
        name = f"{number % 8}.jpg"
        assert cast.submit(f"uuid:{number}", name=f"n{number}", photo=name).status == 200
        photo = f"{SUBMISSIONS}/uuid:{number}/attachments/{name}"
        assert cast.alice.post(photo, b"%d" % number, {"content-type": "image/jpeg"}).status == 200
    return cast


@pytest.fixture
def in_pieces(monkeypatch):
    """All is kept at every step, and read by the handful."""
    from sheaf.exports import selection

    monkeypatch.setattr(selection, "CHUNK", 3)
    monkeypatch.setattr(workpiece, "EVERY", -1)


def begin(cast, path=f"{SUBMISSIONS}.csv.zip", body=None):
    """Ask for an export that does not fit; give its id and where it will be."""
    with nothing_fits():
        answer = cast.alice.request("GET" if body is None else "POST", path, body)
    assert answer.status == 303, answer.text
    location = answer.headers["location"]
    return location.rpartition("/")[2], location


def job(export_id):
    return reads.get(Job.ref(keys.export(export_id)))


def fetched(cast, location):
    """What a client gets that follows redirects."""
    answer = cast.alice.get(location)
    assert answer.status == 303, answer.text
    link = answer.headers["location"]
    return linked(link), urlsplit(link)


def at_once(cast, path=f"{SUBMISSIONS}.csv.zip"):
    """The same export, made within its request."""
    return members(cast.alice.get(path))


def test_an_export_that_outgrows_its_request_is_made_by_a_worker(filled, queue):
    expected = at_once(filled)
    export_id, location = begin(filled)
    assert location == f"{SIMPLE}/exports/{export_id}"
    assert queue() == ([export_id], 0)
    assert (job(export_id).state, job(export_id).ttl) == (
        WAITING,
        job(export_id).created_at // 1_000_000 + 86400,
    )
    work(export_id)
    assert queue() == ([], 1)
    body, link = fetched(filled, location)
    assert unpacked(body) == expected
    assert "response-content-type=application%2Fzip" in link.query
    assert "simple.zip" in link.query
    done = job(export_id)
    assert (done.state, done.rows, done.expected, done.progress) == (DONE, COUNT, COUNT, None)
    # Woken again, nobody does anything.
    work(export_id)
    assert queue() == ([], 1)
    assert len(audits("form.submission.export")) == 2


def test_the_root_table_alone_is_a_job_too(filled):
    expected = filled.alice.get(f"{SUBMISSIONS}.csv").body
    export_id, location = begin(filled, f"{SUBMISSIONS}.csv")
    work(export_id)
    body, link = fetched(filled, location)
    assert body == expected
    assert "response-content-type=text%2Fcsv" in link.query


def test_options_and_filters_go_with_the_job(filled):
    query = "?groupPaths=false&bom=true&$filter=name%20eq%20%27n7%27"
    export_id, location = begin(filled, f"{SUBMISSIONS}.csv.zip{query}")
    work(export_id)
    found = unpacked(fetched(filled, location)[0])
    assert found == at_once(filled, f"{SUBMISSIONS}.csv.zip{query}")
    assert [row["KEY"] for row in rows(found["simple.csv"])] == ["uuid:7"]


@pytest.mark.parametrize("path", [f"{SUBMISSIONS}.csv.zip", f"{SUBMISSIONS}.csv"])
def test_workers_whose_time_is_up_hand_over(filled, queue, in_pieces, path):
    expected = filled.alice.get(path).body
    export_id, location = begin(filled, path)
    turns = 0
    while job(export_id).state not in (DONE, FAILED):
        work(export_id, steps=2)
        turns += 1
        assert turns < 200
    assert turns > 3
    assert job(export_id).state == DONE, job(export_id).reason
    body, _ = fetched(filled, location)
    if path.endswith(".csv"):
        assert body == expected
    else:
        assert unpacked(body) == at_once(filled)


def test_what_is_sent_while_a_job_runs_is_not_in_it(filled, in_pieces):
    expected = at_once(filled)
    export_id, location = begin(filled)
    work(export_id, steps=2)
    filled.submit("uuid:later")
    while job(export_id).state != DONE:
        work(export_id, steps=2)
    assert unpacked(fetched(filled, location)[0]) == expected


def test_a_new_version_of_the_form_changes_no_job_under_way(filled, in_pieces):
    export_id, location = begin(filled)
    expected = at_once(filled)
    work(export_id, steps=2)
    version = job(export_id).version
    assert version == "1"
    while job(export_id).state != DONE:
        work(export_id, steps=3)
    assert unpacked(fetched(filled, location)[0]) == expected


def test_files_that_go_while_a_job_runs_are_left_out(filled, in_pieces):
    export_id, location = begin(filled)
    while job(export_id).progress is None or job(export_id).progress["state"]["phase"] == "rows":
        work(export_id, steps=2)
    assert filled.alice.delete(f"{SUBMISSIONS}/uuid:3/attachments/3.jpg").status == 200
    while job(export_id).state != DONE:
        work(export_id, steps=4)
    found = unpacked(fetched(filled, location)[0])
    assert "media/3.jpg" not in found
    assert len([name for name in found if name.startswith("media/")]) == COUNT - 1


def test_two_workers_do_not_work_on_one_job(filled, queue, later):
    export_id, _ = begin(filled)
    queue()
    first = Lease.take(job(export_id))
    assert first is not None
    assert Lease.take(job(export_id)) is None
    work(export_id)
    # It comes by again, should the other one die.
    assert (job(export_id).state, queue()[1]) == (RUNNING, 1)
    later.forward(LEASE + 1)
    second = Lease.take(job(export_id))
    assert second is not None
    with pytest.raises(LostError):
        first.save([])
    with pytest.raises(LostError):
        first.end([])
    with pytest.raises(LostError):
        first.ensure()
    second.ensure()


def test_a_lease_is_renewed_in_time_and_nothing_is_written_when_it_may_run_out(filled, later):
    export_id, _ = begin(filled)
    lease = Lease.take(job(export_id))
    until = job(export_id).lease
    later.forward(10)
    lease.ensure()
    assert job(export_id).lease == until
    later.forward(25)
    lease.ensure()
    assert job(export_id).lease > until
    later.forward(LEASE + 1)
    assert Lease.take(job(export_id)) is not None
    with pytest.raises(LostError):
        lease.ensure()


def test_an_export_that_gets_no_further_is_given_up(filled, later, caplog):
    export_id, location = begin(filled)
    blobs.remove_all("submissions/")
    broken = job(export_id)
    broken.update([Job.options.set({"unknown": 1})])
    for _ in range(TRIES + 1):
        work(export_id)
        later.forward(LEASE + 1)
    failed = job(export_id)
    assert (failed.state, failed.reason) == (
        FAILED,
        "it did not get any further after several tries.",
    )
    answer = filled.alice.get(location)
    assert (answer.status, answer.json) == (
        500,
        {
            "message": f"The export could not be made: {failed.reason}",
            "code": 500.91,
            "details": {"reason": failed.reason},
        },
    )
    assert "export failed" in caplog.text


def test_an_export_of_a_form_that_goes_fails(filled):
    export_id, _ = begin(filled)
    assert filled.alice.delete(SIMPLE).status == 200
    work(export_id)
    assert (job(export_id).state, job(export_id).sealed) == (FAILED, None)


def test_passphrases_lie_sealed_until_the_job_ends(filled):
    export_id, _ = begin(filled, body={"7": "open, sesame"})
    waiting = job(export_id)
    assert b"sesame" not in waiting.sealed
    assert sealing.unseal(export_id, waiting.sealed) == {"7": "open, sesame"}
    assert waiting.passphrases == {7: "open, sesame"}
    work(export_id)
    assert (job(export_id).state, job(export_id).sealed) == (DONE, None)


def test_who_asks_is_told_how_far_it_is(filled, in_pieces, monkeypatch):
    from sheaf.http import exports

    monkeypatch.setattr(exports, "PATIENCE", 0)
    export_id, location = begin(filled)
    asking = {"accept": "application/json"}

    def told():
        return filled.alice.get(location, headers=asking).json

    assert told() == {
        "id": export_id,
        "state": WAITING,
        "rows": 0,
        "expected": None,
        "createdAt": clock.iso(job(export_id).created_at),
        "reason": None,
    }
    work(export_id, steps=2)
    assert told()["state"] == RUNNING
    assert 0 < told()["rows"] < told()["expected"] == COUNT
    waiting = filled.alice.get(location)
    assert (waiting.status, waiting.headers["location"]) == (303, location)
    work(export_id)
    assert (told()["state"], told()["rows"]) == (DONE, COUNT)


def test_only_who_may_read_the_form_gets_what_was_made_of_it(filled):
    export_id, location = begin(filled)
    work(export_id)
    assert filled.chelsea.get(location).status == 403
    assert filled.api.get(location).status == 401
    assert filled.vera.get(location).status == 303
    filled.form("other")
    for wrong in (
        f"/v1/projects/1/forms/other/exports/{export_id}",
        f"{SIMPLE}/exports/{'0' * 36}",
        f"{SIMPLE}/exports/{'x' * 3000}",
    ):
        answer = filled.alice.get(wrong)
        assert (answer.status, answer.json["code"]) == (404, 404.1)


def test_a_drafts_export_is_found_below_the_draft_alone(cast):
    token = cast.draft()["draftToken"]
    draft = f"{SIMPLE}/draft"
    assert cast.alice.post(f"{draft}/submissions", xml("uuid:1")).status == 200
    link = f"/v1/test/{token}/projects/1/forms/simple/draft"
    with nothing_fits():
        answer = cast.api.get(f"{link}/submissions.csv")
    location = answer.headers["location"]
    assert location.startswith(f"{link}/exports/")
    export_id = location.rpartition("/")[2]
    work(export_id)
    assert cast.api.get(location).status == 303
    assert cast.alice.get(f"{draft}/exports/{export_id}").status == 303
    assert cast.alice.get(f"{SIMPLE}/exports/{export_id}").status == 404


@pytest.fixture
def large(filled, monkeypatch):
    """Two large files at the beginning, because of which the result goes in parts."""
    from sheaf.exports import bucket

    monkeypatch.setattr(bucket, "_PART", 5 << 20)
    assert filled.submit("uuid:large", photo="large.jpg").status == 200
    data = bytes(range(256)) * 4096 * 4  # 4 MB
    for one, name in (("large", "large.jpg"), ("9", "1.jpg")):
        photo = f"{SUBMISSIONS}/uuid:{one}/attachments/{name}"
        assert filled.alice.post(photo, data, {"content-type": "image/jpeg"}).status == 200
    return filled


def uploads(aws, export_id):
    listed = aws.client("s3").list_multipart_uploads(Bucket=settings.BUCKET_NAME)
    found = [(each["Key"], each["UploadId"]) for each in listed.get("Uploads", ())]
    return [(key, upload) for key, upload in found if export_id in key]


def test_a_result_that_is_there_is_not_made_again(large, later, in_pieces, monkeypatch):
    expected = at_once(large)
    export_id, location = begin(large)

    def die(*_):
        raise RuntimeError

    with monkeypatch.context() as dying:
        dying.setattr(Lease, "end", die)
        work(export_id)
    assert job(export_id).state == RUNNING
    later.forward(LEASE + 1)
    with Wire() as wire:
        work(export_id)
    assert "UploadPart" not in wire.names
    assert job(export_id).state == DONE
    assert unpacked(fetched(large, location)[0]) == expected


def test_a_result_whose_upload_is_gone_is_put_together_again(large, aws, later, in_pieces):
    expected = at_once(large)
    export_id, location = begin(large)
    for _ in range(30):
        if not uploads(aws, export_id):
            work(export_id, steps=2)
    ((key, upload),) = uploads(aws, export_id)
    aws.client("s3").abort_multipart_upload(Bucket=settings.BUCKET_NAME, Key=key, UploadId=upload)
    work(export_id)
    assert job(export_id).state == DONE
    assert unpacked(fetched(large, location)[0]) == expected
