"""Submissions in bulk: what is read is what was stored, newest first, whatever the shards."""

from types import SimpleNamespace

import pytest

from sheaf import blobs, clock
from sheaf.blobs import Blob
from sheaf.data import stored
from sheaf.data.record import ABOUT, REVISIONS
from sheaf.data.stored import Range, newest
from sheaf.db import keys
from sheaf.db.compression import pack
from sheaf.submissions.records import LIVE, TRASH, Submission
from tests.wire import Wire

FORM = SimpleNamespace(id=7, shards=4)


def put(instance_id, partition=LIVE, **more):
    moment = clock.micros()
    shard = keys.shard_for(instance_id, 4)
    submission = Submission(
        *keys.submission(7, partition, f"{moment:016d}{shard:02x}zz"),
        **{
            "instance_id": instance_id,
            "submitter_id": None,
            "form_version": "1",
            "created_at": moment,
            "events": [moment],
            "xml_packed": pack(f"<d>{instance_id}</d>".encode()),
            **more,
        },
    )
    submission.save()
    return submission


def ids(found):
    return [each.root_id for batch in found for each in batch]


@pytest.fixture
def spread(aws):
    return [put(f"i{number}").instance_id for number in range(60)]


def test_all_are_found_newest_first(spread):
    assert ids(newest(Range(FORM, [LIVE]))) == spread[::-1]
    assert list(newest(Range(FORM, [TRASH]))) == []
    assert stored.count(Range(FORM, [LIVE])) == 60


@pytest.mark.parametrize("size", [1, 3, 7, 60])
def test_shards_are_merged_page_by_page(spread, size):
    batches = list(newest(Range(FORM, [LIVE]), size=size))
    assert ids(batches) == spread[::-1]
    assert all(batches)


def test_reading_goes_on_after_an_id(spread):
    (batch, *_) = newest(Range(FORM, [LIVE]))
    rest = newest(Range(FORM, [LIVE], until=batch[19].id))
    assert ids(rest) == spread[39::-1]


def test_a_span_of_time_is_read_and_nothing_else(spread):
    (batch, *_) = newest(Range(FORM, [LIVE]))
    since, until = f"{batch[30].number:016d}", f"{batch[10].number:016d}"
    assert ids(newest(Range(FORM, [LIVE], since, until))) == spread[48:28:-1]
    assert stored.count(Range(FORM, [LIVE], since, until)) == 20


def test_few_are_not_read_ahead(spread):
    with Wire() as wire:
        found = newest(Range(FORM, [LIVE]), REVISIONS, size=2)
        next(found)
        found.close()
    assert wire.names == ["Query"] * 4


def test_partitions_are_read_together_and_what_moves_is_given_once(aws):
    first = put("first")
    second = put("second", TRASH, deleted_at=5)
    moved = Submission(*keys.submission(7, TRASH, first.id), revision=2)
    for name in ("instance_id", "form_version", "created_at", "events"):
        setattr(moved, name, getattr(first, name))
    moved.save()
    (batch,) = newest(Range(FORM, [LIVE, TRASH]))
    assert [(each.root_id, each.revision, each.deleted_at) for each in batch] == [
        ("second", 1, 5),
        ("first", 2, None),
    ]
    assert second.revision == 1


def test_all_that_formats_show_is_told(aws):
    blob = Blob("k", "image/jpeg", 5, "ab", 12)
    root = {
        "instance_id": "one",
        "submitter_id": 7,
        "device_id": "d",
        "form_version": "1",
        "user_agent": "Collect",
    }
    put(
        "two",
        first=root,
        edits=1,
        submitter_id=8,
        review_state="edited",
        updated_at=99,
        form_version="2",
        slots=[{"n": "a.jpg", "b": blob.to_item()}, {"n": "b.jpg"}],
    )
    ((found,),) = newest(Range(FORM, [LIVE]), ABOUT)
    assert (found.root_id, found.root, found.edits) == ("one", root, 1)
    assert (found.form_version, found.review_state, found.updated_at) == ("2", "edited", 99)
    assert found.attachments == [("a.jpg", blob), ("b.jpg", None)]
    assert found.number == found.created_at


def test_a_first_version_is_its_own_root(aws):
    put("one", submitter_id=7, device_id="d")
    ((found,),) = newest(Range(FORM, [LIVE]))
    assert found.root == {
        "instance_id": "one",
        "submitter_id": 7,
        "device_id": "d",
        "form_version": "1",
        "user_agent": None,
    }
    assert (found.edits, found.revision, found.review_state, found.attachments) == (0, 1, None, [])


def test_the_xml_is_decoded_from_wherever_it_lies(aws):
    latin = pack("<d>é</d>".encode("latin-1"))
    put("here", xml_packed=latin, charset="iso-8859-1")
    blob = blobs.store("submissions/x/", "<d>ü</d>".encode(), "application/xml")
    put("there", xml_packed=None, xml_key=blob.key)
    ((there, here),) = newest(Range(FORM, [LIVE]))
    assert (there.text, here.text) == ("<d>ü</d>", "<d>é</d>")
