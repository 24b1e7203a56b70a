"""A large file goes to the bucket, and its slot fills by itself."""

from __future__ import annotations

import time
import urllib.error
import urllib.request

import pytest

from tests.cast import xml
from tests.e2e.project import Project

SIZE = 9_000_000


def test_a_file_that_no_request_carries_reaches_its_slot(stack):
    project = Project.new(stack)
    assert project.api.post(project.submissions, xml("one", photo="film.mp4")).status == 200
    slot = project.path("one", "/attachments/film.mp4")
    link = project.api.post(f"{slot}/uploads", {"contentType": "video/mp4", "size": SIZE}).json
    data = bytes(SIZE)
    sent = urllib.request.Request(link["url"], data, link["headers"], method=link["method"])
    with urllib.request.urlopen(sent) as answer:
        assert answer.status == 200
    deadline = time.monotonic() + 60
    while project.api.get(project.path("one", "/attachments")).json != [
        {"name": "film.mp4", "exists": True}
    ]:
        assert time.monotonic() < deadline, "the slot did not fill"
        time.sleep(0.1)
    answer = project.api.get(slot)
    assert answer.status == 307
    with urllib.request.urlopen(answer.headers["location"]) as there:
        assert there.read() == data
    # The link was for one file.
    again = urllib.request.Request(link["url"], b"other", link["headers"], method=link["method"])
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(again)
    assert refused.value.code == 412
    refused.value.close()
