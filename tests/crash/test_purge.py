"""A purge that is cut off at any call leaves what the next one finishes.

Removing for good is many writes, so it is not one state or the other. What holds instead: nothing
that was not due is touched, nothing refers to what is gone, and the next run ends where an
undisturbed one would, with one audit row that counts it all.
"""

import pytest

from sheaf.db import keys
from tests import happy
from tests.api import handler
from tests.stage import changes
from tests.wire import Wire


class CrashError(Exception):
    """The process ends here."""


def scene(cast):
    """A deleted submission of two versions with a photo, and one that stays."""
    happy.a_photo(cast)
    for path, body in (
        (happy.SUBMISSION, happy.xml("uuid:2", photo="photo.jpg", deprecated="uuid:1")),
    ):
        assert cast.alice.put(path, body).status == happy.DONE
    assert cast.submit("uuid:stays", photo="photo.jpg").status == happy.DONE
    assert cast.alice.delete(happy.SUBMISSION, None, {"x-action-notes": "secret"}).status == 200


def clearing_scene(cast):
    """A form that was deleted, and one of which a draft was published; a submission of each."""
    happy.a_new_draft(cast)
    sent = cast.alice.post(happy.DRAFT_SUBMISSIONS, happy.xml("uuid:tested"))
    assert sent.status == happy.DONE
    assert cast.alice.post(f"{happy.FORM}/draft/publish?version=3").status == happy.DONE
    assert cast.submit("uuid:stays").status == happy.DONE
    cast.form("other")
    body = happy.xml("uuid:1", form="other", photo="photo.jpg")
    other = f"{happy.PROJECT}/forms/other"
    assert cast.alice.post(f"{other}/submissions", body).status == happy.DONE
    photo = f"{other}/submissions/uuid:1/attachments/photo.jpg"
    assert cast.alice.post(photo, b"x", {"x-action-notes": "secret"}).status == happy.DONE
    assert cast.alice.delete(other, None, {"x-action-notes": "secret"}).status == happy.DONE


def purge():
    return handler("workers/purge")({"retentionDays": 0}, None)


def told(state):
    """What the audit rows of purges say, and the state without them and the moment of a purge."""
    purges = ({"S": "form.purge"}, {"S": "submission.purge"})
    rows = {key: item for key, item in state.items() if item.get("a") in purges}
    rest = {key: dict(item) for key, item in state.items() if key not in rows}
    for (pk, _), item in rest.items():
        if pk.startswith("O#"):
            item.pop("x", None)
    said = [(item["a"]["S"], item.get("on"), item.get("d")) for item in rows.values()]
    return sorted(said, key=repr), rest


@pytest.mark.parametrize(("given", "gone"), [(scene, 1), (clearing_scene, 2)])
def test_the_next_purge_finishes(stage, request, given, gone):
    cast = stage.set(given)
    old, files = stage.table(), stage.files()
    request.getfixturevalue("steered")
    with Wire() as wire:
        assert purge() == {"purged": gone}
    new, kept = changes(stage.table()), stage.files()
    calls = wire.names
    assert kept == {}, "the photo of the one that is gone; the other never had one"
    said, rest = told(new)
    assert said[-1] == (
        "submission.purge",
        None,
        {"S": f'{{"submissions_deleted": {gone}}}'},
    )
    assert "secret" not in repr(rest)
    for moment in ("before", "after"):
        for number, name in enumerate(calls):
            where = f"{moment} {name} (call {number})"
            stage.restore(old, files)

            def crash(reached, number=number):
                if reached == number:
                    raise CrashError

            with Wire(**{moment: crash}), pytest.raises(CrashError):
                purge()
            stays = cast.alice.get(f"{happy.SUBMISSIONS}/uuid:stays")
            assert stays.status == happy.DONE, where
            purge()
            assert told(changes(stage.table())) == (said, rest), where
            assert stage.files() == kept, where
    assert not [key for key in stage.table() if key[0] == keys.PURGE_RUN[0]]
