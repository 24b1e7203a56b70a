"""A request that is cut off at any call to AWS leaves the old state or the new one, whole.

Each request is made once to see which calls it makes; nothing here lists them, so a new call is
covered by itself. Then it is made again from the same state for every call and both its moments,
before it goes out and after it has come back, with an exception there. All that is stored is
compared: a change without its audit row, or a row without its change, would be neither state.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest

from sheaf import sealing
from sheaf.problems import Busy
from tests import happy
from tests.api import Answer, routes
from tests.cast import xform
from tests.happy import DONE, Happy
from tests.stage import COUNTERS, Stage, State, changes
from tests.wire import Call, Wire, http_error, refusal, s3_error

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
BIG = random.Random(7).randbytes(250_000).hex()


def envelope(instance_id: str, deprecated: str = "") -> bytes:
    """An envelope that nobody can open; nobody tries."""
    return (
        f'<data id="simple" version="1"><base64EncryptedKey>QUJD</base64EncryptedKey>'
        f"<meta><instanceID>{instance_id}</instanceID><deprecatedID>{deprecated}</deprecatedID>"
        f"</meta><encryptedXmlFile>submission.xml.enc</encryptedXmlFile></data>"
    ).encode()


# Ways of routes that their first request does not take.
MORE = {
    "POST large submission": Happy(
        happy.SUBMISSIONS, happy.a_form, happy.xml("uuid:1", name=BIG), again=409.3
    ),
    "PUT large submission": Happy(
        happy.SUBMISSION,
        happy.a_submission,
        happy.xml("uuid:2", name=BIG, deprecated="uuid:1"),
        again=409.9,
    ),
    "PUT submission that keeps its photo": Happy(
        happy.SUBMISSION,
        happy.a_photo,
        happy.xml("uuid:2", photo="photo.jpg", deprecated="uuid:1"),
        again=409.9,
    ),
    "POST form with a key of its own": Happy(
        f"{happy.PROJECT}/forms?publish=true",
        happy.nothing,
        xform(key="MIIBIjANBgkq"),
        again=409.3,
    ),
    "POST encrypted submission": Happy(
        happy.SUBMISSIONS, happy.an_encrypted_form, envelope("uuid:1"), again=409.3
    ),
    "PUT encrypted version": Happy(
        happy.SUBMISSION,
        happy.an_encrypted_submission,
        envelope("uuid:2", deprecated="uuid:1"),
        again=409.9,
    ),
    "PUT plain version of an encrypted submission": Happy(
        happy.SUBMISSION,
        happy.an_encrypted_submission,
        happy.xml("uuid:2", deprecated="uuid:1"),
        again=409.9,
    ),
    "DELETE encrypted submission": Happy(
        happy.SUBMISSION, happy.an_encrypted_submission, again=404.1
    ),
    "POST nothing as a draft": Happy(f"{happy.FORM}/draft", happy.a_form, again=DONE),
    "POST draft, published under its own version": Happy(
        f"{happy.FORM}/draft/publish", happy.a_new_draft, again=404.1
    ),
    "POST another photo": Happy(
        happy.PHOTO, happy.a_photo, b"\xff\xd8\xff two", {"content-type": "image/jpeg"}, again=DONE
    ),
    "POST submission by an app user": Happy(
        happy.SUBMISSIONS, happy.an_app_user, happy.xml("uuid:1"), by="app_user", again=409.3
    ),
    "POST large submission by a link for single use": Happy(
        happy.SUBMISSIONS,
        happy.a_single_use_link,
        happy.xml("uuid:1", name=BIG),
        by="once",
        again=409.3,
    ),
    "DELETE session of an app user": Happy(
        lambda cast: f"/v1/sessions/{cast.token('app_user')}", happy.an_app_user, again=403.1
    ),
}
# Functions that are asked by POST, and change nothing.
ASKING = ("hooks/ping", "hooks/preview")
# The first route of each function that changes something; others lead to the same.
FUNCTIONS = {
    function: f"{method} {path}"
    for method, path, function in reversed(routes())
    if method in CHANGING and function not in ASKING
}
REQUESTS = {route: happy.ROUTES[route] for route in FUNCTIONS.values()} | MORE


class CrashError(Exception):
    """The process ends here."""


@dataclass(frozen=True)
class Rehearsal:
    """A request that can be repeated, and what it does when nothing goes wrong."""

    send: Callable[[], Answer]
    again: float | None
    stage: Stage
    steered: Any
    old: State
    files: dict[str, bytes]
    new: State
    answer: Answer
    calls: list[Call]

    def put_back(self) -> None:
        self.stage.restore(self.old, self.files)
        self.steered.reset()
        # A new process has not read the key yet.
        sealing._held.clear()

    def now(self) -> State:
        return changes(self.stage.table())

    def put_back_numbers(self) -> None:
        """A number whose holder was never stored is lost; to compare, it is given out again."""
        kept = {key: item for key, item in self.stage.table().items() if key[0] != COUNTERS}
        numbers = {key: item for key, item in self.old.items() if key[0] == COUNTERS}
        self.stage.restore(kept | numbers)


@pytest.fixture
def rehearsal(stage, request) -> Rehearsal:
    asked: Happy = REQUESTS[request.param]
    send = asked.ready(stage.set(asked.given), request.param.split(" ")[0])
    old, files = stage.table(), stage.files()
    # Not before the scene is set: that must have ids of its own.
    steered = request.getfixturevalue("steered")
    sealing._held.clear()
    with Wire() as wire:
        done = send()
    assert done.status == asked.done, done.text
    new = changes(stage.table())
    assert new != changes(old), "it changes something"
    return Rehearsal(send, asked.again, stage, steered, old, files, new, done, wire.calls)


every_request = pytest.mark.parametrize("rehearsal", REQUESTS, indirect=True)


def whole(rehearsal: Rehearsal, where: str) -> bool:
    """See that one state or the other is whole; give whether it is the new one."""
    now = rehearsal.now()
    assert now in (changes(rehearsal.old), rehearsal.new), where
    assert rehearsal.stage.missing_files() == set(), where
    return now == rehearsal.new


def repeat(rehearsal: Rehearsal, where: str, *, done: bool) -> None:
    """Make the request again: it does what it is for, or tells that it was done."""
    if done:
        before = rehearsal.now()
        told = rehearsal.send()
        succeeded = told.status < 400
        # KoBoToolbox's errors have no code.
        code = told.status if succeeded else told.json.get("code", told.status)
        assert code == rehearsal.again, where
        assert succeeded or rehearsal.now() == before, where
    else:
        rehearsal.put_back_numbers()
        rehearsal.steered.reset()
        assert rehearsal.send() == rehearsal.answer, where
        assert rehearsal.now() == rehearsal.new, where
    assert rehearsal.stage.missing_files() == set(), where


@every_request
def test_a_crash_leaves_one_state_or_the_other_and_the_next_try_finishes(rehearsal):
    outcomes = set()
    for moment in ("before", "after"):
        for number, call in enumerate(rehearsal.calls):
            where = f"{moment} {call.operation} (call {number})"
            rehearsal.put_back()

            def crash(reached: int, number: int = number) -> None:
                if reached == number:
                    raise CrashError

            with Wire(**{moment: crash}) as wire:
                failed = rehearsal.send()
            # Reads that run side by side go on beside the one that is cut off.
            reached = [each.operation for each in rehearsal.calls[: number + 1]]
            assert wire.names[: number + 1] == reached, where
            assert set(wire.names[number + 1 :]) <= {"Query"}, where
            assert (failed.status, failed.json) == (500, {"message": "Internal Server Error"})
            done = whole(rehearsal, where)
            outcomes.add(done)
            repeat(rehearsal, where, done=done)
    assert outcomes == {False, True}, "a change happens somewhere"


DYNAMODB_FAULTS = [
    (400, "ProvisionedThroughputExceededException"),
    (400, "ThrottlingException"),
    (500, "InternalServerError"),
]
S3_FAULTS = [(503, "SlowDown"), (500, "InternalError")]


def faults(call: Call) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What AWS may answer instead of doing what it was asked for."""
    if call.service == "s3":
        for status, code in S3_FAULTS:
            yield code, lambda status=status, code=code: s3_error(status, code)
        return
    if call.service != "dynamodb":
        yield "ThrottlingException", lambda: http_error(400, "ThrottlingException")
        return
    for status, code in DYNAMODB_FAULTS:
        yield code, lambda status=status, code=code: http_error(status, code)
    if call.operation == "TransactWriteItems":
        yield "TransactionInProgress", lambda: http_error(400, "TransactionInProgressException")
        yield "TransactionConflict", conflict


def conflict() -> Any:
    reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
    return http_error(400, "TransactionCanceledException", CancellationReasons=reasons)


@pytest.fixture
def _no_naps(monkeypatch):
    """botocore waits up to a second before it tries again."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))


@every_request
@pytest.mark.usefixtures("_no_naps")
def test_a_fault_of_aws_at_any_call_is_survived(rehearsal):
    for number, call in enumerate(rehearsal.calls):
        name = call.operation
        for code, fault in faults(call):
            rehearsal.put_back()
            tries = []

            def once(reached: int, _go: Any, number=number, fault=fault, tries=tries):
                if reached != number or tries:
                    return None
                tries.append(reached)
                return fault()

            with Wire(send=once):
                told = rehearsal.send()
            assert tries == [number], f"{code} was not injected into {name}"
            assert told == rehearsal.answer, f"{code} at {name}"
            assert rehearsal.now() == rehearsal.new, f"{code} at {name}"


@every_request
@pytest.mark.usefixtures("_no_naps")
def test_a_lost_answer_does_nothing_twice(rehearsal):
    """AWS does what it was asked for and the answer gets lost: botocore asks once more."""
    for number, call in enumerate(rehearsal.calls):
        name = call.operation
        if name == "UpdateItem":
            continue  # of a Counter: a number is lost
        rehearsal.put_back()
        tries = []

        def lose(reached: int, go: Any, number=number, tries=tries, call=call):
            if reached != number or tries:
                return None
            tries.append(reached)
            go()
            if call.service == "s3":
                return s3_error(500, "InternalError")
            return http_error(500, "InternalServerError")

        with Wire(send=lose):
            told = rehearsal.send()
        assert told == rehearsal.answer, f"lost answer of {name}"
        assert rehearsal.now() == rehearsal.new, f"lost answer of {name}"


@every_request
@pytest.mark.usefixtures("_no_naps")
def test_of_a_lost_answer_whose_repeat_is_throttled_all_stays(rehearsal):
    """AWS does what it was asked for, the answer gets lost, and then it will not be asked again."""
    for number, call in enumerate(rehearsal.calls):
        name = call.operation
        if name not in ("TransactWriteItems", "PutItem"):
            continue
        rehearsal.put_back()
        tries = []

        def lose(reached: int, go: Any, number=number, tries=tries):
            if reached != number:
                return None
            tries.append(reached)
            if len(tries) > 1:
                return http_error(400, "ThrottlingException")
            go()
            return http_error(500, "InternalServerError")

        with Wire(send=lose):
            told = rehearsal.send()
        assert len(tries) > 1, name
        assert told == rehearsal.answer or told.status == 503, name
        assert whole(rehearsal, name), name
        repeat(rehearsal, name, done=True)


@every_request
def test_a_throttle_that_does_not_end_is_told_as_such(rehearsal):
    for number, call in enumerate(rehearsal.calls):
        name = call.operation
        if call.service != "dynamodb" or name == "Query":
            continue
        rehearsal.put_back()
        throttle = refusal("ProvisionedThroughputExceededException")
        with Wire(before=lambda reached, n=number, t=throttle: t if reached == n else None):
            told = rehearsal.send()
        if told == rehearsal.answer:
            # What comes after the change does not take it back.
            assert whole(rehearsal, name), name
            continue
        # In JSON or, to devices, in XML.
        assert told.status == 503, name
        assert Busy.message in told.text, name
        whole(rehearsal, name)
