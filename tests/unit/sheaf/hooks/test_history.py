"""What a hook was sent, as the API tells it, and a delivery that is sent again by hand."""

from __future__ import annotations

import json

import pytest

from sheaf import clock, settings
from sheaf.db import keys
from sheaf.hooks import deliver, deliveries, gates, leases, sweep
from sheaf.hooks.attempts import EXCERPT
from sheaf.hooks.deliveries import Delivery
from sheaf.submissions import purge
from tests.api import handler
from tests.cast import audits

ONE = "uuid:one"


def records(hook) -> list[Delivery]:
    return list(Delivery.query(keys.deliveries(hook["id"]), consistent_read=True))


@pytest.fixture
def hook(scene, receiver):
    return scene.hook(receiver.script("/in"))


@pytest.fixture
def base(scene, hook) -> str:
    return f"{scene.hooks}/{hook['id']}"


@pytest.fixture
def sent(scene, way):
    """Let submissions come in and be delivered."""

    def send(*instance_ids: str) -> None:
        for instance_id in instance_ids:
            scene.submit(instance_id)
        way.match_all()
        way.deliver_all()

    return send


# --- lists --------------------------------------------------------------------------------------


def test_a_list_is_filtered_by_what_its_query_names(scene, way, hook, base, receiver, sent):  # noqa: PLR0917
    receiver.script("/in", [500, 200, 410])
    sent("uuid:a")
    scene.bob.post(f"{base}/enable")
    sent("uuid:b")
    scene.review("uuid:b", "approved")
    way.match_all()
    way.deliver_all()
    everything = scene.deliveries(hook)
    assert [(each["instanceId"], each["event"], each["state"]) for each in everything] == [
        ("uuid:b", "submission.update", "failed"),
        ("uuid:b", "submission.create", "succeeded"),
        ("uuid:a", "submission.create", "retrying"),
    ]
    review, second, first = everything
    middle = second["createdAt"]
    event = way.events("submission.create")[1]["loggedAt"]
    for query, expected in {
        "?state=failed": [review],
        "?event=submission.create": [second, first],
        "?instanceId=uuid:b": [review, second],
        "?instanceId=uuid:b&state=succeeded": [second],
        "?instanceId=uuid:none": [],
        f"?start={event}": [review, second],
        f"?end={event}": [first],
        f"?start={event}&end={event}": [],
        "?start=2000-01-01&end=2001-01-01": [],
        f"?start={middle}&limit=1": [review],
    }.items():
        assert scene.deliveries(hook, query) == expected, query


def test_pages_are_linked_until_nothing_is_left(scene, hook, base, sent):
    sent(*(f"uuid:{number}" for number in range(5)))
    path, seen, links = f"{base}/deliveries?limit=2", [], 0
    while path:
        answer = scene.bob.get(path)
        seen += [each["instanceId"] for each in answer.json]
        link = answer.headers.get("link", "")
        path = f"{base}/deliveries{link[1:].partition('>')[0]}" if link else None
        links += bool(link)
        assert not link or link.endswith('>; rel="next"')
    assert seen == [f"uuid:{number}" for number in (4, 3, 2, 1, 0)]
    assert links == 2


def test_a_filter_that_lets_little_through_goes_on_by_the_link(
    scene, hook, base, sent, monkeypatch
):
    monkeypatch.setattr("sheaf.hooks.history.MOST_READ", 2)
    sent(*(f"uuid:{number}" for number in range(5)))
    answer = scene.bob.get(f"{base}/deliveries?instanceId=uuid:0")
    assert answer.json == []
    while not answer.json:
        answer = scene.bob.get(f"{base}/deliveries{answer.headers['link'][1:].partition('>')[0]}")
    assert [each["instanceId"] for each in answer.json] == ["uuid:0"]
    assert "link" not in answer.headers


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("?state=lost", 400.8),
        ("?event=form.create", 400.8),
        ("?limit=-1", 400.11),
        ("?start=yesterday", 400.11),
        ("?end=16:00", 400.11),
    ],
)
def test_a_query_that_makes_no_sense_is_refused(scene, base, query, code):
    assert scene.bob.get(f"{base}/deliveries{query}").json["code"] == code


def test_what_all_hooks_were_sent_of_a_submission_stands_together(scene, way, receiver):
    first, second = (scene.hook(receiver.script(f"/{name}")) for name in "ab")
    scene.submit(ONE)
    scene.submit("uuid:other")
    scene.review(ONE, "approved")
    way.match_all()
    path = f"{scene.SUBMISSIONS}/{ONE}/deliveries"
    listed = scene.bob.get(path).json
    assert [(each["event"], each["hookId"]) for each in listed] == sorted(
        (kind, hook["id"])
        for kind in ("submission.create", "submission.update")
        for hook in (first, second)
    )
    assert {each["instanceId"] for each in listed} == {ONE}
    assert scene.bob.get(f"{scene.SUBMISSIONS}/uuid:none/deliveries").json["code"] == 404.1
    viewer = scene.person("Vera", "viewer")
    assert viewer.get(path).json["code"] == 403.1


# --- one ----------------------------------------------------------------------------------------


def test_one_delivery_is_told_as_in_the_list(scene, hook, base, sent):
    sent(ONE)
    [listed] = scene.deliveries(hook)
    answer = scene.bob.get(f"{base}/deliveries/{listed['id']}")
    assert (answer.status, answer.json) == (200, listed)


@pytest.mark.parametrize("rest", ["", "/attempts", "/attempts/1/body", "/retry"])
def test_a_delivery_that_is_not_there_or_not_of_this_hook(scene, way, hook, base, sent, rest):  # noqa: PLR0917
    sent(ONE)
    [listed] = scene.deliveries(hook)
    other = scene.hook("http://127.0.0.1:1/")
    method = "POST" if rest == "/retry" else "GET"
    for path in (
        f"{base}/deliveries/dlv_{clock.micros():016d}00aac-{hook['id'][4:]}{rest}",
        f"{base}/deliveries/{listed['id'][4:]}{rest}",
        f"{base}/deliveries/x{rest}",
        f"{scene.hooks}/{other['id']}/deliveries/{listed['id']}{rest}",
        f"{scene.hooks}/whk_none/deliveries/{listed['id']}{rest}",
    ):
        assert scene.bob.request(method, path).json["code"] == 404.1, path


def test_attempts_tell_what_was_sent_and_answered(scene, way, receiver):
    secret = {"auth": {"type": "basic", "username": "u", "password": "hidden-word"}}
    hook = scene.hook(
        receiver.script("/full", [500], headers={"X-Trace": "abc"}),
        headers={"X-Token": "hidden-token"},
        **secret,
    )
    scene.submit(ONE)
    way.match_all()
    way.deliver_all()
    way.wake_all(hook)
    [listed] = scene.deliveries(hook)
    path = f"{scene.hooks}/{hook['id']}/deliveries/{listed['id']}/attempts"
    answer = scene.bob.get(path)
    assert "hidden" not in answer.text
    [attempt] = answer.json
    [request] = receiver.requests
    masked = {"authorization", "x-token", "webhook-signature"}
    shown = attempt["request"]["headers"]
    assert {name: shown[name] for name in masked} == {
        "authorization": "Basic ***", "x-token": "***", "webhook-signature": "v1,***",
    }  # fmt: skip
    ours = {name: value for name, value in request.headers.items() if name not in masked}
    assert {**ours, "host": None, "content-length": None} == {
        **{name: value for name, value in shown.items() if name not in masked},
        "host": None,
        "content-length": None,
    }
    assert attempt["response"]["headers"]["x-trace"] == "abc"
    assert attempt["response"]["body"] == '{"received": false}'
    rest = {name: attempt[name] for name in ("attempt", "address", "status", "error")}
    assert rest == {"attempt": 1, "address": "127.0.0.1", "status": 500, "error": None}
    assert attempt["request"]["method"] == "POST"


def test_a_long_answer_is_kept_up_to_twenty_thousand_bytes_and_apart(scene, way, monkeypatch):
    import random

    from local.receiver import Receiver

    text = "".join(random.Random(3).choices("abcdefghijklmnopqrstuvwxyz", k=30_000))
    with Receiver() as receiver:
        hook = scene.hook(receiver.script("/in", [500], headers={"X-Long": text[:3000]}))
        scene.submit(ONE)
        way.match_all()
        way.deliver_all()
    [record] = records(hook)
    [attempt] = map(dict, record.attempts)
    assert attempt["l"] is True
    assert len(attempt["d"]) < 1000, "a record that is written ten times must stay small"
    path = f"{scene.hooks}/{hook['id']}/deliveries/{record.id}/attempts"
    [shown] = scene.bob.get(path).json
    assert shown["response"]["headers"]["x-long"] == text[:3000]


def test_an_attempt_without_an_answer_names_its_error(scene, way):
    hook = scene.hook("http://127.0.0.1:1/")
    scene.submit(ONE)
    way.match_all()
    way.deliver_all()
    [listed] = scene.deliveries(hook)
    [attempt] = scene.bob.get(f"{scene.hooks}/{hook['id']}/deliveries/{listed['id']}/attempts").json
    assert (attempt["response"], attempt["status"], attempt["errorClass"]) == (
        None,
        None,
        "connect",
    )
    assert attempt["address"] == "127.0.0.1"
    assert attempt["request"]["headers"]["webhook-attempt"] == "1"


def test_the_body_of_an_attempt_is_what_was_sent_byte_for_byte(scene, way, hook, base, receiver):
    receiver.script("/in", [500])
    scene.submit(ONE, name="Åse")
    way.match_all()
    way.deliver_all()
    scene.edit(ONE, ONE, "uuid:two", name="Else")
    [delivery] = records(hook)
    path = f"{base}/deliveries/{delivery.id}/attempts"
    answer = scene.bob.get(f"{path}/1/body")
    assert (answer.status, answer.body) == (200, receiver.requests[0].body)
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    for number in ("0", "2", "x", "-1", "1.0", "9" * 50):
        assert scene.bob.get(f"{path}/{number}/body").json["code"] == 404.1


def test_of_what_is_purged_only_the_numbers_stay(scene, way, hook, base, sent, receiver):  # noqa: PLR0917
    receiver.script("/in", [500], headers={"X-Echo": "Geheim"})
    sent(ONE)
    scene.delete(ONE)
    path = f"{base}/deliveries/{records(hook)[0].id}"
    assert "Geheim" in scene.bob.get(f"{path}/attempts").text
    assert handler("workers/purge")({"retentionDays": 0}, None) == {"purged": 1}
    [attempt] = scene.bob.get(f"{path}/attempts").json
    assert (attempt["status"], attempt["request"], attempt["response"]) == (500, None, None)
    assert scene.bob.get(f"{path}/attempts/1/body").json["code"] == 404.1
    items = way.aws.client("dynamodb").scan(TableName=settings.TABLE_NAME)["Items"]
    assert not any(each["sk"]["S"].startswith("B#") for each in items)
    assert purge.run(0) == 0


# --- again --------------------------------------------------------------------------------------


def retry(scene, base, delivery, body=None):
    return scene.bob.post(f"{base}/deliveries/{delivery.id}/retry", body)


def test_what_has_failed_begins_anew(scene, way, hook, base, receiver, sent, time):  # noqa: PLR0917
    receiver.script("/in", [410])
    sent(ONE)
    scene.bob.post(f"{base}/enable")
    [failed] = records(hook)
    answer = retry(scene, base, failed)
    assert (answer.status, answer.json["state"], answer.json["nextAttemptAt"]) == (
        202, "pending", None,
    )  # fmt: skip
    receiver.script("/in", [500] * 9)
    assert way.deliver_all() == []
    for _ in range(9):
        [waiting] = records(hook)
        assert waiting.state == "retrying", "the whole schedule is before it again"
        time.forward((waiting.next_at - clock.micros()) / 1_000_000 + 1)
        way.wake_all(hook)
    [done] = records(hook)
    assert (done.state, len(done.attempts)) == ("succeeded", 11)
    assert [r.headers["webhook-attempt"] for r in receiver.requests] == [
        str(number) for number in range(1, 12)
    ]
    assert len({r.body for r in receiver.requests}) == 1
    assert [row["details"] for row in audits("hook.delivery.retry")] == [
        {"hookId": hook["id"], "deliveryId": failed.id}
    ]


def test_what_waits_for_its_time_comes_at_once(scene, way, hook, base, receiver, sent):  # noqa: PLR0917
    receiver.script("/in", [503], headers={"Retry-After": "7200"})
    sent(ONE)
    [waiting] = records(hook)
    assert retry(scene, base, waiting).status == 202
    way.deliver_all()
    assert records(hook)[0].state == "succeeded"


def test_what_is_under_way_is_left_alone(scene, way, hook, base):
    scene.submit(ONE)
    way.match_all()
    [pending] = records(hook)
    answer = retry(scene, base, pending)
    assert (answer.status, answer.json) == (200, {"success": True})
    assert leases.take(pending, 45)
    assert retry(scene, base, pending).json == {"success": True}
    assert audits("hook.delivery.retry") == []


def test_what_has_arrived_is_sent_again_by_force_alone(scene, way, hook, base, receiver, sent):  # noqa: PLR0917
    sent(ONE)
    [done] = records(hook)
    answer = retry(scene, base, done)
    assert (answer.status, answer.json["code"]) == (409, 409.94)
    assert retry(scene, base, done, {"force": False}).json["code"] == 409.94
    assert retry(scene, base, done, {"force": "yes"}).json["code"] == 400.11
    assert retry(scene, base, done, {"force": True}).status == 202
    way.deliver_all()
    first, second = receiver.requests
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])


def test_a_hook_that_is_turned_off_sends_nothing_again(scene, way, hook, base, receiver, sent):  # noqa: PLR0917
    receiver.script("/in", [410])
    sent(ONE)
    scene.bob.patch(base, {"active": False})
    assert retry(scene, base, records(hook)[0]).json["code"] == 409.93


def test_should_a_retry_end_halfway_the_sweep_sends_it(scene, way, hook, base, sent, time):  # noqa: PLR0917
    sent(ONE)
    assert retry(scene, base, records(hook)[0], {"force": True}).status == 202
    assert len(way.messages()) == 1, "and it gets lost"
    time.forward(61)
    assert sweep.run()["woken"] == 1
    way.deliver_all()
    [done] = records(hook)
    assert (done.state, done.due) == ("succeeded", None)


def test_of_two_retries_at_once_one_is_told(scene, way, hook, base, sent):
    from concurrent.futures import ThreadPoolExecutor

    sent(ONE)
    [done] = records(hook)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: retry(scene, base, done, {"force": True}), range(2)))
    assert sorted(answer.status for answer in answers) == [200, 202]
    assert len(audits("hook.delivery.retry")) == 1


def test_an_excerpt_of_the_answer_stands_in_lists(scene, way, hook, sent):
    sent(ONE)
    [listed] = scene.deliveries(hook)
    assert listed["attempts"][0]["response"] == '{"received": true}'
    assert EXCERPT == 500
    assert json.loads(listed["attempts"][0]["response"]) == {"received": True}
    assert (deliver.LEASE, deliveries.KEPT_DAYS) == (60, 90)
    assert gates.of(hook["id"]).disabled is False
