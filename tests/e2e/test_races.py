"""What happens at the same time, over real HTTP against the local stack."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api import Answer
from tests.cast import OPENROSA, multipart, xml
from tests.e2e.project import Project

AT_ONCE = 20


@pytest.fixture
def project(stack) -> Project:
    return Project.new(stack)


def at_once(act: Any) -> list[Answer]:
    """Do something 20 times at once; it is given its number."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(act, range(AT_ONCE)))


def codes(answers: list[Answer]) -> Counter[float]:
    return Counter(answer.json.get("code", answer.status) for answer in answers)


def test_of_twenty_edits_of_one_version_exactly_one_wins(project):
    project.submit("one")
    answers = at_once(
        lambda number: project.api.put(
            project.path("one"), xml(f"two-{number}", name=f"n{number}", deprecated="one")
        )
    )
    assert codes(answers) == {200: 1, 409.9: AT_ONCE - 1}
    (won,) = (answer.json for answer in answers if answer.status == 200)
    assert project.api.get(project.path("one")).json == won
    assert project.api.get(project.submissions).json == [won]
    current = won["currentVersion"]["instanceId"]
    stored = project.api.get(project.path("one", ".xml")).body
    assert stored == xml(current, name=current.replace("two-", "n"), deprecated="one")


def test_of_twenty_edits_with_the_same_new_id_exactly_one_wins(project):
    project.submit("one")
    answers = at_once(lambda _: project.api.put(project.path("one"), xml("two", deprecated="one")))
    tally = codes(answers)
    assert tally.pop(200) == 1
    assert set(tally) <= {409.3, 409.9}
    assert tally.total() == AT_ONCE - 1


def test_of_twenty_creates_of_one_id_exactly_one_wins(project):
    answers = at_once(lambda number: project.submit("one", name=f"n{number}"))
    assert codes(answers) == {200: 1, 409.3: AT_ONCE - 1}
    assert [each["instanceId"] for each in project.api.get(project.submissions).json] == ["one"]


def test_twenty_creates_of_different_ids_all_win(project):
    answers = at_once(lambda number: project.submit(f"id-{number}"))
    assert codes(answers) == {200: AT_ONCE}
    listed = project.api.get(project.submissions).json
    assert {each["instanceId"] for each in listed} == {f"id-{n}" for n in range(AT_ONCE)}
    moments = [each["createdAt"] for each in listed]
    assert moments == sorted(moments, reverse=True)


def test_of_twenty_deletes_exactly_one_wins_and_of_twenty_restores_too(project):
    project.submit("one")
    assert codes(at_once(lambda _: project.api.delete(project.path("one")))) == {
        200: 1,
        404.1: AT_ONCE - 1,
    }
    assert codes(at_once(lambda _: project.api.post(project.path("one", "/restore")))) == {
        200: 1,
        404.1: AT_ONCE - 1,
    }
    assert project.api.get(project.path("one")).status == 200


def test_twenty_reviews_all_count_and_the_last_one_stands(project):
    project.submit("one")
    states = ["approved", "rejected", "hasIssues", "edited"]
    answers = at_once(
        lambda number: project.api.patch(
            project.path("one"), {"reviewState": states[number % len(states)]}
        )
    )
    assert codes(answers) == {200: AT_ONCE}
    last = max(answers, key=lambda answer: answer.json["updatedAt"]).json
    now = project.api.get(project.path("one")).json
    assert (now["updatedAt"], now["reviewState"]) == (last["updatedAt"], last["reviewState"])


def test_the_same_photo_sent_twenty_times_at_once_is_there(project):
    project.submit("one", photo="p.jpg")
    slot = project.path("one", "/attachments/p.jpg")
    answers = at_once(lambda _: project.api.post(slot, b"bytes", {"content-type": "image/jpeg"}))
    assert codes(answers) == {200: AT_ONCE}
    assert project.api.get(slot).body == b"bytes"


def test_edits_reviews_and_uploads_at_once_leave_everything_readable(project):
    project.submit("one", photo="p.jpg")

    def act(number: int) -> Answer:
        if number % 3 == 0:
            body = xml(f"v-{number}", photo="p.jpg", deprecated="one")
            return project.api.put(project.path("one"), body)
        if number % 3 == 1:
            return project.api.patch(project.path("one"), {"reviewState": "approved"})
        return project.api.post(
            project.path("one", "/attachments/p.jpg"),
            b"bytes %d" % number,
            {"content-type": "image/jpeg"},
        )

    tally = codes(at_once(act))
    assert tally[409.9] == 6  # seven edits of one version, one of which wins
    assert tally[200] == AT_ONCE - 6
    assert project.api.get(project.path("one", ".xml")).status == 200
    assert project.api.get(project.path("one", "/attachments/p.jpg")).status == 200


def test_of_twenty_identical_posts_of_a_device_all_succeed_and_one_is_stored(project):
    body = multipart(xml("one", photo="a.jpg"), {"a.jpg": b"jpeg"})
    path = f"/v1/projects/{project.id}/submission"
    answers = at_once(lambda _: project.api.post(path, body, dict(OPENROSA)))
    assert {answer.status for answer in answers} == {201}
    (stored,) = project.api.get(project.submissions).json
    assert stored["instanceId"] == "one"
    assert project.api.get(project.path("one", "/attachments/a.jpg")).body == b"jpeg"


def test_of_twenty_corrections_of_devices_one_wins(project):
    project.submit("one")
    path = f"/v1/projects/{project.id}/submission"

    def correct(number):
        body = multipart(xml(f"two-{number}", deprecated="one"))
        return project.api.post(path, body, dict(OPENROSA))

    assert Counter(answer.status for answer in at_once(correct)) == {201: 1, 409: AT_ONCE - 1}
