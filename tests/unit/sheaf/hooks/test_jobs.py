"""Replays and retries of many: jobs that may be cut off anywhere, and make one delivery each."""

from __future__ import annotations

from itertools import count

import pytest

from sheaf import clock
from sheaf.db import keys, reads
from sheaf.hooks import events, gates, hooks, jobs, redelivery, replay, sweep
from sheaf.hooks.deliveries import Delivery
from sheaf.hooks.jobs import HookJob
from tests.api import handler
from tests.cast import audits, xml
from tests.unit.sheaf.hooks.test_crashes import survives


def records(hook) -> list[Delivery]:
    return list(Delivery.query(keys.deliveries(hook["id"]), consistent_read=True))


def states(hook) -> list[str]:
    return [each.state for each in records(hook)]


@pytest.fixture
def ask(scene, way):
    """Ask for a replay or a retry, and let the worker do it as the bus would; give the job."""

    def asked(hook, verb="replay", base=None, **body):
        path = f"{base or scene.hooks}/{hook['id']}"
        answer = scene.bob.post(f"{path}/{verb}", body)
        assert answer.status == 202, answer.text
        event = way.events(jobs.EVENT)[-1]
        assert event["jobId"] == answer.json["jobId"]
        assert handler("workers/jobs")({"detail": event}, None) is None
        job = scene.bob.get(f"{path}/jobs/{event['jobId']}").json
        assert job["state"] == "done"
        assert {**answer.json, **job} == job
        return job

    return asked


@pytest.fixture
def drain(way):
    """Deliver until nothing comes any more."""

    def drained() -> None:
        while messages := way.messages():
            from sheaf.hooks import deliver

            assert deliver.run(messages) == []

    return drained


def tally(job) -> tuple[int, int, int, int]:
    return tuple(job[name] for name in jobs.COUNTS)


def test_what_was_collected_before_the_hook_existed_is_told(scene, way, receiver, ask, drain):
    for number in range(3):
        scene.submit(f"uuid:{number}", age=f"{number}")
    scene.edit("uuid:0", "uuid:0", "uuid:new", age="9")
    scene.delete("uuid:1")
    hook = scene.hook(receiver.script("/in"), events=["submission.create"])
    way.match_all()
    assert records(hook) == [], "it did not exist"
    job = ask(hook)
    assert (tally(job), job["mode"], job["events"]) == (
        (3, 3, 0, 0), "missing", ["submission.create"],
    )  # fmt: skip
    drain()
    told = [received.json() for received in receiver.requests]
    assert sorted((body["id"], body["data"]["submission"]["age"]) for body in told) == [
        ("uuid:0", 0), ("uuid:1", 1), ("uuid:2", 2),
    ]  # fmt: skip
    assert {body["replay"] for body in told} == {True}
    assert states(hook) == ["succeeded"] * 3


def test_a_replay_of_what_is_missing_sends_nothing_the_second_time(
    scene, way, receiver, ask, drain
):
    scene.submit("uuid:0")
    hook = scene.hook(receiver.script("/in"))
    scene.submit("uuid:1")
    way.match_all()
    assert tally(ask(hook)) == (1, 1, 0, 0)
    drain()
    assert tally(ask(hook)) == (0, 0, 0, 0)
    drain()
    assert sorted(received.json()["id"] for received in receiver.requests) == ["uuid:0", "uuid:1"]


def test_the_mode_failed_sends_again_what_has_failed_and_makes_what_is_missing(
    scene, way, receiver, ask, drain
):
    scene.submit("uuid:before")
    receiver.script("/in", [410])
    hook = scene.hook(receiver.url + "/in")
    scene.submit("uuid:failed")
    way.match_all()
    drain()
    scene.bob.post(f"{scene.hooks}/{hook['id']}/enable")
    scene.submit("uuid:fine")
    way.match_all()
    drain()
    assert states(hook) == ["failed", "succeeded"]
    assert tally(ask(hook, mode="failed")) == (2, 1, 1, 0)
    drain()
    assert states(hook) == ["succeeded"] * 3
    ids = [received.json()["id"] for received in receiver.requests]
    assert sorted(ids) == ["uuid:before", "uuid:failed", "uuid:failed", "uuid:fine"]


def test_the_mode_all_sends_everything_again_with_the_same_bytes(scene, way, receiver, ask, drain):
    hook = scene.hook(receiver.script("/in"))
    scene.submit("uuid:0", age="1")
    way.match_all()
    drain()
    scene.edit("uuid:0", "uuid:0", "uuid:new", age="2")
    way.match_all()
    drain()
    job = ask(hook, mode="all", events=["submission.create"])
    assert tally(job) == (1, 0, 1, 0)
    drain()
    first, edited, again = receiver.requests
    assert (first.body, first.headers["webhook-id"]) == (again.body, again.headers["webhook-id"])
    assert first.body != edited.body
    assert again.headers["webhook-attempt"] == "2"


def test_a_span_of_time_and_types_of_events_are_picked(scene, way, receiver, ask):
    moments = []
    for number in range(4):
        scene.submit(f"uuid:{number}")
        moments.append(way.events(events.CREATE)[-1]["loggedAt"])
        scene.review(f"uuid:{number}", "approved")
    hook = scene.hook(receiver.script("/in"), events=["submission.delete"])
    job = ask(
        hook, start=moments[1], end=moments[3], events=["submission.update", "submission.create"]
    )
    assert tally(job) == (4, 4, 0, 0)
    assert (job["start"], job["end"]) == (moments[1], moments[3])
    assert [(each.kind, each.instance_id) for each in records(hook)] == [
        (kind, f"uuid:{number}")
        for number in (1, 2)
        for kind in ("submission.create", "submission.update")
    ]


def test_a_filter_decides_and_its_count_is_known_when_the_job_is_done(
    scene, way, receiver, ask, drain
):
    for number in range(4):
        scene.submit(f"uuid:{number}", age=f"{number}")
    hook = scene.hook(receiver.script("/in"))
    old = {"data": {"submission": {"age": [{"numeric": [">=", 2]}]}}}
    dry = ask(hook, filter=old, dryRun=True)
    assert (tally(dry), dry["dryRun"], records(hook)) == ((2, 2, 0, 2), True, [])
    assert tally(ask(hook, filter=old)) == (2, 2, 0, 2)
    drain()
    assert sorted(received.json()["id"] for received in receiver.requests) == ["uuid:2", "uuid:3"]
    assert tally(ask(hook, filter=old, mode="all")) == (2, 0, 2, 2)


def test_a_hooks_own_filter_holds_unless_another_is_named(scene, way, receiver, ask):
    for number in range(3):
        scene.submit(f"uuid:{number}", age=f"{number}")
    two = {"data": {"submission": {"age": [2]}}}
    hook = scene.hook(receiver.script("/in"), filter=two)
    assert tally(ask(hook, dryRun=True)) == (1, 1, 0, 2)
    assert tally(ask(hook, filter=None)) == (3, 3, 0, 0)


def test_a_dry_run_counts_and_does_nothing(scene, way, receiver, ask, drain):
    scene.submit("uuid:0")
    hook = scene.hook(receiver.script("/in"))
    scene.submit("uuid:1")
    way.match_all()
    drain()
    assert tally(ask(hook, dryRun=True, mode="all")) == (2, 1, 1, 0)
    drain()
    assert len(receiver.requests) == len(records(hook)) == 1


def test_a_hook_of_the_project_is_told_of_all_its_forms(scene, way, receiver, ask, drain):
    scene.form("other")
    scene.submit("uuid:0")
    path = f"{scene.FORMS}/other/submissions"
    assert scene.bob.post(path, xml("uuid:1", form="other")).status == 200
    form = scene.hook(receiver.script("/form"))
    whole = scene.bob.post(
        "/v1/projects/1/hooks", {"name": "all", "url": receiver.script("/all")}
    ).json
    assert tally(ask(form)) == (1, 1, 0, 0)
    assert tally(ask(whole, base="/v1/projects/1/hooks")) == (2, 2, 0, 0)
    drain()
    assert len(receiver.at("/form")) == 1
    assert len(receiver.at("/all")) == 2


def test_drafts_and_what_is_no_news_are_not_told(scene, way, receiver, ask):
    scene.submit("uuid:0")
    scene.review("uuid:0", None)
    scene.review("uuid:0", "approved")
    hook = scene.hook(receiver.script("/in"))
    assert tally(ask(hook, events=["submission.update"])) == (1, 1, 0, 0)


def test_what_is_purged_is_passed_over(scene, way, receiver, ask):
    scene.submit("uuid:gone")
    scene.submit("uuid:there")
    scene.delete("uuid:gone")
    assert handler("workers/purge")({"retentionDays": 0}, None) == {"purged": 1}
    hook = scene.hook(receiver.script("/in"), events=["submission.create"])
    assert tally(ask(hook)) == (1, 1, 0, 1)
    assert [each.instance_id for each in records(hook)] == ["uuid:there"]


# --- retry --------------------------------------------------------------------------------------


def test_many_that_failed_are_sent_again(scene, way, receiver, ask, drain):
    receiver.script("/in", [500] * 3, headers={"webhook-delivery": "abort-message"})
    hook = scene.hook(receiver.url + "/in")
    for number in range(5):
        scene.submit(f"uuid:{number}")
    way.match_all()
    drain()
    assert sorted(states(hook)) == ["failed"] * 3 + ["succeeded"] * 2
    job = ask(hook, "retry")
    assert (tally(job), job["type"]) == ((3, 0, 3, 0), "retry")
    assert job["state"] == "done"
    drain()
    assert states(hook) == ["succeeded"] * 5
    assert tally(ask(hook, "retry")) == (0, 0, 0, 0)
    assert tally(ask(hook, "retry", state=["succeeded"])) == (5, 0, 5, 0)
    drain()
    assert len(receiver.requests) == 13


def test_what_waits_for_its_next_attempt_need_not_wait_when_the_receiver_is_back(
    scene, way, receiver, ask, drain
):
    """After an outage: the next attempts may be hours away, within the queue's reach or beyond."""
    receiver.script("/in", [500, 503, 200, 503], headers={"Retry-After": "7200"})
    hook = scene.hook(receiver.url + "/in")
    for number in range(4):
        scene.submit(f"uuid:{number}")
        way.match_all()
        way.deliver_all()
    assert states(hook) == ["retrying", "retrying", "succeeded", "retrying"]
    assert [record.due is not None for record in records(hook)] == [False, True, False, True]
    assert tally(ask(hook, "retry")) == (0, 0, 0, 0)
    job = ask(hook, "retry", state=["retrying"])
    assert tally(job) == (3, 0, 3, 0)
    assert [record.due for record in records(hook)] == [None] * 4
    assert sum(record.tries for record in records(hook)) == 1, "their schedules begin anew"
    drain()
    assert states(hook) == ["succeeded"] * 4
    assert tally(ask(hook, "retry", state=["retrying"])) == (0, 0, 0, 0)
    sent = [request.headers["webhook-id"] for request in receiver.requests]
    assert (len(sent), len(set(sent))) == (7, 4)


def test_a_retry_picks_a_span_of_time(scene, way, receiver, ask, drain):
    hook = scene.hook(receiver.script("/in"))
    moments = []
    for number in range(3):
        scene.submit(f"uuid:{number}")
        moments.append(way.events(events.CREATE)[-1]["loggedAt"])
    way.match_all()
    drain()
    job = ask(hook, "retry", state=["succeeded"], start=moments[1], end=moments[2])
    assert tally(job) == (1, 0, 1, 0)
    drain()
    assert receiver.requests[-1].json()["id"] == "uuid:1"


# --- requests -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "body", "code"),
    [
        ("replay", {"mode": "some"}, 400.8),
        ("replay", {"mode": None}, 400.8),
        ("replay", {"events": ["form.create"]}, 400.8),
        ("replay", {"events": "submission.create"}, 400.11),
        ("replay", {"filter": {"data": "x"}}, 400.8),
        ("replay", {"dryRun": 1}, 400.11),
        ("replay", {"start": "soon"}, 400.11),
        ("replay", {"end": 5}, 400.11),
        ("retry", {"state": ["pending"]}, 400.8),
        ("retry", {"state": "failed"}, 400.11),
        ("retry", {"start": "soon"}, 400.11),
    ],
)
def test_what_makes_no_sense_is_refused(scene, verb, body, code):
    hook = scene.hook("http://127.0.0.1:1/")
    answer = scene.bob.post(f"{scene.hooks}/{hook['id']}/{verb}", body)
    assert (int(code), answer.json["code"]) == (answer.status, code)
    assert audits("hook.replay", "hook.retry") == []


def test_more_than_one_request_may_be_about_is_refused_with_where_to_stop(
    scene, way, monkeypatch, ask
):
    monkeypatch.setattr(replay, "MOST", 2)
    for number in range(4):
        scene.submit(f"uuid:{number}")
    hook = scene.hook("http://127.0.0.1:1/")
    path = f"{scene.hooks}/{hook['id']}/replay"
    answer = scene.bob.post(path, {})
    third = way.events(events.CREATE)[2]["loggedAt"]
    assert (answer.json["code"], answer.json["details"]) == (400.93, {"limit": 2, "until": third})
    assert tally(ask(hook, end=third)) == (2, 2, 0, 0)
    assert tally(ask(hook, start=third)) == (2, 2, 0, 0)


def test_a_span_with_too_many_rows_to_read_is_refused_too(scene, way, monkeypatch):
    hook = scene.hook("http://127.0.0.1:1/")
    monkeypatch.setattr("sheaf.hooks.feeds.MOST_ROWS", 2)
    for number in range(4):
        scene.submit(f"uuid:{number}")
    answer = scene.bob.post(f"{scene.hooks}/{hook['id']}/replay", {})
    assert answer.json["code"] == 400.93


def test_a_hook_that_is_turned_off_is_told_of_nothing(scene):
    hook = scene.hook("http://127.0.0.1:1/", active=False)
    for verb in ("replay", "retry"):
        answer = scene.bob.post(f"{scene.hooks}/{hook['id']}/{verb}", {})
        assert answer.json["code"] == 409.93


def test_a_job_is_told_in_the_audit_log_and_its_event_is_not(scene, way, ask, receiver):
    scene.submit("uuid:0")
    hook = scene.hook(receiver.script("/in"))
    job = ask(hook)
    [row] = audits("hook.replay")
    assert (row["actorId"], row["details"]) == (
        scene.ids["Bob"], {"hookId": hook["id"], "jobId": job["jobId"], "matched": 1},
    )  # fmt: skip
    [hidden] = [each for each in way.images() if each["a"]["S"] == jobs.EVENT]
    assert hidden["pk"]["S"].startswith("E#n")


def test_a_job_that_is_not_there(scene):
    hook = scene.hook("http://127.0.0.1:1/")
    answer = scene.bob.get(f"{scene.hooks}/{hook['id']}/jobs/job_none")
    assert answer.json["code"] == 404.1


# --- crashes ------------------------------------------------------------------------------------


def start(scene, way, hook, **body) -> tuple[str, str]:
    answer = scene.bob.post(f"{scene.hooks}/{hook['id']}/replay", body)
    assert answer.status == 202, answer.text
    return hook["id"], answer.json["jobId"]


@pytest.mark.parametrize(("mode", "when"), [("missing", "before"), ("all", "after")])
def test_a_worker_that_is_cut_off_at_any_call_is_made_good_by_the_next(  # noqa: PLR0917
    scene, way, time, receiver, monkeypatch, drain, when, mode
):  # fmt: skip
    """The counts are those of a job that nobody disturbed, and nothing is sent twice."""
    monkeypatch.setattr(redelivery, "_SIDE_BY_SIDE", 1)
    monkeypatch.setattr(redelivery, "_PORTION", 1)
    monkeypatch.setattr(hooks, "LIMIT", 100)
    for number in range(2):
        scene.submit(f"uuid:{number}")
    for number in count(1):
        url = receiver.script(f"/{when}{mode}{number}")
        hook = scene.hook(url, events=["submission.create"])
        if mode == "all":
            redelivery.run(*start(scene, way, hook, mode="missing"))
            drain()
            receiver.requests.clear()
        job = start(scene, way, hook, mode=mode)
        done = survives(lambda job=job: redelivery.run(*job), number, when, monkeypatch)
        time.forward(61)
        redelivery.run(*job)
        drain()
        time.forward(61)
        sweep.run()
        drain()
        shown = reads.get(HookJob.ref(keys.job(*job))).to_api()
        expected = (2, 2, 0, 0) if mode == "missing" else (2, 0, 2, 0)
        assert (shown["state"], tally(shown)) == ("done", expected), number
        assert states(hook) == ["succeeded"] * 2
        ids = [r.json()["id"] for r in receiver.at(f"/{when}{mode}{number}")]
        assert sorted(ids) == ["uuid:0", "uuid:1"], number
        if done:
            break
    assert number > 10


def test_a_job_whose_worker_is_not_heard_of_is_begun_again_by_the_sweep(scene, way, time, receiver):
    scene.submit("uuid:0")
    hook = scene.hook(receiver.script("/in"))
    hook_id, job_id = start(scene, way, hook)
    job = reads.get(HookJob.ref(keys.job(hook_id, job_id)))
    assert jobs.take(job)
    time.forward(120)
    sweep.run()
    assert len(way.events(jobs.EVENT)) == 1, "it may still be at it"
    time.forward(240)
    sweep.run()
    first, again = way.events(jobs.EVENT)
    assert (again["hookId"], again["jobId"]) == (first["hookId"], first["jobId"])
    assert first["eventId"] != again["eventId"]
    handler("workers/jobs")({"detail": again}, None)
    job = reads.get(HookJob.ref(keys.job(hook_id, job_id)))
    assert (job.state, job.due, job.due_at, job.lease) == ("done", None, None, None)
    handler("workers/jobs")({"detail": again}, None)
    assert len(records(hook)) == 1


def test_while_one_is_at_it_another_does_nothing(scene, way, receiver):
    scene.submit("uuid:0")
    hook = scene.hook(receiver.script("/in"))
    key = start(scene, way, hook)
    assert jobs.take(reads.get(HookJob.ref(keys.job(*key))))
    redelivery.run(*key)
    assert records(hook) == []


def test_a_job_of_a_hook_that_is_deleted_meanwhile_ends(scene, way, receiver):
    scene.submit("uuid:0")
    hook = scene.hook(receiver.script("/in"))
    key = start(scene, way, hook)
    scene.bob.delete(f"{scene.hooks}/{hook['id']}")
    redelivery.run(*key)
    assert reads.get(HookJob.ref(keys.job(*key))).state == "done"
    assert records(hook) == []


def test_what_a_job_makes_waits_behind_the_gate_and_comes_by_portions(  # noqa: PLR0917
    scene, way, receiver, ask, monkeypatch, time
):
    for number in range(6):
        scene.submit(f"uuid:{number}")
    hook = scene.hook(receiver.script("/in"))
    time.forward(86_400)
    ask(hook)
    # A receiver that nobody knows is tried with a few.
    assert len(way.messages()) == 6
    gate = gates.of(hook["id"])
    assert (gate.parked, gate.cursor) == (True, records(hook)[0].sk)
    assert all(each.due is None for each in records(hook))
    assert clock.micros() > keys.micros(gate.cursor) + 86_000_000_000
