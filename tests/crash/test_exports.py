"""A worker that dies at any call leaves an export that the next worker finishes, whole."""

from __future__ import annotations

from contextlib import suppress

import pytest

from sheaf import blobs, sealing
from sheaf.db import keys, reads
from sheaf.exports import selection, worker
from sheaf.exports.jobs import DONE, LEASE, Job
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


@pytest.fixture
def in_pieces(monkeypatch):
    """All is kept at every step, each of one submission."""
    monkeypatch.setattr(selection, "CHUNK", 1)
    monkeypatch.setattr(worker, "EVERY", -1)


def made(export_id: str) -> dict[str, bytes]:
    """The members of what was made."""
    job = reads.get(Job.ref(keys.export(export_id)))
    assert (job.state, job.reason, job.rows) == (DONE, None, 2)
    return unpacked(blobs.load(job.result))


def test_the_next_worker_finishes_what_one_has_left(stage, in_pieces, request, caplog):
    cast = stage.set(begun)
    export_id, waiting = happy.export_id(cast), stage.table()
    steered = request.getfixturevalue("steered")
    sealing._held.clear()
    with Wire() as wire:
        work(export_id)
    expected = made(export_id)
    assert list(expected) == ["simple.csv", "media/photo.jpg"]
    assert len(wire.calls) > 30
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
        assert made(export_id) == expected, where
    assert "export failed" in caplog.text
