"""Time and chance."""

from __future__ import annotations

import re
import threading
import time
import uuid

from sheaf import clock


def test_times_grow_with_every_call_on_all_threads():
    seen: list[int] = []

    def take():
        mine = [clock.micros() for _ in range(2000)]
        assert mine == sorted(set(mine))
        seen.extend(mine)

    before = time.time_ns() // 1000
    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 8000
    assert min(seen) >= before
    assert len(str(max(seen))) == 16


def test_times_do_not_go_back_when_the_machines_clock_does(monkeypatch):
    first = clock.micros()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert clock.micros() == first + 1


def test_times_are_shown_as_centrals():
    assert clock.iso(None) is None
    assert clock.iso(0) == "1970-01-01T00:00:00.000Z"
    assert clock.iso(1_763_800_000_123_456) == "2025-11-22T08:26:40.123Z"
    assert clock.iso(1_763_800_000_999_999) == "2025-11-22T08:26:40.999Z", "cut, not rounded"
    assert clock.iso(253_402_300_799_999_999) == "9999-12-31T23:59:59.999Z"


def test_tokens_have_centrals_form_and_are_never_alike():
    tokens = {clock.token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch("[A-Za-z0-9!$]{64}", token) for token in tokens)
    assert set("!$") <= set("".join(tokens))


def test_uuids_are_random_ones():
    made = uuid.UUID(clock.uuid())
    assert (made.version, str(made)) == (4, str(made).lower())
    assert clock.uuid() != clock.uuid()


def test_letters_have_no_look_alikes():
    made = clock.letters(5000)
    assert len(made) == 5000
    assert set(made) == set("0123456789abcdefghjkmnpqrstvwxyz")
    assert clock.letters(0) == ""


def test_waits_are_at_most_as_long_as_said(monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    for _ in range(200):
        clock.wait(0.5)
    assert all(0 <= each < 0.5 for each in slept)
    assert len(set(slept)) > 100, "full jitter"
