"""Hooks through whatever may happen: exactly one record for each hook and event, and it gets there.

`make soak` goes on for longer, with other chances each time.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from sheaf import settings as stack
from sheaf.db.keys import FEED
from tests.api import InProcess
from tests.cast import stored
from tests.stateful.clockwork import Clock
from tests.stateful.cloud import Cloud
from tests.stateful.machine import Hooks
from tests.stateful.people import People
from tests.stateful.receiver import Receivers
from tests.stateful.store import Bucket, Store
from tests.unit.sheaf.hooks.conftest import Scene

SOAK = int(os.environ.get("SOAK", "0"))
CHECKED = settings(
    max_examples=SOAK or 20,
    stateful_step_count=60 if SOAK else 40,
    derandomize=not SOAK,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def begin(aws, template, monkeypatch):
    """Give what sets the scene anew: a project with two forms, and nothing under way."""
    store, clock = Store(template["Resources"]["Table"]["Properties"]), Clock()
    bucket = Bucket(aws, monkeypatch)
    monkeypatch.setattr(stack, "HOOK_TARGETS", "any")
    for setting in ("DELIVERY_QUEUE_URL", "DELIVERY_FAILURES_URL"):
        monkeypatch.setattr(stack, setting, f"http://127.0.0.1/{setting}")
    clock.rule(monkeypatch)
    scene = Scene(InProcess())
    scene.form("other")
    store.keep()
    before = stored(FEED)
    receivers = Receivers(clock)

    def begin() -> People:
        store.put_back()
        bucket.empty()
        clock.restart()
        receivers.restart()
        people = People(scene.bob, Cloud(clock), receivers, bucket)
        people.recall(before)
        return people

    yield begin
    receivers.close()
    store.close()


def test_whatever_happens_each_hook_is_told_of_each_event_once(begin):
    run_state_machine_as_test(lambda: Hooks(begin()), settings=CHECKED)
