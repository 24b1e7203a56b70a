"""Encrypting a project that has forms is many changes; cut off anywhere, the rest of it follows.

Each change is whole by itself: a project with its key and the event that calls the worker, a form
with its new version and the row that tells of it. Whoever comes next, the client who asks again or
the worker, ends where an undisturbed request would.
"""

import itertools
import json

import pytest

from sheaf.db import keys
from sheaf.db.audit import Audit
from sheaf.hooks import events
from tests import happy
from tests.api import handler
from tests.cast import xform
from tests.stage import changes
from tests.wire import Wire

KEY = f"{happy.PROJECT}/key"
PASSPHRASE = {"passphrase": "open, sesame"}
ALREADY = 409.4


class CrashError(Exception):
    """The process ends here."""


def scene(cast):
    """A published form, one with a key of its own, one that is but a draft and was tried."""
    cast.form("published")
    own = cast.alice.post(f"{cast.FORMS}?publish=true", xform("own", key="MIIBIjANBgkq"))
    assert own.status == happy.DONE, own.text
    cast.draft("drafted")
    path = f"{cast.FORMS}/drafted/draft/submissions"
    sent = cast.alice.post(path, happy.xml("uuid:1", form="drafted"))
    assert sent.status == happy.DONE, sent.text


def calls(stage):
    """What the bus hands to the worker, if the project has got its key."""
    told = [item for key, item in stage.table().items() if key[0].startswith(keys.FEED)]
    rows = [Audit.ref(("", "")).read(item) for item in told]
    return [{"detail": events.of(row)} for row in rows if row.action == "project.encrypt"]


def essence(state):
    """What there is, without the times and numbers that depend on how often it was begun."""
    forms = {
        key[1]: (item.get("k"), "dr" in item and json.loads(item["dr"]["S"]).get("key_id"))
        for key, item in state.items()
        if key[0] == "P#1" and key[1].startswith("F#")
    }
    told = [
        (item["a"]["S"], item["on"]["S"])
        for key, item in state.items()
        if key[0].startswith(keys.FEED)
    ]
    kinds = [key[0].partition("#")[0] for key in state]
    return forms, sorted(told), sorted(kinds)


def follow_up(cast, called, by):
    """Let whoever comes next do what is left."""
    if called and by != "worker":
        assert cast.alice.post(KEY, PASSPHRASE).json["code"] == ALREADY
    if by != "client":
        for each in called:
            handler("workers/encrypt")(each, None)


@pytest.mark.parametrize("by", ["client", "worker", "both"])
def test_whoever_comes_next_finishes(stage, request, by):
    cast = stage.set(scene)
    old, files = stage.table(), stage.files()
    steered = request.getfixturevalue("steered")
    with Wire() as wire:
        assert cast.alice.post(KEY, PASSPHRASE).status == happy.DONE
    new = essence(changes(stage.table()))
    assert new[0] == {
        "F#published": ({"N": "2"}, False),
        "F#own": ({"N": "1"}, False),
        "F#drafted": (None, 2),
    }
    begun = 0
    for moment, number in itertools.product(("before", "after"), range(len(wire.calls))):
        where = f"{moment} {wire.names[number]} (call {number})"
        stage.restore(old, files)
        steered.reset()

        def crash(reached, number=number):
            if reached == number:
                raise CrashError

        with Wire(**{moment: crash}):
            assert cast.alice.post(KEY, PASSPHRASE).status == 500, where
        assert stage.missing_files() == set(), where
        # In another process, later: nothing it makes has a name that was made before.
        for _ in range(500):
            steered.micros()
        called = calls(stage)
        begun += len(called)
        follow_up(cast, called, by)
        now = changes(stage.table())
        assert essence(now) == new if called else now == changes(old), where
    assert begun > len(wire.calls), "most of the way is after the key"
