"""An export too large for its request, on the whole stack: whoever follows redirects gets it."""

from __future__ import annotations

import io
import time
import urllib.request
import zipfile
from urllib.parse import urlsplit

from tests.api import Answer
from tests.cast import xml
from tests.e2e.project import Project

# Beyond what a request puts together itself.
SIZE = 65 << 20


def test_a_large_export_is_waited_for(stack):
    project = Project.new(stack)
    give_film(project)
    data = follow(project, f"{project.submissions}.csv.zip")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        sizes = {each.filename: each.file_size for each in archive.infolist()}
    assert sizes["media/film.mp4"] == SIZE
    assert list(sizes) == ["simple.csv", "media/film.mp4"]


def give_film(project: Project) -> None:
    """Submit a file that no request could carry, and wait until its slot is filled."""
    assert project.api.post(project.submissions, xml("film", photo="film.mp4")).status == 200
    slot = project.path("film", "/attachments/film.mp4")
    link = project.api.post(f"{slot}/uploads", {"contentType": "video/mp4", "size": SIZE}).json
    sent = urllib.request.Request(link["url"], bytes(SIZE), link["headers"], method=link["method"])
    with urllib.request.urlopen(sent) as answer:
        assert answer.status == 200
    deadline = time.monotonic() + 60
    while not project.api.get(project.path("film", "/attachments")).json[0]["exists"]:
        assert time.monotonic() < deadline, "the slot did not fill"
        time.sleep(0.1)


def follow(project: Project, path: str, body: dict[str, str] | None = None) -> bytes:
    """Ask for an export that becomes a job, and follow the redirects to what it makes."""
    answer: Answer = project.api.request("GET" if body is None else "POST", path, body)
    assert (answer.status, "/exports/" in answer.headers["location"]) == (303, True)
    for _ in range(10):
        assert answer.status == 303, answer.text
        url = urlsplit(answer.headers["location"])
        if url.netloc:
            with urllib.request.urlopen(url.geturl()) as there:
                return there.read()
        answer = project.api.get(url.path)
    raise AssertionError("the export was not made")
