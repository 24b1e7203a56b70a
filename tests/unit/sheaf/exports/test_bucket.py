"""Files in the bucket: spools and results that another process can go on with."""

import pytest
from botocore.exceptions import ClientError

from sheaf import blobs
from sheaf.exports import bucket
from sheaf.exports.bucket import Result, Spooled
from sheaf.exports.spool import Memory
from tests.wire import Wire, s3_error


def nothing():
    """Nobody else works on it."""


class LostError(Exception):
    """Somebody else does."""


def lost():
    raise LostError


def spools():
    return [Memory(), Spooled("exports/spool/", {}, nothing)]


@pytest.mark.parametrize("kind", [0, 1])
def test_a_spool_gives_what_was_added(aws, kind):
    spool = spools()[kind]
    spool.add("a", b"1\n")
    spool.add("b", b"x")
    spool.add("a", b"2\n")
    spool.add("a", b"")
    assert b"".join(spool.read("a")) == b"1\n2\n"
    assert b"".join(spool.read("none")) == b""
    assert spool.size == 5
    spool.drop("a")
    assert (b"".join(spool.read("a")), spool.size) == (b"", 1)


def test_what_was_flushed_is_there_for_another_process(aws):
    first = Spooled("exports/one/", {}, nothing)
    first.add("a", b"1")
    first.add("b", b"x")
    told = first.flush()
    assert first.size == 0
    first.add("a", b"lost")
    second = Spooled("exports/one/", told, nothing)
    second.add("a", b"2")
    told = second.flush()
    second.add("a", b"3")
    assert b"".join(second.read("a")) == b"123"
    assert [piece for piece in second.read("a", backwards=True) if piece] == [b"3", b"2", b"1"]
    third = Spooled("exports/one/", told, nothing)
    assert (b"".join(third.read("a")), b"".join(third.read("b"))) == (b"12", b"x")


def test_nothing_is_written_by_who_has_lost_the_right(aws):
    spool = Spooled("exports/two/", {}, lost)
    spool.add("a", b"1")
    with pytest.raises(LostError):
        spool.flush()
    for size in (1, 6 << 20):
        result = Result("exports/two/result", lost)
        result.write(bytes(size))
        with pytest.raises(LostError):
            result.finish()
        assert not result.written()


def test_a_small_result_is_written_at_once(aws):
    result = Result("exports/small", nothing)
    result.write(b"one ")
    result.write(b"two")
    told = result.cut()
    assert told == (("", 0), b"one two")
    assert (result.standing(), result.written()) == (True, False)
    result = Result("exports/small", nothing, *told)
    result.finish()
    assert blobs.load("exports/small") == b"one two"
    assert result.written()


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(bucket, "_PART", 6 << 20)
    return 6 << 20


def test_a_large_result_goes_in_parts_and_another_process_goes_on_with_it(aws, small_parts):
    data = bytes(range(256)) * 4096 * 8  # 8 MB
    first = Result("exports/large", nothing)
    first.write(data)
    (upload, sent), held = told = first.cut()
    assert (sent, held) == (1, data[small_parts:])
    # What comes after the cut is lost with its process, but for a part that it still sent.
    first.write(b"x" * small_parts)
    second = Result("exports/large", nothing, *told)
    assert second.standing()
    second.write(data[: 7 << 19])
    (same, sent), held = told = second.cut()
    assert (same, sent, held) == (upload, 2, b"")
    third = Result("exports/large", nothing, *told)
    third.write(data + b"end")
    third.finish()
    assert blobs.load("exports/large") == data + data[: 7 << 19] + data + b"end"
    assert third.written()
    assert not third.standing()


def test_parts_of_who_got_further_are_left_out(aws, small_parts):
    first = Result("exports/further", nothing)
    first.write(b"a" * small_parts)
    told = first.cut()
    first.write(b"b" * small_parts * 3)
    second = Result("exports/further", nothing, *told)
    second.write(b"c")
    second.finish()
    assert blobs.load("exports/further") == b"a" * small_parts + b"c"


def test_later_parts_are_larger(aws, monkeypatch):
    monkeypatch.setattr(bucket, "_PART", 5 << 20)
    monkeypatch.setattr(bucket, "_LARGE_FROM", 1)
    result = Result("exports/larger", nothing)
    result.write(bytes(5 << 20))
    with Wire() as wire:
        result.write(bytes(24 << 20))
        assert wire.names == []
        result.write(bytes(1 << 20))
        assert wire.names == ["UploadPart"]
    result.finish()


def test_faults_of_s3_are_not_taken_for_answers(aws):
    result = Result("exports/fault", nothing, ("unknown", 1))
    assert not result.standing()
    for ask in (result.standing, result.written):
        with Wire(send=lambda *_: s3_error(403, "AccessDenied")), pytest.raises(ClientError):
            ask()
