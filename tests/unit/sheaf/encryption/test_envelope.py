"""Opening envelopes that a device sealed (tests/encryptor.py does what a device does)."""

import hashlib
import os
import tracemalloc

import pytest

from sheaf.encryption import envelope
from sheaf.problems import DecryptionFailed
from sheaf.submissions import instance
from tests import encryptor

XML = b"<data id='simple'><name>Al\xc3\xa1n</name></data>"
MEDIA = {"one.jpg": os.urandom(40), "two.jpg": b"", "three.jpg": os.urandom(16)}
ID = "uuid:0c7f"


@pytest.fixture(scope="module")
def pair():
    return encryptor.keypair()


@pytest.fixture(scope="module")
def sealed(pair):
    return encryptor.seal(XML, pair[0], instance_id=ID, version="1", media=MEDIA)


@pytest.fixture
def key(pair, sealed):
    return envelope.open_key(pair[1], instance.read(sealed.envelope).encrypted_key)


def pieces(data, size):
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 7, 15, 16, 17, 32, 1_000_000])
def test_every_file_comes_out_as_it_went_in_whatever_its_pieces(sealed, key, size):
    said = instance.read(sealed.envelope)
    names = [*said.media, said.encrypted_file]
    opened = {
        name: b"".join(envelope.decrypt(key, ID, index, pieces(sealed.files[name], size)))
        for index, name in enumerate(names)
    }
    assert opened == {f"{name}.enc": data for name, data in MEDIA.items()} | {
        "submission.xml.enc": XML
    }


def test_the_vector_of_a_file_counts_up_one_byte_after_the_other():
    seed = hashlib.md5(ID.encode() + bytes(32)).digest()
    vectors = [envelope.initial_vector(bytes(32), ID, index) for index in range(18)]
    steps = [[(byte - start) & 0xFF for byte, start in zip(v, seed, strict=True)] for v in vectors]
    assert steps[0] == [1, *[0] * 15]
    assert steps[15] == [1] * 16
    assert steps[17] == [2, 2, *[1] * 14]


def test_a_vector_runs_over_within_its_byte():
    name = next(
        str(number)
        for number in range(10_000)
        if hashlib.md5(str(number).encode() + bytes(32)).digest()[0] == 0xFF
    )
    seed = hashlib.md5(name.encode() + bytes(32)).digest()
    assert envelope.initial_vector(bytes(32), name, 0) == b"\0" + seed[1:]


def test_a_key_for_somebody_else_is_refused(sealed):
    _, other = encryptor.keypair()
    with pytest.raises(DecryptionFailed):
        envelope.open_key(other, instance.read(sealed.envelope).encrypted_key)


@pytest.mark.parametrize("text", ["", "c2VhbGVk", "!", "A", "ä", "QUJD" * 85 + "QQ=="])
def test_what_is_no_key_is_refused(pair, text):
    with pytest.raises(DecryptionFailed):
        envelope.open_key(pair[1], text)


def test_a_file_that_is_cut_off_or_empty_is_refused_at_its_end(sealed, key):
    whole = sealed.files["one.jpg.enc"]
    for cut in (whole[:-1], whole[:-16], b""):
        with pytest.raises(DecryptionFailed):
            b"".join(envelope.decrypt(key, ID, 0, pieces(cut, 16)))


def test_padding_must_be_whole():
    for block in (b"\x00" * 16, b"a" * 15 + b"\x11", b"a" * 14 + b"\x01\x02", b"\x02"):
        with pytest.raises(DecryptionFailed):
            envelope._unpadded(block)
    assert envelope._unpadded(b"a" * 14 + b"\x02\x02") == b"a" * 14
    assert envelope._unpadded(b"\x10" * 16) == b""


def test_a_large_file_takes_no_more_memory_than_its_pieces(key):
    piece = bytes(65_536)

    def endless():
        for _ in range(800):
            yield piece

    tracemalloc.start()
    try:
        size = 0
        with pytest.raises(DecryptionFailed):
            for out in envelope.decrypt(key, ID, 0, endless()):
                size += len(out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 52_000_000
    assert peak < 1_000_000
