"""A worker that dies at any call leaves an export, or feed, that the next one finishes, whole."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from sheaf import blobs, sealing
from sheaf.db import keys, reads
from sheaf.exports import selection, workpiece
from sheaf.exports.jobs import DONE, LEASE, Job
from sheaf.http import streamed
from sheaf.odata import chunks
from tests import happy
from tests.archives import unpacked
from tests.cast import Cast
from tests.exporting import nothing_fits, work
from tests.wire import Wire


class CrashError(Exception):
    """The process ends here."""


def begun(cast: Cast) -> None:
    """An export of two submissions, one with a photo, that waits for a worker."""
    happy.a_photo(cast)
    assert cast.submit("uuid:2").status == happy.DONE
    with nothing_fits():
        asked = cast.alice.post(f"{happy.SUBMISSIONS}.csv.zip", {"1": "secret"})
    assert asked.status == 303, asked.text


def feed_begun(cast: Cast, path: str, coding: str) -> None:
    """A feed of two submissions that waits for a worker."""
    happy.a_submission(cast)
    assert cast.submit("uuid:2").status == happy.DONE
    before, streamed.TIME = streamed.TIME, -1
    try:
        asked = cast.alice.get(f"{happy.FORM}{path}", headers={"accept-encoding": coding})
    finally:
        streamed.TIME = before
    assert asked.status == 303, asked.text


# Feeds, with how often a submission is looked at.
FEEDS = [
    (partial(feed_begun, path=".svc/Submissions", coding="identity"), 1),
    (partial(feed_begun, path=".svc/Submissions?$count=true", coding="gzip"), 1),
    (partial(feed_begun, path=".svc/Submissions?$orderby=__id%20desc", coding="gzip"), 2),
]


@pytest.fixture
def in_pieces(monkeypatch):
    """All is kept at every step, each of one submission."""
    monkeypatch.setattr(selection, "CHUNK", 1)
    monkeypatch.setattr(chunks, "CHUNK", 1)
    monkeypatch.setattr(workpiece, "EVERY", -1)


def made(export_id: str) -> bytes:
    """What was made."""
    job = reads.get(Job.ref(keys.export(export_id)))
    assert (job.state, job.reason, job.rows) == (DONE, None, job.expected)
    return blobs.load(job.result)


def test_the_next_worker_finishes_an_export(stage, in_pieces, request, caplog):
    cast = stage.set(begun)
    made, calls = finish(stage, happy.export_id(cast), request, unpacked)
    assert list(made) == ["simple.csv", "media/photo.jpg"]
    assert calls > 30
    assert "export failed" in caplog.text


@pytest.mark.parametrize("feed", FEEDS)
def test_the_next_worker_goes_on_with_a_feed(stage, in_pieces, request, caplog, feed):
    def read(data: bytes) -> Any:
        return json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)

    given, looks = feed
    cast = stage.set(given)
    found, calls = finish(stage, happy.export_id(cast), request, read)
    assert [row["__id"] for row in found["value"]] == ["uuid:2", "uuid:1"]
    assert reads.get(Job.ref(keys.export(happy.export_id(cast)))).expected == 2 * looks
    assert calls > 20
    assert "export failed" in caplog.text


def finish(
    stage: Any, export_id: str, request: Any, read: Callable[[bytes], Any]
) -> tuple[Any, int]:
    """Let a worker die at each of its calls, and another follow.

    Returns:
        What is made, however that goes, and how many calls one makes.
    """
    waiting = stage.table()
    steered = request.getfixturevalue("steered")
    sealing._held.clear()
    with Wire() as wire:
        work(export_id)
    expected = read(made(export_id))
    for number, call in enumerate(wire.calls):
        where = f"before {call.operation} (call {number})"
        stage.restore(waiting)
        steered.reset()
        sealing._held.clear()

        def crash(reached: int, number: int = number) -> None:
            if reached >= number:
                raise CrashError

        # Before it has the job, or while it leaves it, nobody catches that.
        with Wire(before=crash), suppress(CrashError):
            work(export_id)
        steered.forward(LEASE + 1)
        work(export_id)
        assert read(made(export_id)) == expected, where
    return expected, len(wire.calls)
