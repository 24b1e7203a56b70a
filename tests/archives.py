"""Reading what exports give."""

from __future__ import annotations

import csv
import io
import zipfile
from urllib.parse import unquote, urlsplit

from tests.api import Answer

# A value may be as long as a submission.
csv.field_size_limit(1 << 24)


def members(answer: Answer) -> dict[str, bytes]:
    """The members of an archive, in their order; of one name, the last.

    A large one is fetched from where the answer sends the client.
    """
    if answer.status == 303:
        return unpacked(linked(answer.headers["location"]))
    assert answer.status == 200, answer.text
    return unpacked(answer.body)


def linked(url: str) -> bytes:
    """What a link to the bucket leads to."""
    from sheaf import blobs

    return blobs.load(unquote(urlsplit(url).path).split("/", 2)[2])


def unpacked(body: bytes) -> dict[str, bytes]:
    """The members of an archive's bytes."""
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        return {each.filename: archive.read(each) for each in archive.infolist()}


def rows(data: bytes) -> list[dict[str, str]]:
    """The rows of a CSV table."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
