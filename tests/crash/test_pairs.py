"""Two different changes at once leave what they leave one after the other, in one of the orders.

As in test_twice.py the one is made wholly between two calls of the other, before each that writes;
then each answers what it answers in that order, and all that is stored hangs together.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from sheaf import sealing
from tests import happy, integrity
from tests.api import handler
from tests.cast import OPENROSA, Cast, multipart, xform, xml
from tests.crash.test_twice import code_of, writes
from tests.crash.test_uploads import awaited
from tests.happy import FORM, PHOTO, PROJECT, SUBMISSION, SUBMISSIONS
from tests.wire import Wire

# What a change answers when it is made.
Act = Callable[[], Any]
Make = Callable[[Cast], Act]


def asks(method: str, path: happy.Path, *rest: Any, by: str = "alice") -> Make:
    """A request."""

    def make(cast: Cast) -> Act:
        place = path if isinstance(path, str) else path(cast)
        return lambda: code_of(getattr(cast, by).request(method, place, *rest))

    return make


def purges(_: Cast) -> Act:
    """A purge of all that lies in the trash."""
    return lambda: handler("workers/purge")({"retentionDays": 0}, None)["purged"]


def receives(cast: Cast) -> Act:
    """The file arrives that is awaited; the queue tells of it until it is taken."""
    key = urlsplit(cast.users["link"]["url"]).path.partition("/submissions/")[2]
    event = {"s3": {"object": {"key": quote(f"submissions/{key}")}}}
    batch = {"Records": [{"messageId": "m", "body": json.dumps({"Records": [event]})}]}

    def receive() -> None:
        while handler("workers/receive")(batch, None)["batchItemFailures"]:
            pass

    return receive


def _deleted_form(cast: Cast) -> str:
    (form,) = cast.alice.get(f"{PROJECT}/forms?deleted=true").json
    return f"{PROJECT}/forms/{form['id']}/restore"


def _granted(cast: Cast) -> str:
    return f"/v1/assignments/manager/{happy.chelsea(cast)}"


def _app_user(cast: Cast) -> str:
    return f"{PROJECT}/app-users/{cast.users['app_user']['id']}"


def _session(cast: Cast) -> str:
    return f"/v1/sessions/{cast.token('app_user')}"


_XML = {"content-type": "application/xml"}
edits = asks("PUT", SUBMISSION, xml("uuid:2", photo="photo.jpg", deprecated="uuid:1"))
reviews = asks("PATCH", SUBMISSION, {"reviewState": "approved"})
rejects = asks("PATCH", SUBMISSION, {"reviewState": "rejected"})
deletes = asks("DELETE", SUBMISSION)
restores = asks("POST", f"{SUBMISSION}/restore")
fills = asks("POST", PHOTO, b"another", {"content-type": "image/jpeg"})
empties = asks("DELETE", PHOTO)
comments = asks("POST", f"{SUBMISSION}/comments", {"body": "Dry."})
submits = asks("POST", SUBMISSIONS, xml("uuid:3"))
sends = asks(
    "POST",
    f"{PROJECT}/submission",
    multipart(xml("uuid:1", photo="photo.jpg"), {"photo.jpg": b"late"}),
    OPENROSA,
)
corrects = asks(
    "POST",
    f"{PROJECT}/submission",
    multipart(xml("uuid:2", photo="photo.jpg", deprecated="uuid:1"), {"photo.jpg": b"new"}),
    OPENROSA,
)
publishes = asks("POST", f"{FORM}/draft/publish")
drafts = asks("POST", f"{FORM}/draft", xform(version="3"), _XML)
discards = asks("DELETE", f"{FORM}/draft")
tries = asks("POST", happy.DRAFT_SUBMISSIONS, xml("uuid:3"))
drops = asks("DELETE", FORM)
creates = asks("POST", f"{PROJECT}/forms?publish=true&ignoreWarnings=true", xform(version="9"))
brings_back = asks("POST", _deleted_form)


@dataclass(frozen=True)
class Pair:
    """Two changes of a scene."""

    given: happy.Given
    one: Make
    other: Make


PAIRS = {
    "review, review": Pair(happy.a_submission, reviews, rejects),
    "review, delete": Pair(happy.a_submission, reviews, deletes),
    "edit, delete": Pair(happy.a_photo, edits, deletes),
    "edit, review": Pair(happy.a_photo, edits, reviews),
    "edit, fill": Pair(happy.a_submission, edits, fills),
    "edit, receive": Pair(awaited, edits, receives),
    "edit, comment": Pair(happy.a_submission, edits, comments),
    "edit, correct": Pair(happy.a_submission, edits, corrects),
    "fill, empty": Pair(happy.a_photo, fills, empties),
    "fill, receive": Pair(awaited, fills, receives),
    "fill, delete": Pair(happy.a_submission, fills, deletes),
    "receive, delete": Pair(awaited, receives, deletes),
    "send, delete": Pair(happy.a_submission, sends, deletes),
    "send, edit": Pair(happy.a_submission, sends, edits),
    "send, correct": Pair(happy.a_submission, sends, corrects),
    "correct, delete": Pair(happy.a_submission, corrects, deletes),
    "restore, purge": Pair(happy.a_deleted_submission, restores, purges),
    "submit, drop": Pair(happy.a_form, submits, drops),
    "submit, publish": Pair(happy.a_new_draft, submits, publishes),
    "try, publish": Pair(happy.a_new_draft, tries, publishes),
    "try, discard": Pair(happy.a_new_draft, tries, discards),
    "draft, publish": Pair(happy.a_new_draft, drafts, publishes),
    "draft, discard": Pair(happy.a_new_draft, drafts, discards),
    "drop, publish": Pair(happy.a_new_draft, drops, publishes),
    "create, bring back": Pair(happy.a_deleted_form, creates, brings_back),
    "bring back, purge": Pair(happy.a_deleted_form, brings_back, purges),
    "end session, delete app user": Pair(
        happy.an_app_user, asks("DELETE", _session), asks("DELETE", _app_user)
    ),
    "submit, delete app user": Pair(
        happy.an_app_user,
        asks("POST", SUBMISSIONS, xml("uuid:3"), by="app_user"),
        asks("DELETE", _app_user),
    ),
    "grant, grant": Pair(
        happy.a_user_and_a_form,
        asks("POST", _granted),
        asks("POST", lambda cast: _granted(cast).replace("manager", "viewer")),
    ),
}


def in_a_row(stage, first: Act, second: Act) -> tuple[Any, Any, list[str]]:
    """Give what both answer, and what is stored then."""
    return first(), second(), integrity.shape(stage.table())


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", PAIRS)
def test_two_changes_at_once(stage, request, name, turned):
    pair = PAIRS[name]
    cast = stage.set(pair.given)
    slow, quick = pair.one(cast), pair.other(cast)
    if turned:
        slow, quick = quick, slow
    old, files = stage.table(), stage.files()
    request.getfixturevalue("steered")

    def reset() -> None:
        stage.restore(old, files)
        sealing._held.clear()

    one, other, left = in_a_row(stage, slow, quick)
    reset()
    other_first, one_second, left_second = in_a_row(stage, quick, slow)
    orders = [(one, other, left), (one_second, other_first, left_second)]
    reset()
    with Wire() as wire:
        slow()
    assert writes(wire.calls)
    for number in writes(wire.calls):
        where = f"before {wire.names[number]} (call {number})"
        reset()
        told = []

        def overtake(reached: int, number=number, told=told) -> None:
            if reached == number:
                told.append(quick())

        with Wire(before=overtake):
            late = slow()
        assert len(told) == 1, where
        state = stage.table()
        assert integrity.broken(state) == [], where
        assert stage.missing_files() == set(), where
        assert (late, told[0], integrity.shape(state)) in orders, where
