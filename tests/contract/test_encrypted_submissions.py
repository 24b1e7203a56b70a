"""Encrypted submissions as they come in, and the keys and submitters that a form's have."""

from __future__ import annotations

import pytest

from sheaf.db import keys, reads
from sheaf.encryption.keyring import Key
from sheaf.submissions.records import Submission
from tests import encryptor
from tests.answers import ANONYMOUS, DONE, FORBIDDEN, NOT_FOUND
from tests.cast import Cast, is_time, stored, xform, xml
from tests.contract.test_submissions import written_by
from tests.wire import Wire

FORM = f"{Cast.FORMS}/simple"
SUBMISSIONS = f"{FORM}/submissions"
KEYS = f"{SUBMISSIONS}/keys"
SUBMITTERS = f"{SUBMISSIONS}/submitters"
DRAFT = f"{FORM}/draft/submissions"
OWN, _ = encryptor.own()


def publish(cast, key=OWN, version="1", query="?publish=true"):
    made = cast.alice.post(f"{Cast.FORMS}{query}", xform(version=version, key=key))
    assert made.status == 200, made.text
    return made.json


def sealed(instance_id, **said):
    return encryptor.seal(xml(instance_id), OWN, instance_id=instance_id, version="1", **said)


def shown(number):
    return reads.get(Key.ref(keys.key(number))).to_api()


def in_use(cast, path=KEYS):
    answer = cast.bob.get(path)
    assert answer.status == 200, answer.text
    return [each["id"] for each in answer.json]


# --- envelopes ------------------------------------------------------------------------------------


def test_an_envelope_has_a_slot_for_each_of_its_files(cast):
    publish(cast)
    sent = sealed("uuid:1", media={"b.jpg": b"b", "a.jpg": b"a"})
    answer = cast.bob.post(SUBMISSIONS, sent.envelope)
    assert (answer.status, answer.json["instanceId"]) == (200, "uuid:1")
    names = ["a.jpg.enc", "b.jpg.enc", "submission.xml.enc"]
    assert cast.bob.get(f"{SUBMISSIONS}/uuid:1/attachments").json == [
        {"name": name, "exists": False} for name in names
    ]
    for name in names:
        path = f"{SUBMISSIONS}/uuid:1/attachments/{name}"
        assert cast.bob.post(path, sent.files[name]).json == DONE
        assert cast.bob.get(path).body == sent.files[name]
    assert cast.bob.get(f"{SUBMISSIONS}/uuid:1.xml").body == sent.envelope
    other = f"{SUBMISSIONS}/uuid:1/attachments/photo.jpg"
    assert cast.bob.post(other, b"x").json == NOT_FOUND


def test_an_envelope_must_say_which_submission_it_is(cast):
    publish(cast)
    nameless = sealed("uuid:1").envelope.replace(b"<orx:instanceID>uuid:1</orx:instanceID>", b"")
    answer = cast.bob.post(SUBMISSIONS, nameless)
    field = "instanceId (required for encrypted submissions)"
    assert (answer.status, answer.json) == (
        400,
        {
            "message": f"Required parameter {field} missing.",
            "code": 400.2,
            "details": {"field": field},
        },
    )
    assert stored("S#") == stored("KU#") == []


@pytest.mark.parametrize(
    ("files", "slot"),
    [
        ("<encryptedXmlFile>submission.xml.enc</encryptedXmlFile>", 0),
        ("<media><file>a</file></media><encryptedXmlFile> b&amp;c </encryptedXmlFile>", 1),
        ("<encryptedXmlFile>a</encryptedXmlFile><media><file>b</file></media>", 1),
        ("<media><file>a</file></media><encryptedXmlFile/>", None),
        ("<media><file>a</file></media>", None),
        ("", None),
    ],
)
def test_where_the_encrypted_xml_comes_is_known_without_reading_the_envelope(cast, files, slot):
    publish(cast)
    envelope = (
        f'<data id="simple" version="1"><base64EncryptedKey>QUJD</base64EncryptedKey>'
        f"<meta><instanceID>one</instanceID></meta>{files}</data>"
    )
    assert cast.bob.post(SUBMISSIONS, envelope.encode()).status == 200
    (item,) = stored("S#")
    submission = Submission.ref(("", "")).read(item)
    assert (submission.encrypted, submission.key_id, submission.data_slot) == (True, 1, slot)
    assert submission.data is None


def test_an_encrypted_submission_costs_eight_write_units_at_most(cast):
    publish(cast)
    path = f"{SUBMISSIONS}?deviceID=collect%3AdJx0NpZyeFKAXzCi"
    first = sealed("uuid:00000000-0d4e-4b5e-9d3b-0f6f1b1f0a11")
    assert cast.bob.post(path, first.envelope).status == 200
    sent = sealed("uuid:7f1c7c4e-0d4e-4b5e-9d3b-0f6f1b1f0a11", media={"1700000000000.jpg": b""})
    written = written_by(cast, path, sent.envelope)
    assert sorted(written) == ["C", "E", "KU", "S"]
    assert all(each < 1024 for each in written.values()), written


def test_files_of_one_envelope_are_of_no_use_to_the_next(cast):
    """Each has a key of its own, so nothing is carried over to a new version."""
    publish(cast)
    sent = sealed("one", media={"a.jpg": b"a"})
    assert cast.bob.post(SUBMISSIONS, sent.envelope).status == 200
    files = f"{SUBMISSIONS}/one/attachments"
    for name, data in sent.files.items():
        assert cast.bob.post(f"{files}/{name}", data).json == DONE
    edit = sealed("two", deprecated="one", media={"a.jpg": b"a"}).envelope
    assert cast.bob.put(f"{SUBMISSIONS}/one", edit).status == 200
    assert cast.bob.get(files).json == [
        {"name": "a.jpg.enc", "exists": False},
        {"name": "submission.xml.enc", "exists": False},
    ]


def test_a_plain_submission_of_an_encrypted_form_is_taken(cast):
    publish(cast)
    assert cast.submit("plain").status == 200
    assert stored("KU#") == []
    assert in_use(cast) == []


# --- keys -----------------------------------------------------------------------------------------


def test_the_keys_of_a_form_are_those_of_its_current_submissions(cast):
    publish(cast)
    assert in_use(cast) == []
    assert cast.bob.post(SUBMISSIONS, sealed("one").envelope).status == 200
    answer = cast.bob.get(KEYS)
    assert (answer.status, answer.json) == (200, [shown(1)])
    assert shown(1) == {
        "id": 1, "public": OWN, "managed": None, "hint": None, "createdAt": shown(1)["createdAt"],
    }  # fmt: skip
    assert is_time(shown(1)["createdAt"])
    assert list(answer.json[0]) == ["id", "public", "managed", "hint", "createdAt"]


def test_a_managed_key_is_shown_with_its_hint_and_nothing_private(cast):
    cast.alice.post("/v1/projects/1/key", {"passphrase": "open, sesame", "hint": "thieves"})
    version = cast.form()["version"]
    raw = encryptor.seal(xml("one"), shown(1)["public"], instance_id="one", version=version)
    assert cast.bob.post(SUBMISSIONS, raw.envelope).status == 200
    (listed,) = cast.vera.get(KEYS).json
    assert listed == shown(1) | {"managed": True, "hint": "thieves"}
    assert set(listed) == {"id", "public", "managed", "hint", "createdAt"}


def test_a_key_is_listed_as_long_as_a_submission_needs_it(cast):
    publish(cast)
    for name in ("one", "two"):
        assert cast.bob.post(SUBMISSIONS, sealed(name).envelope).status == 200
    assert in_use(cast) == [1]
    assert cast.bob.delete(f"{SUBMISSIONS}/one").json == DONE
    assert in_use(cast) == [1]
    assert cast.bob.delete(f"{SUBMISSIONS}/two").json == DONE
    assert in_use(cast) == []
    assert cast.bob.post(f"{SUBMISSIONS}/one/restore").json == DONE
    assert in_use(cast) == [1]
    edit = xml("one-b", deprecated="one")
    assert cast.bob.put(f"{SUBMISSIONS}/one", edit).status == 200
    assert in_use(cast) == []
    assert stored("KU#") == []
    edit = sealed("one-c", deprecated="one-b").envelope
    assert cast.bob.put(f"{SUBMISSIONS}/one", edit).status == 200
    assert in_use(cast) == [1]
    assert cast.bob.patch(f"{SUBMISSIONS}/one", {"reviewState": "approved"}).status == 200
    path = f"{SUBMISSIONS}/one/attachments/submission.xml.enc"
    assert cast.bob.post(path, b"data").json == DONE
    assert in_use(cast) == [1]
    assert len(stored("KU#")) == 1


def test_an_envelope_for_a_form_without_a_key_needs_none(cast):
    cast.form()
    assert cast.bob.post(SUBMISSIONS, sealed("one").envelope).status == 200
    assert in_use(cast) == []


def test_drafts_have_keys_of_their_own(cast):
    publish(cast, query="")
    assert cast.bob.post(DRAFT, sealed("one").envelope).status == 200
    assert in_use(cast, f"{DRAFT}/keys") == [1]
    assert in_use(cast) == []


@pytest.mark.parametrize("path", [KEYS, SUBMITTERS])
def test_who_may_list_keys_and_submitters(cast, path):
    cast.form()
    assert cast.vera.get(path).json == []
    for name in ("colin", "chelsea"):
        answer = getattr(cast, name).get(path)
        assert (answer.status, answer.json) == (403, FORBIDDEN), name
    assert cast.api.get(path).json == ANONYMOUS
    for missing in ("/v1/projects/7/forms/simple", f"{Cast.FORMS}/nope"):
        lost = path.replace(FORM, missing)
        assert cast.alice.get(lost).json == NOT_FOUND
    twin = path.replace("/submissions", "/draft/submissions")
    assert cast.alice.get(twin).json == NOT_FOUND


def test_what_is_listed_costs_what_it_lists(cast):
    """Two questions to each shard for a key, one for none; never one for each submission."""
    publish(cast)
    for number in range(12):
        assert cast.bob.post(SUBMISSIONS, sealed(f"s{number}").envelope).status == 200
    with Wire() as wire:
        assert in_use(cast) == [1]
    assert wire.names.count("Query") <= 8
    with Wire() as wire:
        assert len(cast.bob.get(SUBMITTERS).json) == 1
    assert wire.names.count("Query") == 1


# --- submitters -----------------------------------------------------------------------------------


def submitters(cast, path=SUBMITTERS):
    answer = cast.alice.get(path)
    assert answer.status == 200, answer.text
    return [each["displayName"] for each in answer.json]


def test_the_submitters_of_a_form_are_listed_by_name(cast):
    cast.form()
    for by in (cast.colin, cast.bob, cast.colin, cast.alice):
        assert cast.submit(f"by-{len(stored('S#'))}", by=by).status == 200
    answer = cast.vera.get(SUBMITTERS)
    names = [each["displayName"] for each in answer.json]
    assert names == sorted(names)
    assert [each["id"] for each in answer.json if each["displayName"] == "Alice"] == [
        cast.users["alice"]["id"]
    ]
    assert {each["id"] for each in answer.json} == {
        cast.users[name]["id"] for name in ("alice", "bob", "colin")
    }
    (colin,) = [each for each in answer.json if each["id"] == cast.users["colin"]["id"]]
    assert colin == {
        "id": cast.users["colin"]["id"],
        "type": "user",
        "displayName": cast.users["colin"]["displayName"],
        "createdAt": cast.users["colin"]["createdAt"],
        "updatedAt": None,
        "deletedAt": None,
    }


def test_app_users_and_links_are_submitters_too(cast):
    cast.form()
    for number, name in enumerate(("link", "app_user", "app_user", "link")):
        assert cast.submit(f"s{number}", by=getattr(cast, name)).status == 200
    listed = cast.alice.get(SUBMITTERS).json
    assert [(each["displayName"], each["type"], each["id"]) for each in listed] == [
        ("app_user", "field_key", cast.users["app_user"]["id"]),
        ("link", "public_link", cast.users["link"]["id"]),
    ]
    assert len(stored("SU#")) == 2


def test_a_submitter_is_noted_with_the_first_submission_to_a_form(cast):
    for name in ("simple", "other"):
        cast.form(name)
    assert cast.submit("one").status == 200
    first = stored("SU#")
    assert cast.submit("two").status == 200
    assert stored("SU#") == first
    other = xml("one", form="other")
    assert cast.alice.post(f"{Cast.FORMS}/other/submissions", other).status == 200
    assert len(stored("SU#")) == 2
    assert submitters(cast) == submitters(cast, f"{Cast.FORMS}/other/submissions/submitters")


def test_who_edits_a_submission_has_not_submitted_it(cast):
    cast.form()
    assert cast.submit("one", by=cast.colin).status == 200
    assert cast.bob.put(f"{SUBMISSIONS}/one", xml("two", deprecated="one")).status == 200
    assert [each["id"] for each in cast.bob.get(SUBMITTERS).json] == [cast.users["colin"]["id"]]


def test_who_has_submitted_stays_listed(cast):
    """Also when the account is deleted, and when all of it is in the trash."""
    cast.form()
    assert cast.submit("one", by=cast.colin).status == 200
    assert cast.alice.delete(f"{SUBMISSIONS}/one").json == DONE
    assert cast.alice.delete(f"/v1/users/{cast.users['colin']['id']}").json == DONE
    (listed,) = cast.alice.get(SUBMITTERS).json
    assert listed["id"] == cast.users["colin"]["id"]
    assert is_time(listed["deletedAt"])


def test_who_has_submitted_to_a_draft_is_a_submitter_of_the_form(cast):
    token = cast.draft()["draftToken"]
    assert cast.bob.post(DRAFT, xml("one")).status == 200
    test = f"/v1/test/{token}{DRAFT.removeprefix('/v1')}"
    assert cast.api.post(test, xml("two")).status == 200
    for path in (SUBMITTERS, f"{DRAFT}/submitters"):
        assert [each["id"] for each in cast.alice.get(path).json] == [cast.users["bob"]["id"]]


def test_a_submission_that_is_refused_makes_nobody_a_submitter(cast):
    cast.form()
    assert cast.submit("one").status == 200
    assert cast.submit("one", by=cast.colin).status == 409
    assert [each["id"] for each in cast.bob.get(SUBMITTERS).json] == [cast.users["alice"]["id"]]
