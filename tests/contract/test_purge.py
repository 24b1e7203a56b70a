"""The daily purge: what is left of a submission, and what a run that was cut off leaves."""

from __future__ import annotations

import itertools
import random
from contextlib import contextmanager

import pytest

from sheaf import aws as aws_clients
from sheaf import clock, settings
from sheaf.db import items
from sheaf.submissions import purge
from tests.answers import NOT_FOUND
from tests.api import handler
from tests.cast import audits, stored, xml
from tests.contract.test_forms import together

FORM = "/v1/projects/1/forms/simple"
PATH = f"{FORM}/submissions"
NOTES = {"x-action-notes": "private"}


class CutOffError(Exception):
    """What a test raises in the middle of a run."""


def run(days: float = 0) -> int:
    answer = handler("workers/purge")({"retentionDays": days}, None)
    assert list(answer) == ["purged"]
    return answer["purged"]


def files(aws) -> list[str]:
    """Keys of the blobs of submissions, of all tests so far."""
    pages = aws.client("s3").get_paginator("list_objects_v2")
    listed = pages.paginate(Bucket=settings.BUCKET_NAME, Prefix="submissions/")
    return [each["Key"] for page in listed for each in page.get("Contents", ())]


def rich(cast, instance_id: str) -> None:
    """Make a submission with versions, large and small, files and notes, and delete it."""
    one = f"{PATH}/{instance_id}"
    noise = random.Random(instance_id).randbytes(130_000).hex()
    ids = [instance_id, f"{instance_id}-2", f"{instance_id}-3"]
    first = xml(ids[0], photo="a.jpg", name=noise)
    assert cast.bob.post(PATH, first, headers=NOTES).status == 200
    assert cast.bob.post(f"{one}/attachments/a.jpg", b"picture", headers=NOTES).status == 200
    for old, new in itertools.pairwise(ids):
        body = xml(new, photo="a.jpg", deprecated=old)
        assert cast.bob.put(one, body, headers=NOTES).status == 200
    assert cast.bob.post(f"{one}/attachments/a.jpg", b"other").status == 200
    assert cast.bob.patch(one, {"reviewState": "approved"}).status == 200
    assert cast.bob.delete(one, headers=NOTES).status == 200


def test_nothing_is_left_of_a_purged_submission(cast, aws):
    cast.form()
    cast.submit("stays", photo="a.jpg")
    cast.bob.post(f"{PATH}/stays/attachments/a.jpg", b"x")
    kept, claims, blobs_kept = stored("S#"), stored("C#"), files(aws)
    rich(cast, "gone")
    rows = audits(
        "submission.create", "submission.update", "submission.update.version", "submission.delete"
    )
    assert len(stored("V#")) == 2
    assert len(stored("C#")) == 4
    assert len(files(aws)) == len(blobs_kept) + 3

    assert run() == 1

    assert stored("S#") == kept
    assert stored("C#") == claims
    assert stored("V#") == stored("PURGE") == []
    assert files(aws) == blobs_kept
    assert cast.bob.get(f"{PATH}?deleted=true").json == []
    assert cast.bob.post(f"{PATH}/gone/restore").json == NOT_FOUND
    gone = rows[1]["details"]["submissionId"]
    now = audits(
        "submission.create", "submission.update", "submission.update.version", "submission.delete"
    )
    assert now == [
        row | ({"notes": ""} if row["details"]["submissionId"] == gone else {}) for row in rows
    ]
    (row,) = audits("submission.purge")
    assert row == {
        "actorId": None,
        "action": "submission.purge",
        "acteeId": None,
        "details": {"submissions_deleted": 1},
        "loggedAt": row["loggedAt"],
        "notes": None,
    }


def test_the_ids_of_all_versions_are_free_again(cast):
    cast.form()
    rich(cast, "one")
    assert cast.submit("one").json["code"] == cast.submit("one-2").json["code"] == 409.3
    assert run() == 1
    for instance_id in ("one", "one-2", "one-3"):
        assert cast.submit(instance_id).status == 200
    assert [row["notes"] for row in audits("submission.create")] == ["", None, None, None]


def test_a_run_without_work_says_nothing(cast):
    cast.form()
    cast.submit("one")
    assert run() == 0
    assert audits("submission.purge") == []


def test_one_row_tells_of_a_whole_run(cast):
    cast.form()
    for number in range(5):
        cast.submit(f"i{number}")
        cast.bob.delete(f"{PATH}/i{number}")
    assert run() == 5
    (row,) = audits("submission.purge")
    assert row["details"] == {"submissions_deleted": 5}
    assert run() == 0
    assert len(audits("submission.purge")) == 1


def test_what_was_deleted_lately_stays(cast, aws):
    cast.form()
    for name in ("old", "young"):
        cast.submit(name)
        cast.bob.delete(f"{PATH}/{name}")
    for item in stored("S#1x"):
        days = 30.01 if item["v"]["S"] == "old" else 29.99
        due_at = f"{clock.micros() - int(days * purge.DAY):016d}"
        aws.client("dynamodb").update_item(
            TableName=settings.TABLE_NAME,
            Key={"pk": item["pk"], "sk": item["sk"]},
            UpdateExpression="SET dueAt = :t",
            ExpressionAttributeValues={":t": {"S": due_at}},
        )
    assert handler("workers/purge")({"source": "aws.scheduler"}, None) == {"purged": 1}
    assert [each["instanceId"] for each in cast.bob.get(f"{PATH}?deleted=true").json] == ["young"]
    assert run(29.98) == 1


def test_a_restored_submission_is_never_purged(cast):
    cast.form()
    cast.submit("one")
    cast.bob.delete(f"{PATH}/one")
    cast.bob.post(f"{PATH}/one/restore")
    assert run() == 0
    assert cast.bob.get(f"{PATH}/one").status == 200


def test_submissions_of_a_deleted_form_are_purged_too(cast):
    cast.form()
    rich(cast, "one")
    cast.submit("two")
    cast.bob.delete(FORM)
    assert run() == 2
    assert stored("S#") == stored("C#") == []


def test_a_form_s_purge_leaves_the_next_form_s_claims(cast):
    from tests.cast import xform

    cast.form()
    cast.submit("one")
    cast.bob.delete(f"{PATH}/one")
    cast.bob.delete(FORM)
    made = cast.bob.post(
        "/v1/projects/1/forms?publish=true&ignoreWarnings=true", xform(version="2")
    )
    assert made.status == 200
    assert cast.submit("one", version="2").status == 200
    assert run() == 1
    assert cast.bob.get(f"{PATH}/one").status == 200
    assert cast.submit("one", version="2").json["code"] == 409.3


# Cut off.


@contextmanager
def counting(at: int | None = None, moment: str = "before-call"):
    """Count the calls to AWS; raise around the one with this number."""
    calls: list[str] = []

    def seen(model, **_kwargs):
        calls.append(model.name)
        if len(calls) - 1 == at:
            raise CutOffError(model.name)

    emitters = [items.connection().client.meta.events, aws_clients.client("s3").meta.events]
    for emitter in emitters:
        emitter.register(moment, seen)
    try:
        yield calls
    finally:
        for emitter in emitters:
            emitter.unregister(moment, seen)


@pytest.mark.parametrize("moment", ["before-call", "after-call"])
def test_a_run_can_be_cut_off_at_any_call(cast, aws, moment):
    cast.form()
    before = files(aws)
    rich(cast, "i")
    with counting(moment=moment) as calls:
        assert run() == 1
    assert {"Query", "UpdateItem", "DeleteItem", "TransactWriteItems", "ListObjectVersions"} <= set(
        calls
    )
    told = 1
    for at in range(len(calls)):
        rich(cast, f"i{at}")
        with counting(at, moment), pytest.raises(CutOffError):
            run()
        assert run() in (0, 1)
        told += 1
        assert stored("S#") == stored("C#") == stored("V#") == stored("PURGE") == []
        assert files(aws) == before
        rows = audits("submission.purge")
        assert [row["details"] for row in rows] == [{"submissions_deleted": 1}] * told


def test_counts_of_a_run_that_was_cut_off_are_told_by_the_next(cast):
    cast.form()
    for number in range(3):
        cast.submit(f"i{number}")
        cast.bob.delete(f"{PATH}/i{number}")
    with counting() as calls, pytest.raises(CutOffError):
        emitter = items.connection().client.meta.events
        removed: list[None] = []

        def stop(**_kwargs):
            removed.append(None)
            if len(removed) == 2:
                raise CutOffError

        emitter.register("after-call.dynamodb.TransactWriteItems", stop)
        try:
            run()
        finally:
            emitter.unregister("after-call.dynamodb.TransactWriteItems", stop)
    assert calls.count("TransactWriteItems") == 2
    assert audits("submission.purge") == []
    assert run() == 3
    assert [row["details"] for row in audits("submission.purge")] == [{"submissions_deleted": 3}]


def test_what_is_half_gone_cannot_be_restored(cast):
    cast.form()
    rich(cast, "one")
    emitter = aws_clients.client("s3").meta.events

    def stop(**_kwargs):
        raise CutOffError

    emitter.register("before-call.s3.DeleteObjects", stop)
    try:
        with pytest.raises(CutOffError):
            run()
    finally:
        emitter.unregister("before-call.s3.DeleteObjects", stop)
    answer = cast.bob.post(f"{PATH}/one/restore")
    assert (answer.status, answer.json) == (404, NOT_FOUND)
    assert audits("submission.restore") == []
    assert cast.submit("one").json["code"] == 409.3
    assert run() == 1
    assert cast.submit("one").status == 200


def test_the_index_is_not_believed(cast):
    """It follows the table: what it still shows may have been restored, and deleted once more."""
    cast.form()
    for name in ("back", "again"):
        cast.submit(name)
        cast.bob.delete(f"{PATH}/{name}")
    emitter = items.connection().client.meta.events
    done: list[None] = []

    def change(**_kwargs):
        if not done:
            done.append(None)
            for name in ("back", "again"):
                assert cast.bob.post(f"{PATH}/{name}/restore").status == 200
            assert cast.bob.delete(f"{PATH}/again").status == 200

    emitter.register("after-call.dynamodb.Query", change)
    try:
        assert purge.run(0) == 0
    finally:
        emitter.unregister("after-call.dynamodb.Query", change)
    assert cast.bob.get(f"{PATH}/back").status == 200
    assert cast.bob.post(f"{PATH}/again/restore").status == 200


def test_a_restoration_that_overtakes_the_purge_wins(cast):
    cast.form()
    cast.submit("one")
    cast.bob.delete(f"{PATH}/one")
    emitter = items.connection().client.meta.events
    done: list[None] = []

    def restore(**_kwargs):
        if not done:
            done.append(None)
            assert cast.bob.post(f"{PATH}/one/restore").status == 200

    emitter.register("before-call.dynamodb.UpdateItem", restore)
    try:
        assert run() == 0
    finally:
        emitter.unregister("before-call.dynamodb.UpdateItem", restore)
    assert done
    assert cast.bob.get(f"{PATH}/one").status == 200
    assert audits("submission.purge") == []


def test_two_runs_at_once_do_no_harm(cast):
    cast.form()
    for number in range(4):
        cast.submit(f"i{number}")
        cast.bob.delete(f"{PATH}/i{number}")

    def attempt():
        try:
            run()
        except Exception as error:
            return error
        return None

    together(attempt, attempt)
    run()
    assert stored("S#") == stored("C#") == stored("PURGE") == []
    told = [row["details"]["submissions_deleted"] for row in audits("submission.purge")]
    assert sum(told) == 4


def test_a_bucket_that_refuses_stops_the_run(cast):
    """S3 answers 200 to a batch of which it could remove but a part."""
    cast.form()
    rich(cast, "one")
    emitter = aws_clients.client("s3").meta.events

    def refuse(parsed, **_kwargs):
        parsed["Errors"] = [{"Key": "k", "Code": "InternalError", "Message": "try again"}]

    emitter.register("after-call.s3.DeleteObjects", refuse)
    try:
        with pytest.raises(RuntimeError, match="not removed"):
            run()
    finally:
        emitter.unregister("after-call.s3.DeleteObjects", refuse)
    assert len(stored("S#")) == 1
    assert run() == 1
