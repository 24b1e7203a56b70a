"""Receivers that were made for hotosm/central-webhook, and what a hook tells them.

It sends `{type, id, data}` of what a trigger of Central's database sees: of a new submission
`data.xml`, of a review `data.reviewState`, with a key in `X-API-Key`.
"""

from __future__ import annotations

import pytest
from lxml import etree

from sheaf.hooks import deliver, events
from tests.cast import xml
from tests.unit.sheaf.hooks.conftest import (  # noqa: F401 - fixtures
    receiver,
    scene,
    sealing,
    time,
    way,
)

KEY = "ksdhfiushfiosehf98e3hrih39r8hy439rh389r3hy983y"
# Its README's examples, with what the example of a receiver asks of them.
NEW = {"type": "submission.create", "id": str, "data": {"xml": str}}
REVIEWED = {"type": "submission.update", "id": str, "data": {"reviewState": str}}
STATES = ("approved", "hasIssues", "rejected")


def understood(request):
    """Read a request as its receivers do: the key, a known type, an id, and their part of data."""
    assert request.headers["x-api-key"] == KEY
    assert request.headers["content-type"].startswith("application/json")
    body = request.json()
    wanted = {NEW["type"]: NEW, REVIEWED["type"]: REVIEWED}[body["type"]]
    assert isinstance(body["id"], wanted["id"])
    for name, kind in wanted["data"].items():
        assert isinstance(body["data"][name], kind), name
    return body["type"], body["id"], {name: body["data"][name] for name in wanted["data"]}


@pytest.fixture
def told(scene, way, receiver):  # noqa: F811
    """What a hook in central-webhook's place tells, by the order of events."""
    scene.hook(
        f"{receiver.url}/in",
        events=[events.CREATE, events.REVIEW],
        headers={"X-API-Key": KEY},
        include={"xml": True},
    )

    def requests():
        way.match_all()
        while messages := way.messages():
            assert deliver.run(messages) == []
        return sorted(receiver.requests, key=lambda each: each.headers["webhook-id"])

    return requests


def test_a_new_submission_comes_with_its_xml(scene, told):  # noqa: F811
    scene.submit("uuid:one", name="Ada &amp; Bo")
    [request] = told()
    sent = xml("uuid:one", name="Ada &amp; Bo")
    assert understood(request) == ("submission.create", "uuid:one", {"xml": sent.decode()})
    assert etree.fromstring(request.json()["data"]["xml"].encode()).findtext("name") == "Ada & Bo"


def test_a_review_comes_with_its_state(scene, told):  # noqa: F811
    scene.submit("uuid:one")
    for state in STATES:
        scene.review("uuid:one", state)
    _, *reviews = told()
    assert [understood(each) for each in reviews] == [
        ("submission.update", "uuid:one", {"reviewState": state}) for state in STATES
    ]


def test_the_same_state_again_is_told_again(scene, told):  # noqa: F811
    """There the second `hasIssues` of a submission is taken for a repetition of the first."""
    scene.submit("uuid:one")
    for state in ("hasIssues", "approved", "hasIssues"):
        scene.review("uuid:one", state)
    _, *reviews = told()
    assert [understood(each)[2]["reviewState"] for each in reviews] == [
        "hasIssues",
        "approved",
        "hasIssues",
    ]


def test_what_it_does_not_tell_of_is_not_told(scene, told):  # noqa: F811
    """Edits, deletions, comments: a receiver of that kind knows no such type."""
    scene.submit("uuid:one")
    scene.edit("uuid:one", "uuid:one", "uuid:two")
    scene.bob.post(f"{scene.SUBMISSIONS}/uuid:one/comments", {"body": "Fine."})
    scene.review("uuid:one", "approved")
    scene.delete("uuid:one")
    assert [understood(each)[:2] for each in told()] == [
        ("submission.create", "uuid:one"),
        ("submission.update", "uuid:one"),
    ]
