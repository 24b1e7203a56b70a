"""KoBoToolbox's own tests of its REST services, asked of Sheaf.

Each test bears the name of a case of theirs, behind that of its file (`kobo/apps/hook/tests` in
kobotoolbox/kpi); CASES lists them all. Where Sheaf does otherwise, the test says so and asserts
what it does; docs/kobo.md tells users of it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from lxml import etree

from local.receiver import Receiver
from sheaf import clock, settings
from sheaf.hooks import deliver, leases, sweep
from sheaf.kobo import assets
from sheaf.kobo.logs import FAILED, PENDING, PROCESSING, SUCCESS
from tests.contract.kobo.conftest import FINAL, GONE, NOT_FOUND, ORIGIN, Kobo, tell, token, told
from tests.wire import Wire

CASES = {
    "api_hook": (
        "anonymous_access create_hook create_minimal_hook editor_access editor_create"
        " non_owner_cannot_access non_owner_cannot_create anonymous_cannot_create"
        " partial_update_hook send_and_retry send_and_cannot_retry payload_template"
        " unsecured_endpoint_validation payload_template_validation hook_log_filter_success"
        " hook_log_filter_failure hook_log_filter_validation hook_log_filter_date"
        " hook_log_filter_date_validation"
    ),
    "celery": (
        "retries_stalled_submissions ignores_recent_stalled_submissions"
        " stalled_ignores_logs_with_different_status_code ignores_logs_with_message"
        " stalled_ignores_failed_status retries_multiple_stalled_submissions"
        " does_not_retry_if_hook_is_deactivated marks_zombie_processing_submissions"
        " ignores_recent_processing_submissions zombies_ignore_other_statuses"
        " marks_multiple_zombie_submissions marks_zombies_even_if_hook_is_deactivated"
        " message_explains_uncertainty"
    ),
    "email": "notifications",
    "parser": "json_parser xml_parser",
    "ssrf": "send_with_ssrf_options",
    "utils": "data_submission",
    "hook_log": (
        "pending_to_processing_to_success pending_to_processing_to_failed"
        " oom_killed_before_processing_update process_terminated oom_killed"
        " retry_logic_respects_max_retries"
    ),
}
NOT_NOW = (400, {"detail": "Data is being or has already been processed"})
MINUTE = 60


def test_every_case_is_here():
    wanted = {f"test_{file}_{case}" for file, cases in CASES.items() for case in cases.split()}
    here = {name for name in globals() if name.startswith(tuple(f"test_{f}_" for f in CASES))}
    assert here == wanted


# --- test_api_hook ------------------------------------------------------------------------------


def closed(who, hook):
    """Whether somebody is told that nothing is there: no list, no service, no logs."""
    one = f"{Kobo.HOOKS}{hook['uid']}/"
    return all(told(who.get(path)) == NOT_FOUND for path in (Kobo.HOOKS, one, f"{one}logs/"))


def test_api_hook_anonymous_access(kobo, api):
    assert closed(Kobo(api), kobo.create(GONE))


def test_api_hook_create_hook(kobo):
    """But the password and what headers say are not told again, by nobody."""
    said = {
        "active": False,
        "subset_fields": ["_id", "group/q"],
        "email_notification": False,
        "export_type": "xml",
        "auth_level": "basic_auth",
        "settings": {
            "username": "foo",
            "password": "bar-secret",
            "custom_headers": {"X-Hook-Test-Header": "test"},
        },
    }
    made = kobo.create(GONE, **said)
    hidden = {"password": None, "custom_headers": {"X-Hook-Test-Header": None}}
    shown = {**said, "settings": {**said["settings"], **hidden}}
    assert {name: made[name] for name in said} == shown
    made.pop("secret")
    assert kobo.get(kobo.one(made)).json == made


def test_api_hook_create_minimal_hook(kobo, scene):
    made = kobo.create(GONE)
    secret = made.pop("secret")
    url = f"{ORIGIN}{kobo.one(made)}"
    assert secret.startswith("whsec_")
    assert made == {
        "active": True,
        "asset": made["asset"],
        "auth_level": "no_auth",
        "date_modified": made["date_modified"],
        "email_notification": True,
        "endpoint": GONE,
        "export_type": "json",
        "failed_count": 0,
        "logs_url": f"{url}logs/",
        "name": "some hook",
        "payload_template": None,
        "pending_count": 0,
        "settings": {},
        "subset_fields": [],
        "success_count": 0,
        "uid": made["uid"],
        "url": url,
        "events": ["submission.create"],
    }
    assert kobo.get(kobo.one(made)).json == made
    assert kobo.get(kobo.one(made)[:-1]).json == made
    page = {"count": 1, "next": None, "previous": None, "results": [made]}
    assert kobo.get(Kobo.HOOKS).json == kobo.get(Kobo.HOOKS[:-1]).json == page
    # It is a hook like others, and sends what KoBoToolbox sends.
    [hook] = scene.bob.get(scene.hooks).json
    assert (hook["id"], hook["bodyFormat"], hook["contentType"]) == (made["uid"], "kobo", "json")


def test_api_hook_editor_access(scene, kobo, api):
    """Who sees submissions alone may not; who manages the project, too, sees the same."""
    hook = kobo.create(GONE)
    scene.person("Vera", "viewer")
    assert closed(token(api, "Vera"), hook)
    scene.person("Ann", "manager")
    for path in (Kobo.HOOKS, kobo.one(hook), f"{kobo.one(hook)}logs/"):
        answer = token(api, "Ann").get(path)
        assert told(answer) == (200, kobo.get(path).json)


def test_api_hook_editor_create(scene, kobo, api):
    scene.person("Ann", "manager")
    made = token(api, "Ann").create(GONE, name="Hook of a form that I may edit")
    assert kobo.get(kobo.one(made)).json["name"] == "Hook of a form that I may edit"


def test_api_hook_non_owner_cannot_access(scene, kobo, api):
    scene.person("Chelsea")
    assert closed(token(api, "Chelsea"), kobo.create(GONE))


def test_api_hook_non_owner_cannot_create(scene, kobo, api):
    scene.person("Chelsea")
    answer = token(api, "Chelsea").post(Kobo.HOOKS, {"name": "mine", "endpoint": GONE})
    assert told(answer) == NOT_FOUND
    assert kobo.get(Kobo.HOOKS).json["count"] == 0


def test_api_hook_anonymous_cannot_create(kobo, api):
    answer = Kobo(api).post(Kobo.HOOKS, {"name": "nobody's", "endpoint": GONE})
    assert told(answer) == NOT_FOUND
    assert kobo.get(Kobo.HOOKS).json["count"] == 0


def test_api_hook_partial_update_hook(kobo):
    made = kobo.create(GONE, subset_fields=["q"])
    made.pop("secret")
    changed = {"name": "some disabled external service", "active": False}
    answer = kobo.patch(kobo.one(made), changed)
    modified = answer.json["date_modified"]
    assert told(answer) == (200, {**made, **changed, "date_modified": modified})
    assert modified > made["date_modified"]
    assert kobo.get(kobo.one(made)).json == answer.json


@pytest.mark.usefixtures("patient")
def test_api_hook_send_and_retry(rig):
    """What waits for its next attempt may be sent at once; nobody need wait for two minutes."""
    rig.answers(504)
    rig.deliver()
    [log] = rig.logs()
    assert (log["status"], log["status_code"], log["tries"]) == (PENDING, 504, 1)
    assert told(rig.retry(log)) == (200, {"detail": '{"received": true}', "status_code": 200})
    log = rig.kobo.get(rig.kobo.log(rig.hook, log)).json
    assert (log["status"], log["status_code"], log["tries"]) == (SUCCESS, 200, 2)
    # And at once again: what has arrived is not sent again.
    assert told(rig.retry(log)) == NOT_NOW
    assert rig.logs()[0]["tries"] == 2
    assert len(rig.receiver.requests) == 2


@pytest.mark.parametrize("busy", [False, True])
def test_api_hook_send_and_cannot_retry(rig, busy):
    """Neither what has just been put in line, nor what is under way."""
    rig.enqueue()
    assert not busy or leases.take(rig.records()[0], 45)
    [log] = rig.logs()
    assert (log["status"], log["status_code"]) == (PROCESSING if busy else PENDING, None)
    assert told(rig.retry(log)) == NOT_NOW
    assert rig.logs() == [log]
    assert log["tries"] == 0


def test_api_hook_payload_template(scene, kobo, way, receiver):
    plain = kobo.create(f"{receiver.url}/plain")
    hook = kobo.create(f"{receiver.url}/in", payload_template='{"fields": %SUBMISSION%}')
    scene.submit("uuid:one")
    tell(way)
    [wrapped], [bare] = receiver.at("/in"), receiver.at("/plain")
    assert wrapped.json() == {"fields": bare.json()}
    assert [kobo.logs(each)[0]["status_code"] for each in (hook, plain)] == [200, 200]


def test_api_hook_unsecured_endpoint_validation(kobo, monkeypatch):
    """As where ALLOW_UNSECURED_HOOK_ENDPOINTS is off, which here is the default."""
    monkeypatch.setattr(settings, "HOOK_TARGETS", "public")
    answer = kobo.post(Kobo.HOOKS, {"name": "x", "endpoint": "http://example.org/in"})
    assert told(answer) == (400, {"endpoint": ["Unsecured endpoint is not allowed"]})


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"payload_template": "foo"}, "Invalid JSON"),
        ({"payload_template": "{foo: %SUBMISSION%}"}, "Invalid JSON"),
        (
            {"payload_template": '{"fields": %SUBMISSION%}', "export_type": "xml"},
            "Can be used only with JSON submission format",
        ),
    ],
)
def test_api_hook_payload_template_validation(kobo, said, reason):
    answer = kobo.post(Kobo.HOOKS, {"name": "x", "endpoint": GONE, **said})
    assert told(answer) == (400, {"payload_template": [reason]})


def test_api_hook_hook_log_filter_success(rig):
    rig.deliver()
    assert rig.statuses(f"?status={SUCCESS}") == [SUCCESS]
    assert rig.logs(f"?status={FAILED}") == []


def test_api_hook_hook_log_filter_failure(rig):
    """A 504 will be tried again, so it is pending. What is given up has failed."""
    rig.answers(504)
    rig.deliver("uuid:one")
    rig.answers(400, headers=FINAL)
    rig.deliver("uuid:two")
    assert rig.logs(f"?status={SUCCESS}") == []
    [pending] = rig.logs(f"?status={PENDING}")
    [failed] = rig.logs(f"?status={FAILED}")
    assert [each["status_code"] for each in (pending, failed)] == [504, 400]


def test_api_hook_hook_log_filter_validation(kobo):
    logs = f"{kobo.one(kobo.create(GONE))}logs/"
    for wrong in ("abc", "4", "-1", "1.0"):
        answer = kobo.get(f"{logs}?status={wrong}")
        assert told(answer) == (400, {"status": [f"{wrong} is not a valid choice."]})


@pytest.mark.parametrize(("start", "end"), [("start", "end"), ("start_date", "end_date")])
def test_api_hook_hook_log_filter_date(rig, start, end):
    rig.deliver()

    def at(minutes, zone=""):
        moment = datetime.now(UTC) + timedelta(minutes=minutes)
        return quote(f"{moment:%Y-%m-%dT%H:%M:%S}{zone}")

    for query, count in (
        (f"?{start}={at(-5)}&{end}={at(5)}", 1),
        (f"?{start}={at(5)}", 0),
        (f"?{end}={at(-5)}", 0),
        (f"?{start}={at(-5, '-02:00')}&{end}={at(5, '-02:00')}", 0),
        (f"?{start}={at(115, '+02:00')}&{end}={at(125, '+02:00')}", 1),
    ):
        assert len(rig.logs(query)) == count, query


@pytest.mark.parametrize("name", ["start_date", "end_date", "start", "end"])
def test_api_hook_hook_log_filter_date_validation(kobo, name):
    logs = f"{kobo.one(kobo.create(GONE))}logs/"
    for wrong in ("abc", "2023-13-01", ""):
        answer = kobo.get(f"{logs}?{name}={wrong}")
        assert told(answer) == (400, {name: ["Enter a valid date/time."]}), wrong


# --- test_celery --------------------------------------------------------------------------------
# What KoBoToolbox's beat looks for after two hours, the sweep finds within two minutes.


def test_celery_retries_stalled_submissions(rig):
    rig.enqueue()
    assert rig.later(2 * MINUTE) == 1
    assert rig.statuses() == [SUCCESS]


def test_celery_ignores_recent_stalled_submissions(rig):
    rig.enqueue()
    assert rig.later(45) == 0
    assert rig.statuses() == [PENDING]


def test_celery_stalled_ignores_logs_with_different_status_code(rig):
    """What was answered waits for its own time, and is not stalled."""
    rig.answers(500, 500)
    rig.deliver()
    rig.later(10)
    rig.wake()
    [log] = rig.logs()
    assert (log["status"], log["status_code"], log["tries"]) == (PENDING, 500, 2)
    assert rig.later(MINUTE) == 0
    assert rig.logs() == [log]


def test_celery_ignores_logs_with_message(rig):
    """Nor what could not be sent, of which the log says why."""
    rig.kobo.patch(rig.kobo.one(rig.hook), {"endpoint": GONE})
    rig.deliver()
    rig.later(10)
    rig.wake()
    [log] = rig.logs()
    assert (log["status"], log["status_code"], log["tries"]) == (PENDING, None, 2)
    assert log["message"].startswith("connect: ")
    assert rig.later(MINUTE) == 0
    assert rig.logs() == [log]


def test_celery_stalled_ignores_failed_status(rig):
    rig.answers(400, headers=FINAL)
    rig.deliver()
    assert [rig.later(each * MINUTE) for each in (2, 120)] == [0, 0]
    assert rig.statuses() == [FAILED]
    assert len(rig.receiver.requests) == 1


def test_celery_retries_multiple_stalled_submissions(rig):
    rig.enqueue("uuid:one", "uuid:two", "uuid:three")
    assert rig.later(2 * MINUTE) == 3
    assert rig.statuses() == [SUCCESS] * 3


def test_celery_does_not_retry_if_hook_is_deactivated(rig):
    """What waits is ended for good, and its log says why."""
    rig.enqueue("uuid:one", "uuid:two")
    rig.deactivate()
    rig.later(2 * MINUTE)
    assert rig.receiver.requests == []
    assert [(log["status"], log["message"]) for log in rig.logs()] == [
        (FAILED, "The hook is turned off.")
    ] * 2


def let_die(rig, *instance_ids):
    """Leave deliveries under way whose worker has died with them."""
    rig.enqueue(*instance_ids)
    assert all(leases.take(each, deliver.LEASE) for each in rig.records())


def test_celery_marks_zombie_processing_submissions(rig):
    """They are not given up: they are sent (again), by an id that tells receivers of it."""
    let_die(rig, "uuid:one")
    assert rig.statuses() == [PROCESSING]
    rig.later(3 * MINUTE)
    [log] = rig.logs()
    assert log["status"] == SUCCESS
    assert rig.receiver.requests[0].headers["webhook-id"] == log["uid"]


def test_celery_ignores_recent_processing_submissions(rig):
    let_die(rig, "uuid:one")
    assert rig.later(45) == 0
    assert rig.statuses() == [PROCESSING]
    assert rig.receiver.requests == []


def test_celery_zombies_ignore_other_statuses(rig):
    """Pending, failed and sent: each stays as it is."""
    rig.deliver("uuid:one")
    rig.answers(400, headers=FINAL)
    rig.deliver("uuid:two")
    rig.answers(504, 504)
    rig.deliver("uuid:three")
    rig.later(10)
    rig.wake()
    before = rig.logs()
    assert [log["status"] for log in before] == [PENDING, FAILED, SUCCESS]
    assert rig.later(2 * MINUTE) == 0
    assert rig.logs() == before


def test_celery_marks_multiple_zombie_submissions(rig):
    let_die(rig, "uuid:one", "uuid:two", "uuid:three")
    rig.later(3 * MINUTE)
    assert rig.statuses() == [SUCCESS] * 3


def test_celery_marks_zombies_even_if_hook_is_deactivated(rig):
    let_die(rig, "uuid:one", "uuid:two")
    rig.deactivate()
    rig.later(3 * MINUTE)
    assert rig.statuses() == [FAILED] * 2
    assert rig.receiver.requests == []


def test_celery_message_explains_uncertainty(rig):
    """What has killed five workers is known to have been interrupted; and it is tried again."""
    [message] = rig.enqueue()
    assert leases.take(rig.records()[0], deliver.LEASE)
    url = settings.DELIVERY_FAILURES_URL
    rig.way.aws.client("sqs").send_message(QueueUrl=url, MessageBody=message["body"])
    rig.time.forward(deliver.LEASE + 1)
    assert sweep.run()["crashed"] == 1
    [log] = rig.logs()
    assert (log["status"], log["status_code"], log["tries"]) == (PENDING, None, 1)
    assert log["message"] == "crash: The delivery was interrupted five times."
    rig.later(2 * MINUTE)
    rig.wake()
    assert rig.statuses() == [SUCCESS]


# --- test_email ---------------------------------------------------------------------------------


def test_email_notifications(rig, caplog):
    """Who is to be told is told by an alarm, which counts a line of the log for each failure."""
    quiet = rig.kobo.create(f"{rig.receiver.url}/quiet", email_notification=False)
    rig.answers(400, headers=FINAL)
    rig.receiver.script("/quiet", [400], headers=FINAL)
    rig.deliver()
    [log], [other] = rig.logs(), rig.kobo.logs(quiet)
    lines = [each for each in caplog.records if each.getMessage().startswith("hook.")]
    assert {(line.getMessage(), line.delivery, line.status) for line in lines} == {
        ("hook.failed", log["uid"], 400),
        ("hook.given_up", other["uid"], 400),
    }
    assert len(lines) == 2


# --- test_parser --------------------------------------------------------------------------------

ANSWERS = {
    "group1": {"q1": "¿Uno?", "q2": "¿Dos?", "q3": "¿Tres?"},
    "group2": {"subgroup1": {"q4": "cuatro", "q5": "cinco", "q6": "seis"}},
    "group3": {"subgroup11": {"q7": "siete"}},
}


def tags(of, leaf):
    """Write groups as elements; `leaf` gives what is in a field."""
    return "".join(
        f"<{name}>{tags(inner, leaf) if isinstance(inner, dict) else leaf(inner)}</{name}>"
        for name, inner in of.items()
    )


@pytest.fixture
def nested(scene):
    """A form of groups in groups, and how to fill it."""
    head = 'xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"'
    form = (
        f"<h:html {head}><h:head><h:title>Nested</h:title><model><instance>"
        f'<data id="nested" version="1">{tags(ANSWERS, lambda _: "")}'
        "<meta><instanceID/></meta></data></instance></model></h:head><h:body/></h:html>"
    )
    assert scene.bob.post(f"{scene.FORMS}?publish=true", form.encode()).status == 200

    def fill():
        meta = "<meta><instanceID>uuid:one</instanceID></meta>"
        filled = f'<data id="nested" version="1">{tags(ANSWERS, str)}{meta}</data>'
        path = f"{scene.FORMS}/nested/submissions"
        assert scene.bob.post(path, filled.encode()).status == 200

    return fill


def nested_hook(kobo, url, **said):
    path = f"/api/v2/assets/{assets.named(1, 'nested')}/hooks/"
    answer = kobo.post(path, {"name": "x", "endpoint": url, **said})
    assert answer.status == 201, answer.text


def test_parser_json_parser(kobo, way, receiver, nested):
    """A name means what bears it, anywhere; `subgroup1` is not `subgroup11`."""
    nested_hook(kobo, f"{receiver.url}/in", subset_fields=["_id", "subgroup1", "q3"])
    nested()
    tell(way)
    [record] = [each.json() for each in receiver.requests]
    assert record == {
        "_id": record["_id"],
        "group1/q3": "¿Tres?",
        "group2/subgroup1/q4": "cuatro",
        "group2/subgroup1/q5": "cinco",
        "group2/subgroup1/q6": "seis",
    }
    assert isinstance(record["_id"], int)


def test_parser_xml_parser(kobo, way, receiver, nested):
    subset = ["meta", "subgroup1", "q3"]
    nested_hook(kobo, f"{receiver.url}/in", export_type="xml", subset_fields=subset)
    nested()
    tell(way)
    [request] = receiver.requests
    assert request.headers["content-type"] == "application/xml"
    assert request.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    kept = {"group1": {"q3": "¿Tres?"}, "group2": ANSWERS["group2"]}
    meta = "<meta><instanceID>uuid:one</instanceID></meta>"
    wanted = f'<data id="nested" version="1">{tags(kept, str)}{meta}</data>'
    assert etree.canonicalize(request.body.decode(), strip_text=True) == wanted


# --- test_ssrf ----------------------------------------------------------------------------------


def test_ssrf_send_with_ssrf_options(rig, monkeypatch):
    """What may not be reached is given up without a connection, and looks the same to all."""
    monkeypatch.setattr(settings, "HOOK_TARGETS", "public")
    rig.deliver()
    [log] = rig.logs()
    assert (log["status"], log["status_code"], log["tries"]) == (FAILED, None, 1)
    assert log["message"] == "blocked: the URL must begin with https://."
    assert rig.receiver.requests == []


# --- test_utils ---------------------------------------------------------------------------------


def test_utils_data_submission(rig):
    """A second service gets its own, the first nothing again, and a third turn nobody anything.

    Here the second hears of what came after it was made; of the rest, when it asks for a replay.
    """
    rig.deliver("uuid:one")
    second = rig.kobo.create(f"{rig.receiver.url}/second")
    rig.deliver("uuid:two")
    before = rig.logs(), rig.kobo.logs(second)
    assert [len(logs) for logs in before] == [2, 1]
    tell(rig.way)
    assert (rig.logs(), rig.kobo.logs(second)) == before
    assert [len(rig.receiver.at(path)) for path in ("/in", "/second")] == [2, 1]


# --- test_hook_log ------------------------------------------------------------------------------


class KilledError(BaseException):
    """The process ends here: nothing that handles errors sees it."""


def seen_during_delivery(scene, way, kobo, *, status, headers=None):
    """Give the log before, during and after an attempt."""
    seen = []
    with Receiver(on_request=lambda _: seen.append(kobo.logs(hook)[0])) as receiver:
        receiver.script("/in", [status], headers=headers)
        hook = kobo.create(f"{receiver.url}/in")
        scene.submit("uuid:one")
        way.match_all()
        seen.append(kobo.logs(hook)[0])
        assert way.deliver_all() == []
        seen.append(kobo.logs(hook)[0])
    return seen


def test_hook_log_pending_to_processing_to_success(scene, kobo, way):
    seen = seen_during_delivery(scene, way, kobo, status=200)
    assert [log["status"] for log in seen] == [PENDING, PROCESSING, SUCCESS]
    assert [log["status_code"] for log in seen] == [None, None, 200]
    assert [log["tries"] for log in seen] == [0, 0, 1]
    assert [log["message"] for log in seen] == ["", "", '{"received": true}']


def test_hook_log_pending_to_processing_to_failed(scene, kobo, way):
    seen = seen_during_delivery(scene, way, kobo, status=400, headers=FINAL)
    assert [log["status"] for log in seen] == [PENDING, PROCESSING, FAILED]
    assert (seen[-1]["status_code"], seen[-1]["message"]) == (400, '{"received": false}')


def killed(rig, when):
    """Let a worker be killed at its first call of AWS for which `when` holds."""

    def cut(_number):
        if when(wire.names[-1]):
            raise KilledError

    messages = rig.enqueue()
    with Wire(before=cut) as wire, pytest.raises(KilledError):
        deliver.run(messages)
    return rig.logs()


def test_hook_log_oom_killed_before_processing_update(rig):
    [log] = killed(rig, lambda _: True)
    assert (log["status"], log["status_code"], log["tries"]) == (PENDING, None, 0)
    assert log["message"] == ""
    rig.later(2 * MINUTE)
    assert rig.statuses() == [SUCCESS]
    assert len(rig.receiver.requests) == 1


def test_hook_log_process_terminated(rig):
    """The attempt is on record, and nobody was woken for the next one: the sweep does it."""
    rig.answers(504)
    [log] = killed(rig, lambda call: call == "SendMessage")
    assert (log["status"], log["status_code"], log["tries"]) == (PENDING, 504, 1)
    assert log["message"] == '{"received": false}'
    rig.later(2 * MINUTE)
    assert [(log["status"], log["tries"]) for log in rig.logs()] == [(SUCCESS, 2)]


def test_hook_log_oom_killed(rig):
    """The receiver has it and nobody knows. It is sent once more, and can be told by its id."""
    [log] = killed(rig, lambda _: bool(rig.receiver.requests))
    assert (log["status"], log["status_code"], log["tries"]) == (PROCESSING, None, 0)
    rig.later(3 * MINUTE)
    assert rig.statuses() == [SUCCESS]
    first, second = rig.receiver.requests
    assert first.body == second.body
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == log["uid"]


@pytest.mark.usefixtures("patient")
def test_hook_log_retry_logic_respects_max_retries(rig):
    """Ten attempts, not four; the log is pending until the last. A retry by hand begins anew."""
    rig.answers(*[503] * 11)
    rig.deliver()
    for tries in range(1, 10):
        [log] = rig.logs()
        assert (log["status"], log["tries"]) == (PENDING, tries)
        rig.time.forward((rig.records()[0].next_at - clock.micros()) / 1_000_000 + 1)
        rig.wake()
    [log] = rig.logs()
    assert (log["status"], log["status_code"], log["tries"]) == (FAILED, 503, 10)
    answer = rig.retry(log)
    assert answer.status == 400
    assert answer.json["detail"].startswith("HTTP 503 - ")
    assert [(log["status"], log["tries"]) for log in rig.logs()] == [(PENDING, 11)]
