"""Encrypted projects and forms: keys, and what is published with them (Central: `/key`)."""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives import serialization

from sheaf.access.auth import SYSTEM
from sheaf.db import keys, reads
from sheaf.db.audit import Audit
from sheaf.db.compression import pack
from sheaf.encryption import keypairs
from sheaf.encryption.keyring import Key
from sheaf.forms import activation, conversion, forms, publication, restoration, upload
from sheaf.forms.definitions import DefinitionSource
from sheaf.forms.forms import Form
from sheaf.hooks import events
from sheaf.problems import Activating
from sheaf.projects.projects import Project
from tests import encryptor
from tests.answers import ANONYMOUS, DONE, FORBIDDEN, NOT_FOUND
from tests.api import handler
from tests.cast import Cast, audits, is_time, stored, xform, xml
from tests.contract.test_forms import workbook

PROJECT = "/v1/projects/1"
KEY = f"{PROJECT}/key"
FORM = f"{Cast.FORMS}/simple"
SUBMISSIONS = f"{FORM}/submissions"
PASSPHRASE = "open, sesame: süß"
ASKED = {"passphrase": PASSPHRASE, "hint": "forty thieves"}
ENCRYPTED = re.compile(r"(.*)\[encrypted:[A-Za-z0-9_-]{8}\]")
ALREADY = {
    "message": "Could not activate feature (managed encryption) as it was already activated",
    "code": 409.4,
    "details": {"feature": "managed encryption"},
}


def missing(field):
    return {
        "message": f"Required parameter {field} missing.",
        "code": 400.2,
        "details": {"field": field},
    }


def wrong(field):
    return {
        "message": f"Invalid input data type: expected ({field}) to be (string)",
        "code": 400.11,
        "details": {"field": field, "expected": "string"},
    }


def project() -> Project:
    return reads.get(Project.ref(keys.project(1)))


def form(xml_form_id="simple") -> Form:
    return reads.get(Form.ref(keys.form(1, xml_form_id)))


def key(number) -> Key:
    return reads.get(Key.ref(keys.key(number)))


def calls():
    """What the bus carries to the worker; no list of the audit log shows it."""
    rows = [Audit.ref(("", "")).read(item) for item in stored(keys.FEED)]
    return [events.of(row) for row in rows if row.action == activation.EVENT]


def own_key(xml_form_id="simple"):
    """A form with a key of its own; gives the key."""
    public, _ = encryptor.own()
    return public, xform(xml_form_id, key=public)


# --- encrypting a project -------------------------------------------------------------------------


def test_a_project_is_encrypted_with_all_its_forms(cast):
    bob = cast.bob
    before = {name: cast.form(name) for name in ("simple", "other")}
    numbers = {name: form(name).published_at for name in before}
    told = len(audits())
    answer = bob.post(KEY, ASKED, headers={"X-Action-Notes": "as agreed"})
    assert (answer.status, answer.json) == (200, DONE)
    shown = cast.alice.get(PROJECT).json
    assert shown["keyId"] == 1
    assert is_time(shown["updatedAt"])
    for name, old in before.items():
        now = cast.alice.get(f"{Cast.FORMS}/{name}").json
        assert ENCRYPTED.fullmatch(now["version"])[1] == "1"
        news = ("version", "hash", "sha", "sha256", "publishedAt", "updatedAt")
        assert now == old | {"keyId": 1} | {each: now[each] for each in news}
        assert is_time(now["updatedAt"])
        raw = cast.alice.get(f"{Cast.FORMS}/{name}.xml").body
        tag = f'<submission base64RsaPublicKey="{key(1).public}"/></model>'.encode()
        assert raw == xform(name, now["version"]).replace(b"</model>", tag)
    assert form("simple").version == form("other").version
    rows = audits()[told:]
    by = (cast.users["bob"]["id"], "as agreed")
    assert {(row["actorId"], row["notes"]) for row in rows} == {by}
    assert sorted((row["action"], row["acteeId"], str(row["details"])) for row in rows) == sorted(
        [
            ("project.update", project().actee_id, str({"encrypted": True})),
            *(
                (
                    "form.update.publish",
                    form(name).actee_id,
                    str({"oldDefId": numbers[name], "newDefId": form(name).published_at}),
                )
                for name in before
            ),
        ]
    )


def test_the_key_is_stored_so_that_only_the_passphrase_opens_it(cast):
    cast.alice.post(KEY, ASKED)
    made = key(1)
    assert made.to_api() == {
        "id": 1,
        "public": made.public,
        "managed": True,
        "hint": "forty thieves",
        "createdAt": made.to_api()["createdAt"],
    }
    opened = keypairs.unlock(made.sealed, PASSPHRASE)
    pem = opened.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    everything = repr(stored())
    assert PASSPHRASE not in everything
    assert not [line for line in pem.decode().splitlines() if line in everything]


def test_the_passphrase_is_not_logged(cast, caplog):
    _ = cast.alice
    caplog.set_level(logging.DEBUG)
    for body in (ASKED, ASKED, {"passphrase": "sesame"}):
        cast.alice.post(KEY, body)
    said = [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    assert [each for each in said if "POST /v1/projects/{projectId}/key" in each]
    assert not [each for each in said if "sesame" in each]


def test_what_comes_with_the_key_must_be_well_formed(cast):
    _ = cast.alice
    before = stored()
    short = {
        "message": "The password or passphrase provided does not meet the required length.",
        "code": 400.21,
    }
    long = {
        "message": "Length of value too long for a field",
        "code": 400.13,
        "details": {"maxLength": "1000"},
    }
    for body, problem in (
        ({}, missing("passphrase")),
        ([], missing("passphrase")),
        ({"passphrase": None}, missing("passphrase")),
        ({"passphrase": ""}, missing("passphrase")),
        ({"passphrase": 1234567890}, wrong("passphrase")),
        ({"passphrase": "123456789"}, short),
        ({"passphrase": "1234567890", "hint": 5}, wrong("hint")),
        ({"passphrase": "1234567890", "hint": "h" * 1001}, long),
    ):
        answer = cast.alice.post(KEY, body)
        assert (answer.status, answer.json) == (400, problem), body
    assert stored() == before


@pytest.mark.parametrize("passphrase", ["1234567890", "p" * 100, "  \t        "])
def test_any_passphrase_of_ten_characters_will_do(cast, passphrase):
    assert cast.alice.post(KEY, {"passphrase": passphrase}).json == DONE
    assert key(1).hint is None
    assert keypairs.unlock(key(1).sealed, passphrase)


def test_a_project_is_encrypted_once(cast):
    cast.alice.post(KEY, ASKED)
    before = stored()
    answer = cast.alice.post(KEY, {"passphrase": "another one"})
    assert (answer.status, answer.json) == (409, ALREADY)
    assert stored() == before


def test_nobody_can_take_the_key_away(cast):
    cast.alice.post(KEY, ASKED)
    for body in ({"keyId": None}, {"keyId": 2, "name": "New"}):
        assert cast.alice.patch(PROJECT, body).json["keyId"] == 1
    assert cast.alice.delete(KEY).json == NOT_FOUND


def test_who_may_encrypt_a_project(cast):
    for name in ("vera", "colin", "chelsea"):
        answer = getattr(cast, name).post(KEY, ASKED)
        assert (answer.status, answer.json) == (403, FORBIDDEN), name
    assert cast.api.post(KEY, ASKED).json == ANONYMOUS
    assert cast.alice.post("/v1/projects/7/key", ASKED).json == NOT_FOUND
    assert cast.alice.delete(PROJECT).json == DONE
    assert cast.alice.post(KEY, ASKED).json == NOT_FOUND
    assert stored("K#") == stored("KP#") == []


def test_each_project_has_a_key_of_its_own(cast):
    assert cast.alice.post("/v1/projects", {"name": "Two"}).json["id"] == 2
    assert cast.alice.post(KEY, ASKED).json == DONE
    assert cast.alice.post("/v1/projects/2/key", ASKED).json == DONE
    assert [cast.alice.get(f"/v1/projects/{n}").json["keyId"] for n in (1, 2)] == [1, 2]
    assert key(1).public != key(2).public


# --- drafts ---------------------------------------------------------------------------------------


def test_a_draft_is_encrypted_and_what_was_sent_to_it_is_out_of_reach(cast):
    drafted = cast.draft()
    assert cast.alice.post(f"{FORM}/draft/submissions", xml("one")).status == 200
    old = form().draft
    assert cast.alice.post(KEY, ASKED).json == DONE
    now = form().draft
    assert (now.key_id, now.token) == (1, drafted["draftToken"])
    assert ENCRYPTED.fullmatch(now.version)[1] == "1"
    assert now.id > old.id
    assert form().draft_to_api() == drafted | {
        "keyId": 1,
        "version": now.version,
        "hash": now.md5,
        "sha": now.sha1,
        "sha256": now.sha256,
        "updatedAt": form().to_api()["updatedAt"],
    }
    assert (form().version, form().key_id) == (None, None)
    assert cast.alice.get(f"{FORM}/draft/submissions").json == []
    assert cast.alice.get(f"{FORM}/draft/submissions/one").json == NOT_FOUND
    row = audits("form.update.draft.set")[-1]
    assert row["details"] == {"oldDraftDefId": old.id, "newDraftDefId": now.id}
    assert row["acteeId"] == form().actee_id
    assert audits("form.update.publish") == []


# --- forms with keys ------------------------------------------------------------------------------


def test_what_is_published_in_an_encrypted_project_is_encrypted(cast):
    cast.alice.post(KEY, ASKED)
    made = cast.form()
    assert made["keyId"] == 1
    assert ENCRYPTED.fullmatch(made["version"])[1] == "1"
    raw = cast.alice.get(f"{FORM}.xml").body
    assert encryptor.public_key(raw) == key(1).public
    draft = cast.alice.post(Cast.FORMS, xform("drafted")).json
    assert draft["keyId"] == 1
    assert ENCRYPTED.fullmatch(draft["version"])[1] == "1"


def test_a_version_that_leaves_no_room_for_the_suffix_is_cut(cast):
    cast.alice.post(KEY, ASKED)
    made = cast.form(version="é" * 250)
    assert len(made["version"]) == 255
    assert set(ENCRYPTED.fullmatch(made["version"])[1]) == {"é"}
    assert cast.submit("one", version=made["version"]).status == 200


def test_a_form_may_bring_a_key_of_its_own(cast):
    public, raw = own_key()
    made = cast.alice.post(f"{Cast.FORMS}?publish=true", raw).json
    assert (made["keyId"], made["version"]) == (1, "1")
    assert cast.alice.get(f"{FORM}.xml").body == raw
    assert key(1).to_api() == {
        "id": 1,
        "public": public,
        "managed": None,
        "hint": None,
        "createdAt": key(1).to_api()["createdAt"],
    }
    assert project().key_id is None


def test_one_key_is_known_by_one_number(cast):
    _, raw = own_key()
    assert cast.alice.post(f"{Cast.FORMS}?publish=true", raw).json["keyId"] == 1
    assert cast.alice.post(f"{Cast.FORMS}?publish=true", own_key("b")[1]).json["keyId"] == 1
    other = xform("c", key="another")
    assert cast.alice.post(f"{Cast.FORMS}?publish=true", other).json["keyId"] == 2
    assert len(stored("K#")) == len(stored("KP#")) == 2


def test_a_form_with_a_key_of_its_own_keeps_it_in_an_encrypted_project(cast):
    _, raw = own_key()
    assert cast.alice.post(f"{Cast.FORMS}?publish=true", raw).json["keyId"] == 1
    before = form().serialize()
    assert cast.alice.post(KEY, ASKED).json == DONE
    assert form().serialize() == before
    late = cast.alice.post(f"{Cast.FORMS}?publish=true", own_key("late")[1]).json
    assert (late["keyId"], late["version"]) == (1, "1")
    assert project().key_id == 2


def test_a_form_that_was_given_a_key_may_come_back_with_it(cast):
    """Somebody downloads an encrypted form and uploads it under another name."""
    cast.alice.post(KEY, ASKED)
    cast.form()
    raw = cast.alice.get(f"{FORM}.xml").body.replace(b'id="simple"', b'id="again"')
    again = cast.alice.post(f"{Cast.FORMS}?publish=true", raw).json
    assert (again["keyId"], again["version"]) == (1, form().version)


def test_a_key_of_no_sensible_length_is_refused(cast):
    answer = cast.alice.post(f"{Cast.FORMS}?publish=true", xform(key="A" * 10_001))
    assert answer.json == {
        "message": "Length of value too long for a field",
        "code": 400.13,
        "details": {"maxLength": "10000"},
    }


# --- at the same time -----------------------------------------------------------------------------


def test_a_form_that_is_made_while_its_project_is_encrypted_never_stays_in_the_clear(cast):
    _ = cast.alice
    seen = project()
    sent = upload.read(xform(), "application/xml", fallback_id="form")
    assert cast.alice.post(KEY, ASKED).json == DONE
    with pytest.raises(Activating):
        publication.create(seen, sent, publish=True, ignore_warnings=False, by=SYSTEM)
    assert form() is None
    assert Activating().to_api() == {
        "message": "Could not create form, because the project was being prepared for managed "
        "encryption. Please try again in a moment.",
        "code": 409.5,
    }


def test_a_form_that_somebody_changes_meanwhile_is_encrypted_as_it_is_then(cast):
    cast.form()
    stale = form()
    assert cast.alice.patch(FORM, {"state": "closing"}).status == 200
    cast.alice.post(KEY, ASKED)
    before = stored()
    conversion.convert(stale, key(1), "[encrypted:12345678]", by=SYSTEM)
    assert stored() == before
    assert (form().state, form().key_id) == ("closing", 1)


def test_what_a_request_leaves_is_done_by_the_worker_once(cast):
    """The first call gets no time for forms, as one that is cut off."""
    for name in ("a", "b"):
        cast.form(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(activation, "PATIENCE", -1)
        assert cast.bob.post(KEY, ASKED, headers={"X-Action-Notes": "note"}).json == DONE
    assert [form(name).key_id for name in "ab"] == [None, None]
    (event,) = calls()
    handler("workers/encrypt")({"detail": event}, None)
    assert [form(name).key_id for name in "ab"] == [1, 1]
    rows = audits("form.update.publish")[-2:]
    assert {(row["actorId"], row["notes"]) for row in rows} == {(cast.users["bob"]["id"], "note")}
    before = stored()
    handler("workers/encrypt")({"detail": event}, None)
    assert stored() == before


def test_asking_again_finishes_what_was_left(cast):
    cast.form()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(activation, "PATIENCE", -1)
        assert cast.alice.post(KEY, ASKED).json == DONE
    assert form().key_id is None
    assert cast.alice.post(KEY, ASKED).json == ALREADY
    assert form().key_id == 1


def test_one_form_that_cannot_be_encrypted_holds_up_no_other(cast):
    """A definition whose XML nobody could read any more: none that this release has taken in."""
    for name in ("a", "b", "c"):
        cast.form(name)
    broken = DefinitionSource(*keys.definition_source(form("b").id, form("b").sha256))
    broken.update([DefinitionSource.packed.set(pack(b"<damaged"))])
    assert cast.alice.post(KEY, ASKED).json == DONE
    assert [form(name).key_id for name in "abc"] == [1, None, 1]
    (event,) = calls()
    with pytest.raises(RuntimeError, match=f"not encrypted: .{form('b').id}."):
        handler("workers/encrypt")({"detail": event}, None)


def test_of_many_that_ask_at_once_one_is_told_that_it_was(cast):
    alice = cast.alice
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _: alice.post(KEY, ASKED), range(5)))
    assert sorted(answer.status for answer in answers) == [200, 409, 409, 409, 409]
    assert all(answer.json in (DONE, ALREADY) for answer in answers)
    assert len(stored("K#")) == len(stored("KP#")) == len(calls()) == 1


def test_the_worker_leaves_a_deleted_project_alone(cast):
    cast.form()
    cast.alice.delete(PROJECT)
    before = stored()
    handler("workers/encrypt")({"detail": {"projectId": 1, "actorId": 5, "notes": None}}, None)
    assert stored() == before


def test_what_the_form_was_made_of_stays_with_it(cast):
    """The spreadsheet of a form that is given a key can still be downloaded."""
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    raw = workbook()
    made = cast.alice.post(f"{Cast.FORMS}?publish=true", raw, {"content-type": kind})
    assert made.status == 200, made.text
    path = f"{Cast.FORMS}/{made.json['xmlFormId']}"
    assert cast.alice.post(KEY, ASKED).json == DONE
    assert cast.alice.get(path).json["keyId"] == 1
    assert cast.alice.get(f"{path}.xlsx").body == raw


def test_a_deleted_form_is_left_as_it_was_until_it_comes_back(cast):
    """Central restores it in the clear, and leaves it so."""
    cast.form()
    number = form().id
    cast.alice.delete(FORM)
    before = stored("P#")
    assert cast.alice.post(KEY, ASKED).json == DONE
    assert stored("P#") == before
    assert list(forms.of(1)) == []
    assert cast.bob.post(f"{Cast.FORMS}/{number}/restore").json == DONE
    assert form().key_id is None
    _, event = sorted(calls(), key=lambda each: each["loggedAt"])
    handler("workers/encrypt")({"detail": event}, None)
    assert form().key_id == 1
    assert audits("form.update.publish")[-1]["actorId"] == cast.users["bob"]["id"]


def test_a_form_that_has_a_key_comes_back_without_ado(cast):
    cast.alice.post(KEY, ASKED)
    cast.form()
    number = form().id
    cast.alice.delete(FORM)
    assert cast.alice.post(f"{Cast.FORMS}/{number}/restore").json == DONE
    assert len(calls()) == 1


def test_a_form_that_comes_back_while_its_project_is_encrypted_does_not_come_unseen(cast):
    cast.form()
    number = form().id
    cast.alice.delete(FORM)
    seen, deleted = project(), reads.get(Form.ref(keys.deleted_form(1, number)))
    assert cast.alice.post(KEY, ASKED).json == DONE
    with pytest.raises(Activating):
        restoration.restore(seen, deleted, by=SYSTEM)
    assert form() is None


def test_versions_of_an_encrypted_form_are_encrypted_too(cast):
    """By a draft that copies the form, one that is sent, and one under a name of its own."""
    cast.alice.post(KEY, ASKED)
    first = cast.form()["version"]
    assert cast.alice.post(f"{FORM}/draft").json == DONE
    copied = cast.alice.get(f"{FORM}/draft").json
    assert (copied["version"], copied["keyId"]) == (first, 1)
    assert cast.alice.post(f"{FORM}/draft", xform(version="2")).json == DONE
    sent = cast.alice.get(f"{FORM}/draft").json
    assert (ENCRYPTED.fullmatch(sent["version"])[1], sent["keyId"]) == ("2", 1)
    assert cast.alice.post(f"{FORM}/draft/publish?version=three").json == DONE
    shown = cast.alice.get(FORM).json
    assert (shown["version"], shown["keyId"]) == ("three", 1)
    assert encryptor.public_key(cast.alice.get(f"{FORM}.xml").body) == key(1).public


def test_a_draft_from_before_is_published_with_the_key(cast):
    """Also while the form is on its way to be encrypted: what the worker finds then."""
    cast.form()
    assert cast.alice.post(f"{FORM}/draft", xform(version="2")).json == DONE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(activation, "PATIENCE", -1)
        assert cast.alice.post(KEY, ASKED).json == DONE
    assert cast.alice.post(f"{FORM}/draft/publish").json == DONE
    assert (form().version, form().key_id) == ("2", None)
    (event,) = calls()
    handler("workers/encrypt")({"detail": event}, None)
    assert ENCRYPTED.fullmatch(form().version)[1] == "2"
    assert form().key_id == 1
