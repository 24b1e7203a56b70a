"""Reading what exports give."""

from __future__ import annotations

import csv
import io
import zipfile

from tests.api import Answer


def members(answer: Answer) -> dict[str, bytes]:
    """The members of an archive, in their order; of one name, the last."""
    assert answer.status == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        return {each.filename: archive.read(each) for each in archive.infolist()}


def rows(data: bytes) -> list[dict[str, str]]:
    """The rows of a CSV table."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
