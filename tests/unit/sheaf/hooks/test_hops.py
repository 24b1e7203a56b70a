"""Systems that tell each other of everything come to an end."""

from __future__ import annotations

import pytest

from sheaf import settings
from sheaf.hooks import deliver, events
from tests.unit.sheaf.hooks.conftest import CHANGES

ONE = "uuid:one"


def test_ping_pong_ends(scene, way, receiver):
    """A receiver that answers each event with a change, and passes on how often that happened."""
    scene.hook(f"{receiver.url}/in", events=[events.REVIEW])
    scene.submit(ONE)
    states = ["approved", "rejected"] * 5
    scene.review(ONE, states[0])
    for number in range(1, 10):
        way.match_all()
        if not (messages := way.messages()):
            break
        assert deliver.run(messages) == []
        hops = receiver.requests[-1].headers["webhook-hops"]
        path = f"{scene.SUBMISSIONS}/{ONE}"
        headers = {"webhook-hops": hops}
        answer = scene.bob.request("PATCH", path, {"reviewState": states[number]}, headers)
        assert answer.status == 200
    assert [each.headers["webhook-hops"] for each in receiver.requests] == ["1", "2", "3"]
    assert scene.bob.get(f"{scene.SUBMISSIONS}/{ONE}").json["reviewState"] == states[3]


@pytest.mark.parametrize("said", ["", "x", "-1", "1.5", "12345", "٣", "+1"])
def test_what_is_no_number_counts_as_none(scene, way, said):
    headers = {"webhook-hops": said}
    assert scene.bob.request("POST", scene.SUBMISSIONS, _xml(), headers).status == 200
    assert "hops" not in way.events(events.CREATE)[-1]


def _xml() -> bytes:
    from tests.cast import xml

    return xml(ONE, photo="p.jpg")


def test_every_change_of_a_submission_knows_it(scene, way):
    headers = {"webhook-hops": "2"}
    path = f"{scene.SUBMISSIONS}/{ONE}"
    for method, place, body in (
        ("POST", scene.SUBMISSIONS, _xml()),
        ("POST", f"{path}/attachments/p.jpg", b"1"),
        ("PATCH", path, {"reviewState": "approved"}),
        ("POST", f"{path}/comments", {"body": "x"}),
        ("DELETE", path, None),
        ("POST", f"{path}/restore", None),
    ):
        assert scene.bob.request(method, place, body, headers).status == 200
    told = [each for each in way.events() if "submissionId" in each]
    assert {each["action"] for each in told} == {
        *CHANGES, events.FILE, events.COMPLETE, events.COMMENT,
    } - {events.EDIT}  # fmt: skip
    assert {each["hops"] for each in told} == {2}


def test_a_hook_does_not_lead_back_to_the_api(scene, way, monkeypatch):
    """The API's own functions cannot know its address; who delivers does."""
    hook = scene.hook("https://q1w2.execute-api.example.org/in")
    monkeypatch.setattr(settings, "HOOK_TARGETS", "public")
    monkeypatch.setattr(settings, "ORIGIN", "https://q1w2.execute-api.example.org")
    scene.submit(ONE)
    way.match_all()
    assert way.deliver_all() == []
    [listed] = scene.deliveries(hook)
    assert listed["state"] == "blocked"
    assert listed["attempts"][0]["error"] == ("blocked: the URL must not lead back to this server.")
