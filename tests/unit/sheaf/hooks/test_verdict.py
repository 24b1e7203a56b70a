"""What follows from an attempt."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from sheaf.hooks import deliveries
from sheaf.hooks.connect import Answer
from sheaf.hooks.verdict import JITTER, SCHEDULE, judge

NOW = 1_790_000_000_000_000


def answered(status, **headers):
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


def wait(verdict):
    return (verdict.next_at - NOW) / 1_000_000


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_a_success(status):
    assert judge(answered(status), 1, "dlv_1", NOW).state == deliveries.SUCCEEDED


@pytest.mark.parametrize("status", [None, 199, 301, 302, 307, 400, 401, 404, 409, 500, 502, 503])
def test_anything_else_is_tried_again(status):
    answer = None if status is None else answered(status)
    assert judge(answer, 1, "dlv_1", NOW).state == deliveries.RETRYING


def test_a_receiver_that_says_gone_is_believed():
    verdict = judge(answered(410), 1, "dlv_1", NOW)
    assert (verdict.state, verdict.next_at) == (deliveries.FAILED, None)
    assert verdict.disable == "The receiver answered 410 (Gone)."


@pytest.mark.parametrize(
    ("status", "said", "state", "stops"),
    [
        (200, "disable", deliveries.SUCCEEDED, True),
        (500, "Disable", deliveries.RETRYING, True),
        (500, "abort-message", deliveries.FAILED, False),
        (429, "abort-message, disable", deliveries.FAILED, True),
        (200, "abort-message", deliveries.SUCCEEDED, False),
        (500, "later, please", deliveries.RETRYING, False),
    ],
)
def test_a_receiver_steers_us_by_a_header(status, said, state, stops):
    verdict = judge(answered(status, webhook_delivery=said), 1, "dlv_1", NOW)
    assert (verdict.state, verdict.disable is not None) == (state, stops)


def test_the_schedule_is_that_of_standard_webhooks():
    assert SCHEDULE == (0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
    assert round(sum(SCHEDULE) / 3600, 1) == 75.6
    for tries in range(1, 10):
        seconds = wait(judge(None, tries, "dlv_1", NOW))
        assert SCHEDULE[tries] * (1 - JITTER) <= seconds <= SCHEDULE[tries] * (1 + JITTER)
    assert judge(None, 10, "dlv_1", NOW).state == deliveries.FAILED


def test_jitter_spreads_deliveries_evenly():
    waits = sorted(wait(judge(None, 2, f"dlv_{number}", NOW)) for number in range(1000))
    assert waits[0] < 244
    assert waits[-1] > 356
    assert abs(waits[500] - 300) < 8


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_receiver_says_how_long_to_wait(status):
    assert wait(judge(answered(status, retry_after="120"), 1, "d", NOW)) == 120
    moment = datetime.fromtimestamp(NOW // 1_000_000 + 90, UTC)
    dated = answered(status, retry_after=format_datetime(moment, usegmt=True))
    assert wait(judge(dated, 1, "d", NOW)) == 90


def test_the_schedule_is_the_least_and_a_day_the_most():
    assert wait(judge(answered(503, retry_after="1"), 2, "d", NOW)) >= 240
    assert wait(judge(answered(503, retry_after="999999999999"), 1, "d", NOW)) == 86_400
    late = answered(429, retry_after="Fri, 01 Jan 2100 00:00:00 GMT")
    assert wait(judge(late, 1, "d", NOW)) == 86_400


@pytest.mark.parametrize(
    "text", ["", "soon", "-5", "1.5", "٣", "Mon, 99 Foo", "Thu, 01 Jan 1970 00:00:00 GMT"]
)
def test_what_cannot_be_read_says_nothing(text):
    assert wait(judge(answered(503, retry_after=text), 1, "d", NOW)) <= 6


def test_other_answers_cannot_ask_for_a_wait():
    assert wait(judge(answered(500, retry_after="600"), 1, "d", NOW)) <= 6
