"""Fifty thousand submissions with media through the way of jobs, in many turns of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench import filling
from sheaf import blobs, clock
from sheaf.db import keys, reads
from sheaf.exports import direct, workpiece
from sheaf.exports.jobs import DONE, LEASE, RUNNING, WAITING, Job
from sheaf.forms.forms import Form
from tests import journey
from tests.archives import rows, unpacked
from tests.cast import Cast
from tests.exporting import work
from tests.shelves import Shelves
from tests.wire import Wire

COUNT = 50_000
# Every so many submissions have a photo, all of one name, and of so many contents.
EACH, CONTENTS = 25, 10
PHOTO = "photo.jpg"
HOUSEHOLD = "/v1/projects/1/forms/household"
JSON = {"accept": "application/json"}
# How many steps the first worker has time for, and the later ones; the call at which one dies.
FIRST, LATER, DEADLY = 40, 500, 60


def photo(number: int) -> bytes:
    """What a submission has sent as its photo."""
    return b"\xff\xd8\xff" + b"%d" % (number // EACH % CONTENTS) * 100


def stored(form: Form) -> Iterator[dict[str, Any]]:
    """The submissions as the product would store them."""
    slots = []
    for number in range(0, EACH * CONTENTS, EACH):
        blob = blobs.store("submissions/large/", photo(number), "image/jpeg").to_item()
        told = {name: {"S" if isinstance(value, str) else "N": str(value)}
                for name, value in blob.items()}  # fmt: skip
        slots.append({"L": [{"M": {"n": {"S": PHOTO}, "b": {"M": told}}}]})
    items = filling.items(form, journey.SUBMISSION.decode(), COUNT)
    for number, item in enumerate(items):
        own = {"s": slots[number // EACH % CONTENTS]} if number % EACH == 0 else {}
        yield item | own


@pytest.fixture
def small(monkeypatch):
    """Limits that let nothing large pass at once."""
    monkeypatch.setattr(direct, "ROWS", 1_000)
    # What was made is kept by how much it is, which is the same each time, and not by the clock.
    monkeypatch.setattr(workpiece, "HELD", 1 << 18)
    monkeypatch.setattr(workpiece, "EVERY", 1 << 60)


@pytest.fixture
def later(monkeypatch):
    """Sets the clock forward, by seconds."""
    ahead, real = [0], clock.micros
    monkeypatch.setattr(clock, "micros", lambda: real() + ahead[0])

    def forward(seconds: int) -> None:
        ahead[0] += seconds * 1_000_000

    return forward


class DeadError(Exception):
    """The worker is no more."""


def die(reached: int) -> None:
    """End a worker at a call."""
    if reached >= DEADLY:
        raise DeadError


def test_fifty_thousand_submissions_are_exported_by_many_workers(cast, small, later, caplog):
    made = cast.alice.post(f"{cast.FORMS}?publish=true", journey.FORM)
    assert made.status == 200, made.text
    form = reads.get(Form.ref(keys.form(1, "household")))
    with Shelves(stored(form)).open():
        export_id = exported(cast, later)
    assert "export failed" in caplog.text
    is_whole(unpacked(blobs.load(reads.get(Job.ref(keys.export(export_id))).result)))


def exported(cast: Cast, later: Callable[[int], None]) -> str:
    """Have workers make an export, of whom the second dies; give its id."""
    location = cast.alice.get(f"{HOUSEHOLD}/submissions.csv.zip").headers["location"]
    export_id = location.rpartition("/")[2]

    def told() -> dict[str, Any]:
        return cast.alice.get(location, headers=JSON).json

    assert (told()["state"], told()["rows"], told()["expected"]) == (WAITING, 0, None)
    work(export_id, steps=FIRST)
    seen = [told()]
    assert (seen[0]["state"], seen[0]["expected"]) == (RUNNING, COUNT)
    with Wire(before=die):
        work(export_id)
    # Nobody else works on it as long as that one might.
    work(export_id)
    seen.append(told())
    later(LEASE + 1)
    while told()["state"] == RUNNING:
        work(export_id, steps=LATER)
        seen.append(told())
    counted = [each["rows"] for each in seen]
    assert 0 < counted[0] < counted[1] < COUNT
    assert counted == sorted(counted)
    assert (seen[-1]["state"], counted[-1]) == (DONE, COUNT), seen[-1]
    assert len(seen) > 5
    return export_id


def is_whole(found: dict[str, bytes]) -> None:
    """Every submission has its row, newest first, and every photo its place and its content."""
    table = rows(found.pop("household.csv"))
    numbers = range(COUNT - 1, -1, -1)
    assert [row["household_head"] for row in table] == [f"Mamadou Camara {n}" for n in numbers]
    assert [row["KEY"][5:13] for row in table] == [f"{number:08d}" for number in numbers]
    dates = [row["SubmissionDate"] for row in table]
    assert dates == sorted(dates, reverse=True)
    first, last = table[0], table[-1]
    assert (first["meta-instanceName"], first["AttachmentsPresent"]) == (
        f"Mamadou Camara {COUNT - 1}, Bandafassi",
        "0",
    )
    assert (last["location"], last["AttachmentsPresent"]) == ("12.537012 -12.309845 121.4 4.9", "1")
    with_photo = [number for number in numbers if number % EACH == 0]
    newest, *others = with_photo
    folders = {number: blobs.safe_name(table[COUNT - 1 - number]["KEY"]) for number in others}
    places = {number: f"media/{folder}/{PHOTO}" for number, folder in folders.items()}
    places[newest] = f"media/{PHOTO}"
    assert found == {place: photo(number) for number, place in places.items()}
