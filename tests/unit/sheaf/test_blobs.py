from __future__ import annotations

import hashlib
import urllib.request

import pytest

from sheaf import aws as aws_clients
from sheaf import blobs, settings


@pytest.mark.parametrize(
    ("name", "plain", "coded"),
    [
        ("a.jpg", "a.jpg", "a.jpg"),
        ("ab c (1)'~!.png", "ab c (1)'~!.png", "ab%20c%20%281%29%27~!.png"),
        ('a/b "c" (1)\'*~!.png', "ab c (1)'~!.png", "ab%20c%20%281%29%27~!.png"),
        ("100%.txt", "100%.txt", "100%25.txt"),
        ("ß\u0635é.x", "-.x", "%C3%9F%D8%B5%C3%A9.x"),
        ("-é-é", "----", "-%C3%A9-%C3%A9"),
        ("a\r\nSet-Cookie: b", "aSet-Cookie b", "aSet-Cookie%20b"),
        ("\x00\x1f\x7f\x80\x9fa", "a", "a"),
        ("..", "", ""),
        ("con", "", ""),
        ("NUL.txt", "", ""),
        ("con1.txt", "con1.txt", "con1.txt"),
        ("lpt1", "", ""),
        ("a. . ", "a", "a"),
        (" a", " a", "%20a"),
        ("/", "", ""),
    ],
)
def test_disposition_is_worded_as_central_words_it(name, plain, coded):
    said = f"filename=\"{plain}\"; filename*=UTF-8''{coded}"
    assert blobs.disposition(name) == f"attachment; {said}"
    assert blobs.disposition(name, "image/png") == f"inline; {said}"
    assert blobs.disposition(name, "image/svg+xml") == f"attachment; {said}"


def test_a_long_name_is_cut_where_a_letter_ends():
    plain = blobs.disposition("é" * 200).partition("UTF-8''")[2]
    assert plain == "%C3%A9" * 127


def test_a_stored_file_is_read_back(aws):
    blob = blobs.store("t1/", b"data", "text/x")
    assert blob.key.startswith(f"t1/{hashlib.sha256(b'data').hexdigest()}-")
    assert (blob.content_type, blob.size) == ("text/x", 4)
    assert blob.md5 == hashlib.md5(b"data").hexdigest()
    assert blobs.load(blob.key) == b"data"
    assert blobs.Blob.from_item(blob.to_item()) == blob


def test_equal_files_lie_apart(aws):
    """So removing one upload can never take another's bytes."""
    first, second = (blobs.store("t2/", b"data", "text/x") for _ in range(2))
    assert first.key != second.key
    blobs.forget(first.key)
    assert blobs.load(second.key) == b"data"


def test_same_compares_bytes_and_type(aws):
    blob = blobs.store("t3/", b"data", "text/x")
    assert blobs.same(blob, b"data", "text/x")
    assert not blobs.same(blob, b"data", "text/y")
    assert not blobs.same(blob, b"Data", "text/x")
    assert not blobs.same(None, b"data", "text/x")


def test_all_files_of_a_prefix_are_removed_and_no_others(aws):
    s3 = aws.client("s3")
    for number in range(1_005):
        s3.put_object(Bucket=settings.BUCKET_NAME, Key=f"t4/{number}", Body=b"")
    s3.put_object(Bucket=settings.BUCKET_NAME, Key="t40/x", Body=b"")
    s3.put_object(Bucket=settings.BUCKET_NAME, Key="t4/0", Body=b"another version")
    s3.delete_object(Bucket=settings.BUCKET_NAME, Key="t4/1")
    blobs.remove_all("t4/")
    blobs.remove_all("t4/")
    left = s3.list_object_versions(Bucket=settings.BUCKET_NAME, Prefix="t4/")
    assert left.get("Versions", []) == left.get("DeleteMarkers", []) == []
    assert s3.list_objects_v2(Bucket=settings.BUCKET_NAME, Prefix="t40/")["KeyCount"] == 1


def test_what_cannot_be_forgotten_is_left_for_later(aws, caplog):
    from botocore.exceptions import EndpointConnectionError

    blob = blobs.store("t5/", b"data", "text/x")
    emitter = aws_clients.client("s3").meta.events

    def fail(**_kwargs):
        raise EndpointConnectionError(endpoint_url="s3")

    emitter.register("before-call.s3.DeleteObject", fail)
    try:
        blobs.forget(blob.key)
    finally:
        emitter.unregister("before-call.s3.DeleteObject", fail)
    assert [record.getMessage() for record in caplog.records] == ["blob left behind"]
    assert blobs.load(blob.key) == b"data"


def test_a_link_serves_the_file_with_its_type_and_name(aws):
    blob = blobs.store("t6/", b"\x00\xff", "application/x-a; b=c")
    with urllib.request.urlopen(blobs.link(blob, "ü.bin"), timeout=30) as response:
        assert response.read() == b"\x00\xff"
        assert response.headers["content-type"] == "application/x-a; b=c"
        assert response.headers["content-disposition"] == (
            "attachment; filename=\"-.bin\"; filename*=UTF-8''%C3%BC.bin"
        )
