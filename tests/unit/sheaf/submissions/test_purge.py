from __future__ import annotations

import pytest
from pynamodb.exceptions import UpdateError

from sheaf import clock
from sheaf.db import items, keys
from sheaf.submissions import purge
from sheaf.submissions.records import TRASH, Submission
from tests.cast import audits, stored


def trash(name: str, deleted: int) -> Submission:
    moment = clock.micros()
    submission = Submission(
        *keys.submission(7, TRASH, f"{moment}00zz"),
        instance_id=name,
        form_version="1",
        created_at=moment,
        deleted_at=deleted,
        events=[moment],
        home=[1, "f", 0],
        due=keys.DUE_PURGE,
        due_at=f"{deleted:016d}",
    )
    submission.save()
    return submission


def test_what_is_due_comes_oldest_first(aws):
    now = clock.micros()
    for name, age in (("b", 20), ("c", 10), ("a", 30), ("d", 0)):
        trash(name, now - age)
    assert [each.instance_id for each in purge.due(now - 9)] == ["a", "b", "c"]
    assert [each.instance_id for each in purge.due(now - 10)] == ["a", "b"]
    assert list(purge.due(0)) == []


def test_a_submission_whose_rows_are_missing_is_purged_all_the_same(aws):
    trash("a", 1)
    assert purge.run(1) == 1
    assert stored("S#") == stored("E#c") == []
    assert [row["action"] for row in audits()] == ["submission.purge"]


def test_a_failure_that_is_no_answer_is_raised(aws):
    """A throttled mark must not be taken for a submission that was restored."""
    submission = trash("a", 1)
    emitter = items.connection().client.meta.events

    def throttle(parsed, http_response, **_kwargs):
        http_response.status_code = 400
        parsed["Error"] = {"Code": "ValidationException", "Message": "no"}

    emitter.register("after-call.dynamodb.UpdateItem", throttle)
    try:
        with pytest.raises(UpdateError):
            purge.run(1)
    finally:
        emitter.unregister("after-call.dynamodb.UpdateItem", throttle)
    assert [item["sk"]["S"] for item in stored("S#")] == [submission.id]
