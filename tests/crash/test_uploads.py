"""A worker that is cut off while it receives a file leaves what the next one finishes."""

import json
import urllib.request
from urllib.parse import urlsplit

from tests import happy
from tests.api import handler
from tests.cast import Cast
from tests.stage import changes
from tests.wire import Wire


class CrashError(Exception):
    """The process ends here."""


def awaited(cast: Cast) -> None:
    """A file that has arrived and that nobody has looked at yet."""
    happy.a_submission(cast)
    cast.users["link"] = cast.alice.post(f"{happy.PHOTO}/uploads", {}).json
    link = cast.users["link"]
    request = urllib.request.Request(link["url"], b"film", link["headers"], method="PUT")
    with urllib.request.urlopen(request):
        pass


def test_a_worker_that_is_cut_off_leaves_what_the_next_one_finishes(stage, request):
    cast = stage.set(awaited)
    key = urlsplit(cast.users["link"]["url"]).path.partition("/submissions/")[2]
    event = {"s3": {"object": {"key": f"submissions/{key}"}}}
    batch = {"Records": [{"messageId": "m", "body": json.dumps({"Records": [event]})}]}
    old, files = stage.table(), stage.files()
    steered = request.getfixturevalue("steered")
    work = handler("workers/receive")
    with Wire() as wire:
        assert work(batch, None) == {"batchItemFailures": []}
    new = changes(stage.table())
    assert new != changes(old)
    for moment in ("before", "after"):
        for number, name in enumerate(wire.names):
            stage.restore(old, files)
            steered.reset()

            def crash(reached, number=number):
                if reached == number:
                    raise CrashError

            with Wire(**{moment: crash}):
                assert work(batch, None)["batchItemFailures"]
            steered.reset()
            assert work(batch, None) == {"batchItemFailures": []}
            assert changes(stage.table()) == new, f"{moment} {name}"
            assert stage.missing_files() == set()
            assert cast.alice.get(happy.PHOTO).body == b"film"
