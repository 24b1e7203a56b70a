"""What each route and worker costs in calls to AWS, held equal to docs/calls.md.

`WRITE_DOCS=1 python -m pytest tests/catalogue/test_calls.py` writes the page's table anew.
"""

import json
import logging
import os
from itertools import groupby
from pathlib import Path

import pytest

from bench import cost
from local.receiver import Receiver
from sheaf import sealing, settings, telemetry
from sheaf.forms import forms
from sheaf.setup import bootstrap
from tests import happy, journey
from tests.api import handler, routes
from tests.happy import ROUTES
from tests.stage import Stage
from tests.wire import Wire

PAGE = Path(__file__).parents[2] / "docs" / "calls.md"
BEGIN, END = "<!-- counted -->", "<!-- /counted -->"
HEADER = "| route or worker | in sequence | calls |\n|---|---|---|\n"
# The routes that field and desk use all day.
HOT = {
    "create": "POST /v1/projects/{projectId}/forms/{xmlFormId}/submissions",
    "get": "GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}",
    "list page": "GET /v1/projects/{projectId}/forms/{xmlFormId}/submissions",
    "edit": "PUT /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}",
    "review": "PATCH /v1/projects/{projectId}/forms/{xmlFormId}/submissions/{instanceId}",
}


def names_of_routes():
    for method, path, _ in routes():
        yield "$default" if path == "/$default" else f"{method.replace('ANY', 'GET')} {path}"


def test_every_route_has_a_request():
    assert set(ROUTES) == set(names_of_routes())


@pytest.fixture
def stage(aws, monkeypatch):
    return Stage(aws, monkeypatch)


@pytest.fixture
def counted(stage, aws, monkeypatch):
    """(calls that wait for one another, names of all) by route and worker."""
    return {name: count(stage, name) for name in names_of_routes()} | workers(
        stage, aws, monkeypatch
    )


def count(stage, name):
    asked = ROUTES[name]
    method = "GET" if name == "$default" else name.split(" ")[0]
    send = asked.ready(stage.set(asked.given), method)
    # As in a process that has just started: what it keeps between requests is not there yet.
    sealing._held.clear()
    with Wire() as wire:
        answer = send()
    assert answer.status == asked.done, answer.text
    return wire.depth, wire.names


def workers(stage, aws, monkeypatch):
    sealing._held.clear()
    with Receiver() as receiver:
        steps = journey.travel(stage, lambda: 0, receiver.url)
        assert len(receiver.requests) == 2
    # One event is worked on by one thread at a time, though not by the one that began.
    found = {
        f"{name} (one event, one hook)": (len(step.calls), step.calls)
        for name, step in steps.items()
        if name.startswith("workers/")
    }
    return found | {
        "workers/sweep (nothing to do)": sweeping(aws, monkeypatch),
        "workers/tally (nothing to do)": tallying(),
        "workers/purge (one submission)": purging(stage),
        "workers/bootstrap (first deployment)": bootstrapping(stage, monkeypatch),
    }


def sweeping(aws, monkeypatch):
    queue = aws.client("sqs").create_queue(QueueName=f"failures-{settings.TABLE_NAME}")
    monkeypatch.setattr(settings, "DELIVERY_FAILURES_URL", queue["QueueUrl"])
    with Wire() as wire:
        assert handler("workers/sweep")({}, None) == {"woken": 0, "crashed": 0}
    return wire.depth, wire.names


def tallying():
    with Wire() as wire:
        assert handler("workers/tally")({}, None) == {"counted": 0}
    return wire.depth, wire.names


def purging(stage):
    stage.set(happy.a_deleted_submission)
    with Wire() as wire:
        assert handler("workers/purge")({"retentionDays": 0}, None) == {"purged": 1}
    # Another thread than this works on the submission, but one alone.
    return len(wire.names), wire.names


def bootstrapping(stage, monkeypatch):
    stage.restore({})
    monkeypatch.setattr(settings, "SECRETS_PREFIX", f"{settings.SECRETS_PREFIX}new/")
    with Wire() as wire:
        bootstrap.run({"AdminEmail": "first@example.org"})
    return wire.depth, wire.names


def shown(names):
    """Name each call, and how often it comes where that is more than once in a row."""
    runs = [(name, len(list(run))) for name, run in groupby(names)]
    return ", ".join(f"{many} {name}" if many > 1 else name for name, many in runs) or "none"


def table(counted):
    rows = (f"| `{name}` | {depth} | {shown(names)} |" for name, (depth, names) in counted.items())
    return HEADER + "\n".join(rows) + "\n"


def test_the_table_of_calls_is_true(counted):
    text = PAGE.read_text()
    head, rest = text.split(BEGIN)
    said, tail = rest.split(END)
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(f"{head}{BEGIN}\n{table(counted)}{END}{tail}")
        return
    assert said.strip() == table(counted).strip()


def test_hot_routes_make_three_calls_in_sequence_at_most(stage):
    depths = {name: count(stage, route)[0] for name, route in HOT.items()}
    assert {name for name, depth in depths.items() if depth > 3} == set(), depths


def test_a_list_asks_all_shards_side_by_side(stage):
    depth, names = count(stage, HOT["list page"])
    assert names.count("Query") == forms.SHARDS
    assert depth == names.index("Query") + 1


# --- units ------------------------------------------------------------------------------------


class Lines(logging.Handler):
    """Counts the bytes of log lines, as the product formats them."""

    def __init__(self):
        super().__init__()
        self.setFormatter(telemetry.logger.registered_formatter)
        self._size = 0

    def emit(self, record):
        self._size += len(self.format(record).encode())

    def take(self):
        size, self._size = self._size, 0
        return size


@pytest.fixture
def travelled(stage):
    sealing._held.clear()
    lines = Lines()
    logger = logging.getLogger("sheaf")
    logger.addHandler(lines)
    try:
        with Receiver() as receiver:
            steps = journey.travel(stage, lines.take, receiver.url)
            (_, hooked) = receiver.requests
    finally:
        logger.removeHandler(lines)
    return steps, hooked


def test_a_create_of_one_and_a_half_kilobytes_costs_eight_write_units_at_most(travelled):
    steps, _ = travelled
    assert 1450 <= len(journey.SUBMISSION) <= 1600
    assert sum(steps["submissions/create"].writes) <= 8


def test_the_units_that_the_price_is_made_of_are_those_counted(travelled, stage):
    counted = cost.Units.of(*travelled).to_json()
    if os.environ.get("WRITE_DOCS"):
        cost.COUNTED.write_text(json.dumps(counted, indent=2) + "\n")
    assert json.loads(cost.COUNTED.read_text()) == counted
