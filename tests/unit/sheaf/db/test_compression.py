import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.db import compression
from sheaf.db.compression import pack, pack_exchange, unpack
from tests.cast import xml

PLAIN, ZLIB_1 = b"\x00", b"\x01"


@given(st.binary(max_size=3000))
def test_what_was_packed_comes_back_byte_for_byte(data):
    assert unpack(pack(data)) == data


@given(st.text(max_size=500), st.sampled_from(["utf-8", "utf-16", "shift-jis"]))
def test_texts_of_any_encoding_come_back(text, encoding):
    data = xml("uuid:1", name=text).decode(errors="ignore").encode(encoding, errors="replace")
    assert unpack(pack(data)) == data


@given(st.binary(max_size=300))
def test_packing_never_costs_more_than_its_first_byte(data):
    assert len(pack(data)) <= len(data) + 1


def test_what_would_grow_stays_as_it_is():
    assert pack(b"") == PLAIN
    assert pack(b"\x8f\xa1\xf0") == PLAIN + b"\x8f\xa1\xf0"


def test_a_small_submission_packs_into_half_of_its_size():
    data = xml("uuid:5b7f2f64-5a2c-4c0b-9c1e-0f1a6f3f8f10", photo="1759483021999.jpg")
    packed = pack(data)
    assert packed[:1] == ZLIB_1
    assert len(packed) * 2 < len(data)


def test_a_million_equal_bytes_are_small():
    assert len(pack(b"x" * 1_000_000)) < 1500


# What a release has written every later one must read. These bytes are stored data: if a test of
# them fails, mend the code and not the test.
GOLDEN_TEXT = (
    b'<data xmlns:orx="http://openrosa.org/xforms" id="simple" version="1"><name>Zo\xc3\xab</name>'
    b"<orx:meta><orx:instanceID>uuid:1f0e3dad-9990-4a0b-8a7e-1b2c3d4e5f60</orx:instanceID>"
    b"</orx:meta></data>"
)
GOLDEN = bytes.fromhex(
    "012339608b33730b803186545000c317945ceca2f20faf06c61ddcc7b803dc30cd20d5382531451798810d744d"
    "120d92742d12cd53750d938c928d534c524dd3cc0c3023052994206e0700"
)


def test_what_the_first_release_packed_is_still_read():
    assert unpack(GOLDEN) == GOLDEN_TEXT
    assert unpack(b"\x00\x00<x/>") == b"\x00<x/>"


def test_the_first_dictionary_has_not_changed():
    digest = hashlib.sha256(compression._DICTIONARY_1).hexdigest()
    assert digest == "91303e4c7bf2f5410c630d5b54272baeca0e91fcbee7fe426d70227383d53445"


@pytest.mark.parametrize("packed", [b"", b"\x03abc", b"\xffabc"])
def test_an_unknown_way_of_packing_is_refused(packed):
    with pytest.raises(ValueError, match="unknown way"):
        unpack(packed)


def test_what_is_cut_off_is_refused():
    with pytest.raises(ValueError, match="cut off"):
        unpack(GOLDEN[:-4])


def test_what_was_said_between_us_and_a_receiver_gets_smaller_than_its_text_alone_would():
    said = (
        b'[{"content-type":"application/json; charset=utf-8","webhook-hops":"1","accept-encoding"'
        b':"identity","connection":"close","user-agent":"sheaf-hooks/1"},{"date":"Fri, 27 Nov 2026'
        b' 08:15:00 GMT","content-type":"text/plain; charset=utf-8","content-length":"2","connecti'
        b'on":"keep-alive","server":"nginx/1.24.0"},"ok"]'
    )
    packed = pack_exchange(said)
    assert unpack(packed) == said
    assert len(packed) < 80 < len(zlib.compress(said, 9))
