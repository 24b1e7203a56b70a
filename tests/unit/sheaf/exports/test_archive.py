"""Archives, as other programs read them."""

import io
import shutil
import subprocess
import zipfile
import zlib

from sheaf.exports.archive import DEFLATED, LAST_BLOCK, STORED, Archive, Packed

MOMENT = 1_795_335_307_000_000  # 2026-11-22T08:15:07Z


def deflated(data):
    compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


def stored(data):
    return Packed(zlib.crc32(data), len(data), len(data), STORED)


def written(fill):
    made = bytearray()
    writing = Archive(made.extend)
    fill(writing)
    writing.close([writing.entries()])
    return bytes(made)


def all_kinds(writing):
    packed = deflated(b"text " * 100)
    told = Packed(zlib.crc32(b"text " * 100), 500, len(packed), DEFLATED)
    writing.add("a.csv", told, [packed[:10], packed[10:]], MOMENT)
    writing.add("média/b 😀.jpg", stored(b"\xff\xd8"), [b"\xff\xd8"], MOMENT)
    writing.add("empty", stored(b""), [], MOMENT)
    writing.stream("large.bin", [b"x" * 1000, b"", b"y" * 10], MOMENT, expected=1010, level=0)
    writing.stream("large.txt", [b"z" * 1000], MOMENT, expected=1000, level=6)


EXPECTED = {
    "a.csv": b"text " * 100,
    "média/b 😀.jpg": b"\xff\xd8",
    "empty": b"",
    "large.bin": b"x" * 1000 + b"y" * 10,
    "large.txt": b"z" * 1000,
}


def contents(data):
    with zipfile.ZipFile(io.BytesIO(data)) as read:
        assert read.testzip() is None
        return {each.filename: read.read(each) for each in read.infolist()}


def test_what_was_written_is_read():
    data = written(all_kinds)
    assert contents(data) == EXPECTED
    with zipfile.ZipFile(io.BytesIO(data)) as read:
        infos = read.infolist()
    assert {info.date_time for info in infos} == {(2026, 11, 22, 8, 15, 6)}
    assert {info.external_attr >> 16 for info in infos} == {0o100644}


def test_an_archive_may_be_empty():
    assert contents(written(lambda _: None)) == {}


def test_other_programs_read_it(tmp_path):
    unzip = shutil.which("unzip")
    path = tmp_path / "a.zip"
    path.write_bytes(written(all_kinds))
    with zipfile.ZipFile(path) as read:
        read.extractall(tmp_path / "python")
    found = {
        str(each.relative_to(tmp_path / "python")): each.read_bytes()
        for each in (tmp_path / "python").rglob("*")
        if each.is_file()
    }
    assert found == EXPECTED
    if unzip:
        done = subprocess.run([unzip, "-tq", path], capture_output=True, check=False)
        assert done.returncode == 0, done.stdout


def test_another_process_can_go_on_with_it():
    made = bytearray()
    first = Archive(made.extend)
    first.add("one", stored(b"1"), [b"1"], MOMENT)
    directory = [first.entries()]
    second = Archive(made.extend, at=first.at, members=first.members)
    second.add("two", stored(b"2"), [b"2"], MOMENT)
    directory.append(second.entries())
    second.close(directory)
    assert contents(bytes(made)) == {"one": b"1", "two": b"2"}


def test_more_members_than_the_old_format_counts():
    def many(writing):
        for number in range(0x10001):
            writing.add(f"{number}", stored(b""), [], MOMENT)

    with zipfile.ZipFile(io.BytesIO(written(many))) as read:
        names = read.namelist()
    assert len(names) == 0x10001
    assert names[-1] == "65536"


class Sparse(io.RawIOBase):
    """A file of which only what is not zero is kept: gigabytes of nothing take no room."""

    def __init__(self):
        self.parts = {}
        self.size = self.position = 0

    def put(self, data):
        if data is not NOTHING:
            self.parts[self.size] = bytes(data)
        self.size += len(data)

    def seekable(self):
        return True

    def readable(self):
        return True

    def seek(self, offset, whence=0):
        self.position = offset + (0, self.position, self.size)[whence]
        return self.position

    def tell(self):
        return self.position

    def read(self, count=-1):
        count = self.size - self.position if count < 0 else min(count, self.size - self.position)
        found = bytearray(count)
        for start, data in self.parts.items():
            low, high = max(start, self.position), min(start + len(data), self.position + count)
            if low < high:
                found[low - self.position : high - self.position] = data[low - start : high - start]
        self.position += count
        return bytes(found)


NOTHING = bytes(1 << 26)


def test_members_and_places_beyond_four_gigabytes():
    sparse = Sparse()
    writing = Archive(sparse.put)
    pieces = (5 << 30) // len(NOTHING)
    told = Packed(0, 5 << 30, 5 << 30, STORED)
    writing.add("huge", told, (NOTHING for _ in range(pieces)), MOMENT)
    writing.add("after", stored(b"here"), [b"here"], MOMENT)
    writing.stream("streamed", [b"there"], MOMENT, expected=5 << 30, level=6)
    writing.close([writing.entries()])
    with zipfile.ZipFile(sparse) as read:
        huge, after, streamed = read.infolist()
        assert (huge.file_size, huge.compress_size, huge.header_offset) == (5 << 30, 5 << 30, 0)
        assert after.header_offset > 5 << 30
        assert (read.read(after), read.read(streamed)) == (b"here", b"there")


def test_segments_that_were_flushed_make_one_member():
    first, second = (zlib.compressobj(3, zlib.DEFLATED, -15) for _ in range(2))
    parts = [
        first.compress(b"one ") + first.flush(zlib.Z_FULL_FLUSH),
        second.compress(b"two") + second.flush(zlib.Z_FULL_FLUSH),
        LAST_BLOCK,
    ]
    told = Packed(zlib.crc32(b"one two"), 7, sum(map(len, parts)))
    assert contents(written(lambda w: w.add("a", told, parts, MOMENT))) == {"a": b"one two"}
