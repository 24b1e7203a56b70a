"""Thousands of submissions through the way of jobs, cut into many turns of workers."""

from __future__ import annotations

from itertools import islice

from bench import exports as bench
from sheaf import blobs
from sheaf.db import keys, reads
from sheaf.db.items import Item, connection
from sheaf.exports import worker
from sheaf.exports.jobs import DONE, FAILED, Job
from sheaf.forms.forms import Form
from tests import journey
from tests.archives import rows, unpacked
from tests.exporting import nothing_fits, work

# `python -m bench.exports` takes 50,000.
COUNT = 5_000
# Every so many submissions have a photo, all of one name.
PHOTOS = 25
HOUSEHOLD = "/v1/projects/1/forms/household"


def put(form):
    """Store submissions as the product would, without asking it."""
    photo = blobs.store("submissions/large/", b"\xff\xd8\xff" * 100, "image/jpeg").to_item()
    slot = {name: {"S": value} if isinstance(value, str) else {"N": str(value)}
            for name, value in photo.items()}  # fmt: skip
    slots = {"L": [{"M": {"n": {"S": "photo.jpg"}, "b": {"M": slot}}}]}
    items = bench._items(form, journey.SUBMISSION.decode(), COUNT)
    numbered = (
        item | {"s": slots} if number % PHOTOS == 0 else item for number, item in enumerate(items)
    )
    table = Item.Meta.table_name
    while batch := list(islice(numbered, 25)):
        puts = [{"PutRequest": {"Item": item}} for item in batch]
        connection().client.batch_write_item(RequestItems={table: puts})


def test_thousands_of_submissions_are_exported_by_many_workers(cast, monkeypatch):
    made = cast.alice.post(f"{cast.FORMS}?publish=true", journey.FORM)
    assert made.status == 200, made.text
    put(reads.get(Form.ref(keys.form(1, "household"))))
    monkeypatch.setattr(worker, "HELD", 1 << 16)
    with nothing_fits():
        asked = cast.alice.get(f"{HOUSEHOLD}/submissions.csv.zip")
    location = asked.headers["location"]
    ref = Job.ref(keys.export(location.rpartition("/")[2]))
    turns = 0
    while reads.get(ref).state not in (DONE, FAILED):
        work(ref.pk.removeprefix("X#"), steps=60)
        turns += 1
    job = reads.get(ref)
    assert (job.state, job.rows, job.expected) == (DONE, COUNT, COUNT), job.reason
    assert turns > 2
    found = unpacked(blobs.load(job.result))
    table = rows(found["household.csv"])
    assert len({row["KEY"] for row in table}) == len(table) == COUNT
    dates = [row["SubmissionDate"] for row in table]
    assert dates == sorted(dates, reverse=True)
    media = [name for name in found if name.startswith("media/")]
    assert len(media) == COUNT // PHOTOS
    assert sum(row["AttachmentsPresent"] == "1" for row in table) == len(media)
