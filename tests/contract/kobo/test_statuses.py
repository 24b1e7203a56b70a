"""KoBoToolbox's validation statuses: review states by another name."""

from __future__ import annotations

import pytest

from sheaf.hooks import events
from sheaf.kobo import statuses
from tests.cast import xml
from tests.contract.kobo.conftest import APPROVED, NOT_FOUND, Kobo, told

DATA = Kobo.DATA
MANY = f"{DATA}validation_statuses/"


def number(scene, instance_id):
    """The `_id`: when it came, in microseconds."""
    from sheaf.db import keys, reads
    from sheaf.submissions import location

    path = {"projectId": "1", "xmlFormId": "simple", "instanceId": instance_id}
    ((_, submission),) = reads.gather(location.lookup(path))
    return keys.micros(submission.id)


def one(scene, instance_id):
    return f"{DATA}{number(scene, instance_id)}/validation_status/"


def state(scene, instance_id):
    return scene.bob.get(f"{scene.SUBMISSIONS}/{instance_id}").json["reviewState"]


@pytest.mark.parametrize(
    ("uid", "label", "review"),
    [
        ("validation_status_approved", "Approved", "approved"),
        ("validation_status_not_approved", "Not Approved", "rejected"),
        ("validation_status_on_hold", "On Hold", "hasIssues"),
    ],
)
def test_a_status_is_set_told_and_taken_back(scene, kobo, uid, label, review):
    scene.submit("uuid:one")
    path = one(scene, "uuid:one")
    assert told(kobo.get(path)) == (200, {})
    answer = kobo.patch(path, {"validation_status.uid": uid})
    shown = {"timestamp": answer.json["timestamp"], "uid": uid, "by_whom": "Bob", "label": label}
    assert told(answer) == (200, shown)
    assert isinstance(answer.json["timestamp"], int)
    assert told(kobo.get(path)) == (200, shown)
    assert told(kobo.get(path[:-1])) == (200, shown)
    assert state(scene, "uuid:one") == review
    answer = kobo.delete(path)
    assert (answer.status, answer.body) == (204, b"")
    assert told(kobo.get(path)) == (200, {})
    assert state(scene, "uuid:one") is None


def test_who_reviewed_it_is_told_of_reviews_by_our_own_route_too(scene, kobo):
    scene.person("Ann", "manager")
    scene.submit("uuid:one")
    ann = scene.api.bearer("Ann")
    ann.patch(f"{scene.SUBMISSIONS}/uuid:one", {"reviewState": "approved"})
    scene.bob.post(f"{scene.SUBMISSIONS}/uuid:one/comments", {"body": "Fine."})
    assert kobo.get(one(scene, "uuid:one")).json["by_whom"] == "Ann"
    # An edit takes it back, as in Central.
    scene.edit("uuid:one", "uuid:one", "uuid:two")
    assert kobo.get(one(scene, "uuid:one")).json == {}


def test_a_submission_is_found_by_its_instance_id_too(scene, kobo):
    scene.submit("uuid:one")
    for name in ("uuid:one", "one"):
        assert told(kobo.get(f"{DATA}{name}/validation_status/")) == (200, {})
    for name in ("two", "1", "9" * 30, str(number(scene, "uuid:one") + 1)):
        assert told(kobo.get(f"{DATA}{name}/validation_status/")) == NOT_FOUND, name
        assert told(kobo.patch(f"{DATA}{name}/validation_status/", APPROVED)) == NOT_FOUND, name
    for wrong in (f"{DATA}one/enketo/edit/", MANY):
        assert told(kobo.get(wrong)) == NOT_FOUND, wrong


@pytest.mark.parametrize("uid", ["x", "", None, ["validation_status_approved"]])
def test_an_unknown_status_is_refused(scene, kobo, uid):
    scene.submit("uuid:one")
    answer = kobo.patch(one(scene, "uuid:one"), {"validation_status.uid": uid})
    assert told(answer) == (400, {"detail": f"Invalid validation status: `{uid}`"})
    many = {"payload": {"confirm": True, "validation_status.uid": uid}}
    assert kobo.patch(MANY, many).status == 400
    assert state(scene, "uuid:one") is None


def test_hooks_are_told_of_a_status_once(scene, kobo, way):
    scene.submit("uuid:one")
    kobo.patch(one(scene, "uuid:one"), APPROVED)
    [event] = way.events(events.REVIEW)
    assert event["reviewState"] == "approved"
    assert events.worth_telling(event)


def three(scene):
    for name, color in (("one", "red"), ("two", "green"), ("three", "red")):
        scene.submit(f"uuid:{name}", name=color)


def states(scene):
    return [state(scene, f"uuid:{name}") for name in ("one", "two", "three")]


def test_many_are_chosen_by_id(scene, kobo, way):
    three(scene)
    ids = [number(scene, "uuid:one"), str(number(scene, "uuid:two"))]
    answer = kobo.patch(MANY, {"payload": {"submission_ids": ids, **APPROVED}})
    assert told(answer) == (200, {"detail": "2 submissions have been updated"})
    assert states(scene) == ["approved", "approved", None]
    # Each is an event of its own: hooks see what is done in bulk.
    assert len(way.events(events.REVIEW)) == 2
    answer = kobo.delete(MANY, {"payload": {"submission_ids": ids}})
    assert told(answer) == (200, {"detail": "2 submissions have been updated"})
    assert states(scene) == [None, None, None]


def test_a_foreign_id_leaves_all_as_they_were(scene, kobo):
    three(scene)
    scene.form("other")
    scene.bob.post(f"{scene.FORMS}/other/submissions", xml("uuid:other", form="other"))
    for foreign in ("uuid:other", 1, "nobody"):
        ids = [number(scene, "uuid:one"), foreign]
        answer = kobo.patch(MANY, {"payload": {"submission_ids": ids, **APPROVED}})
        assert told(answer) == (400, {"detail": "One or more submission ids are invalid"})
    assert states(scene) == [None, None, None]


def test_all_are_chosen(scene, kobo):
    three(scene)
    # The status may stand beside the payload, as well.
    answer = kobo.patch(MANY, {"payload": {"confirm": True}, **APPROVED})
    assert told(answer) == (200, {"detail": "3 submissions have been updated"})
    assert states(scene) == ["approved"] * 3


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"name": "red"}, [1, 0, 1]),
        ('{"name": "green"}', [0, 1, 0]),
        ({"name": {"$in": ["green", "blue"]}}, [0, 1, 0]),
        ({"name": {"$nin": ["green"]}}, [1, 0, 1]),
        ({"name": {"$ne": "red"}}, [0, 1, 0]),
        ({"$or": [{"name": "green"}, {"_uuid": "one"}]}, [1, 1, 0]),
        ({"$and": [{"name": "red"}, {"_uuid": "one"}]}, [1, 0, 0]),
        ({"name": {"$exists": False}}, [0, 0, 0]),
        ({"_submission_time": {"$gte": "2020-01-01", "$lt": "2099"}}, [1, 1, 1]),
        ({"_id": {"$gt": 0}}, [1, 1, 1]),
        ({"_id": {"$lt": "5"}}, [0, 0, 0]),
        ({"_validation_status.uid": "validation_status_approved"}, [0, 0, 0]),
        ({}, [1, 1, 1]),
    ],
)
def test_those_that_fit_a_query_are_chosen(scene, kobo, query, expected):
    three(scene)
    answer = kobo.patch(MANY, {"payload": {"query": query, **APPROVED}})
    assert told(answer) == (200, {"detail": f"{sum(expected)} submissions have been updated"})
    assert states(scene) == ["approved" if each else None for each in expected]


@pytest.mark.parametrize(
    "query",
    [
        "{",
        [],
        {"$where": "1"},
        {"name": {"$regex": "."}},
        {"name": {}},
        {"name": ["red"]},
        {"$or": []},
        {"$or": {"name": "red"}},
        {"name": {"$in": "red"}},
        {"name": "x" * 10_001},
    ],
)
def test_a_query_that_is_not_understood_changes_nothing(scene, kobo, query):
    three(scene)
    answer = kobo.patch(MANY, {"payload": {"query": query, **APPROVED}})
    assert told(answer) == (400, {"payload": ["The query cannot be understood."]})
    assert states(scene) == [None, None, None]


@pytest.mark.parametrize("payload", [None, [], {}, {"submission_ids": []}, {"confirm": False}])
def test_nothing_is_changed_where_nothing_is_named(scene, kobo, payload):
    three(scene)
    assert kobo.patch(MANY, {"payload": payload, **APPROVED}).status == 400
    assert kobo.delete(MANY, {"payload": payload}).status == 400
    assert states(scene) == [None, None, None]


def test_more_than_one_request_can_change_are_refused(scene, kobo, monkeypatch):
    three(scene)
    monkeypatch.setattr(statuses, "MOST", 2)
    limit = {"detail": "At most 2 submissions can be changed at a time."}
    ids = ["uuid:one", "uuid:two", "uuid:three"]
    for payload in ({"confirm": True}, {"query": {}}, {"submission_ids": ids}):
        assert told(kobo.patch(MANY, {"payload": {**payload, **APPROVED}})) == (400, limit)
    monkeypatch.setattr(statuses, "MOST_READ", 2)
    answer = kobo.patch(MANY, {"payload": {"query": {"name": "green"}, **APPROVED}})
    assert answer.status == 400
    assert answer.json["detail"].startswith("A query can look at 2 submissions")
    assert states(scene) == [None, None, None]
