"""Exports of encrypted submissions: what passphrases open, and what stays shut (Central 10, 11)."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from urllib.parse import quote, quote_plus, urlencode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sheaf import aws, blobs, clock, settings
from sheaf.db import keys, reads
from sheaf.encryption import keypairs
from sheaf.encryption.keyring import Key
from tests import encryptor
from tests.archives import linked, members, rows, unpacked
from tests.cast import Cast, audits, stored, xform, xml
from tests.contract.test_exports import AUDIT, DATA
from tests.exporting import nothing_fits, work

PASSPHRASE = "open, sesame & süß"
OTHER = "another passphrase"
FORM = f"{Cast.FORMS}/simple"
SUBMISSIONS = f"{FORM}/submissions"
ZIP, CSV = f"{SUBMISSIONS}.csv.zip", f"{SUBMISSIONS}.csv"
URLENCODED = {"content-type": "application/x-www-form-urlencoded"}
REFUSED = {
    "message": "Could not perform decryption. Double check your passphrase and your data and try "
    "again.",
    "code": 400.12,
}
# What tells how a submission came, and not what it says.
SYSTEM = ("SubmissionDate", "AttachmentsPresent", "AttachmentsExpected", "FormVersion")


def encrypt(cast, project=1, passphrase=PASSPHRASE):
    asked = cast.alice.post(f"/v1/projects/{project}/key", {"passphrase": passphrase})
    assert asked.status == 200, asked.text


def public(number):
    return reads.get(Key.ref(keys.key(number))).public


def send(cast, sent, path=SUBMISSIONS, *, without=(), by="post"):
    """Send an encrypted submission with its files."""
    answer = cast.alice.request(by.upper(), path, sent.envelope)
    assert answer.status == 200, answer.text
    at = path if by == "put" else f"{path}/{quote(answer.json['instanceId'], safe='')}"
    for name, data in sent.files.items():
        if name not in without:
            stored = cast.alice.post(f"{at}/attachments/{name}", data)
            assert stored.status == 200, stored.text


def seal(instance_id, *, key=1, version, name="Ada", photo="", **said):
    inner = xml(instance_id, name=name, photo=photo, version=version)
    said = {"instance_id": instance_id, "version": version} | said
    return encryptor.seal(inner, public(key), **said)


@pytest.fixture
def version(cast):
    """The version of `simple` in an encrypted project: its key is 1."""
    encrypt(cast)
    return cast.form()["version"]


def told(answer):
    """KEY, name and status of each row."""
    assert answer.status == 200, answer.text
    table = members(answer)["simple.csv"] if answer.body[:2] == b"PK" else answer.body
    return [(row["KEY"], row["name"], row["Status"]) for row in rows(table)]


def every_way(cast, given):
    """Ask for the table and for the archive, by query, JSON and form, with passphrases."""
    query = urlencode(given)
    for path in (CSV, ZIP):
        yield cast.alice.get(f"{path}?{query}")
        yield cast.alice.post(path, {str(name): value for name, value in given.items()})
        yield cast.alice.post(path, query.encode(), URLENCODED)


# --- whole ----------------------------------------------------------------------------------------


def test_what_is_decrypted_is_exported_as_what_was_never_encrypted(cast):
    """The same submission, with its repeats, files and log, in the clear and encrypted."""
    assert cast.alice.post("/v1/projects", {"name": "Two"}).json["id"] == 2
    encrypt(cast, 2)
    raw = (DATA / "forms/every-question.xml").read_bytes()
    inner = (DATA / "submissions/every-question.xml").read_bytes()
    files = {"photo.jpg": b"\xff\xd8\xff", "voice.m4a": b"", "paper.csv": b"a,b\n" * 1000}
    files["audit.csv"] = AUDIT.encode()
    plain, secret = (f"/v1/projects/{number}/forms/every-question" for number in (1, 2))
    for project in (1, 2):
        made = cast.alice.post(f"/v1/projects/{project}/forms?publish=true", raw)
        assert made.status == 200, made.text
    send(cast, encryptor.Sealed(inner, files), f"{plain}/submissions", without=("voice.m4a",))
    sent = encryptor.seal(
        inner,
        public(1),
        form="every-question",
        instance_id="uuid:full",
        version=made.json["version"],
        media=files,
    )
    send(cast, sent, f"{secret}/submissions", without=("voice.m4a.enc",))
    options = "groupPaths=false&splitSelectMultiples=true"
    expected = members(cast.alice.get(f"{plain}/submissions.csv.zip?{options}"))
    found = members(cast.alice.post(f"{secret}/submissions.csv.zip?{options}", {"1": PASSPHRASE}))
    assert b",many,many/a,many/b," in expected["every-question.csv"]
    assert list(found) == list(expected)
    root = "every-question.csv"
    (old,), (new,) = rows(expected.pop(root)), rows(found.pop(root))
    assert new == old | {name: new[name] for name in SYSTEM}
    # The encrypted submission itself is one of the files.
    assert (old["AttachmentsPresent"], old["AttachmentsExpected"]) == ("3", "4")
    assert (new["AttachmentsPresent"], new["AttachmentsExpected"]) == ("4", "5")
    assert found == expected


# --- passphrases ----------------------------------------------------------------------------------


@pytest.fixture
def mixed(cast, version):
    """One in the clear, two encrypted, of which one lacks the encrypted XML."""
    assert cast.submit("clear", name="Alan", version=version).status == 200
    media = {"photo.jpg": b"\xff\xd8 secret"}
    send(cast, seal("secret", version=version, photo="photo.jpg", media=media))
    send(cast, seal("lacking", version=version, media=media), without=["submission.xml.enc"])
    return cast


def test_without_passphrases_nothing_is_opened(mixed):
    shut = [
        ("lacking", "", "missing encrypted form data"),
        ("secret", "", "not decrypted"),
        ("clear", "Alan", ""),
    ]
    for answer in (mixed.alice.get(CSV), mixed.alice.post(CSV, {}), mixed.alice.get(ZIP)):
        assert told(answer) == shut
    assert list(members(mixed.alice.get(ZIP))) == ["simple.csv"]


def test_the_right_passphrase_opens_rows_and_files(mixed):
    for answer in every_way(mixed, {1: PASSPHRASE}):
        assert told(answer) == [
            ("lacking", "", "missing encrypted form data"),
            ("secret", "Ada", ""),
            ("clear", "Alan", ""),
        ]
    found = members(mixed.alice.post(ZIP, {"1": PASSPHRASE}))
    # Of the one that lacks its XML, nothing tells under which name its files were sealed.
    assert {name: found[name] for name in found if name.startswith("media/")} == {
        "media/photo.jpg": b"\xff\xd8 secret"
    }
    assert [row["photo"] for row in rows(found["simple.csv"])] == ["", "photo.jpg", ""]
    assert list(members(mixed.alice.post(f"{ZIP}?attachments=false", {"1": PASSPHRASE}))) == [
        "simple.csv"
    ]


@pytest.mark.parametrize("given", [{1: "wrong"}, {1: ""}, {1: PASSPHRASE.upper()}, {1: " "}])
def test_a_wrong_passphrase_is_refused_and_leaves_no_trace(mixed, given):
    """Central writes an audit row for the table, and none for the archive."""
    before = len(audits())
    for answer in every_way(mixed, given):
        assert (answer.status, answer.json) == (400, REFUSED)
    assert len(audits()) == before


def test_a_passphrase_for_an_unknown_key_leaves_what_is_in_the_clear(mixed):
    for answer in every_way(mixed, {77: PASSPHRASE}):
        assert told(answer) == [("clear", "Alan", "")]
    both = mixed.alice.post(CSV, {"77": "whatever", "1": PASSPHRASE})
    assert [key for key, _, _ in told(both)] == ["lacking", "secret", "clear"]


def test_members_that_are_no_numbers_are_no_passphrases(mixed):
    for answer in every_way(mixed, {"one": "wrong", "1a": "wrong", "-1": "wrong"}):
        assert len(told(answer)) == 3


def test_passphrases_of_a_post_are_in_its_body_alone(mixed):
    assert told(mixed.alice.post(f"{CSV}?1=wrong", {}))[1] == ("secret", "", "not decrypted")


def test_an_export_that_decrypts_is_audited_without_the_passphrase(mixed):
    mixed.alice.post(ZIP, {"1": PASSPHRASE})
    row = audits()[-1]
    assert (row["action"], row["details"]) == ("form.submission.export", None)


def test_passphrases_are_not_logged(mixed, caplog):
    caplog.set_level(logging.DEBUG)
    for answer in (*every_way(mixed, {1: PASSPHRASE}), *every_way(mixed, {1: "wrong sesame"})):
        assert answer.status in (200, 400)
    said = json.dumps([str(vars(record)) for record in caplog.records], ensure_ascii=False)
    assert "submissions.csv" in said
    assert "sesame" not in said
    assert quote("sesame & süß") not in said


def forms_of(secret):
    """A secret as it may stand anywhere: as it is, in JSON, in a query, in base64."""
    raw = secret.encode()
    coded = b64encode(raw)
    # In base64 of something longer, from wherever it begins, all but the characters at its ends.
    shifted = (b64encode(b"x" * at + raw)[4:-4] for at in range(3))
    quoted = (quote(secret, safe="").encode(), quote_plus(secret).encode())
    return {raw, json.dumps(secret)[1:-1].encode(), coded, *quoted, *shifted}


def test_no_secret_rests_or_is_logged_anywhere(cast, caplog, capfd):
    """After all that can be done with them: in no item, object, message or line."""
    caplog.set_level(logging.DEBUG)
    began = clock.micros()
    secret = f"never to be seen, {clock.uuid()}"
    wrong = f"nor this, {clock.uuid()}"
    encrypt(cast, passphrase=secret)
    version = cast.form()["version"]
    send(cast, seal("one", version=version, photo="a.jpg", media={"a.jpg": b"jpeg"}))
    for given in ({1: secret}, {1: wrong}, {1: secret, 77: wrong}):
        assert {answer.status for answer in every_way(cast, given)} <= {200, 400}
    with nothing_fits():
        answer = cast.alice.post(ZIP, {"1": secret})
        query = urlencode({1: secret})
        assert cast.alice.get(f"{CSV}?{query}").status == answer.status == 303
    work(answer.headers["location"].rpartition("/")[2])
    private = keypairs.unlock(reads.get(Key.ref(keys.key(1))).sealed, secret)
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    seen = [repr(stored()).encode(), *objects_since(began)]
    seen += [str(vars(record)).encode() for record in caplog.records]
    seen += [text.encode() for text in capfd.readouterr()]
    assert any(b"submissions.csv" in each for each in seen)
    assert len(seen) > 20
    for form in (*forms_of(secret), *forms_of(wrong), der[-64:], b64encode(der)[-64:]):
        assert not any(form in each for each in seen), form


def objects_since(moment):
    """What lies in the bucket since then, and what waits in the queue of exports."""
    s3 = aws.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=settings.BUCKET_NAME)
    for page in pages:
        for each in page.get("Contents", ()):
            if each["LastModified"].timestamp() * 1e6 >= moment - 2e6:
                yield each["Key"].encode()
                yield blobs.load(each["Key"])
    queue = {"QueueUrl": settings.EXPORT_QUEUE_URL, "MaxNumberOfMessages": 10}
    waiting = aws.client("sqs").receive_message(**queue, VisibilityTimeout=0)
    yield repr(waiting.get("Messages")).encode()


def test_what_a_device_sends_in_batches_is_opened_whole(cast, version):
    media = {f"{number}.jpg": b"%d" % number for number in range(3)}
    sent = seal("one", version=version, photo="0.jpg", media=media)
    names = list(sent.files)
    for batch in (names[:2], names[2:]):
        files = {name: sent.files[name] for name in batch}
        assert cast.send(sent.envelope, files, by=cast.colin).status == 201
    assert told(cast.alice.get(CSV)) == [("one", "", "not decrypted")]
    answer = cast.alice.post(ZIP, {"1": PASSPHRASE})
    assert told(answer) == [("one", "Ada", "")]
    found = members(answer)
    assert {name: data for name, data in found.items() if "/" in name} == {
        f"media/{name}": data for name, data in media.items()
    }
    (submitter,) = cast.alice.get(f"{SUBMISSIONS}/submitters").json
    assert submitter["id"] == cast.users["colin"]["id"]


# --- exports that outlive their request -----------------------------------------------------------


def test_an_export_that_outgrows_its_request_decrypts_all_the_same(mixed):
    at_once = members(mixed.alice.post(ZIP, {"1": PASSPHRASE}))
    with nothing_fits():
        answer = mixed.alice.post(ZIP, {"1": PASSPHRASE})
    location = answer.headers["location"]
    assert answer.status == 303
    everything = repr(stored())
    assert PASSPHRASE not in everything
    assert json.dumps(PASSPHRASE) not in everything
    work(location.rpartition("/")[2])
    made = mixed.alice.get(location)
    assert made.status == 303, made.text
    assert unpacked(linked(made.headers["location"])) == at_once
    assert at_once["media/photo.jpg"] == b"\xff\xd8 secret"


def test_a_wrong_passphrase_is_refused_before_there_is_a_job(mixed):
    before = stored()
    with nothing_fits():
        for answer in every_way(mixed, {1: "wrong"}):
            assert (answer.status, answer.json) == (400, REFUSED)
    assert stored() == before


# --- several keys ---------------------------------------------------------------------------------


def publish(cast, version, key_id):
    """Publish a version of `simple` that brings a key."""
    sent = xform(version=version, key=public(key_id))
    assert cast.alice.post(f"{FORM}/draft", sent).status == 200
    assert cast.alice.post(f"{FORM}/draft/publish").status == 200
    assert cast.alice.get(FORM).json["keyId"] == key_id


@pytest.fixture
def several(cast, version):
    """Submissions for key 1 (the project's), 2 (another project's) and 3 (a form's own)."""
    assert cast.alice.post("/v1/projects", {"name": "Two"}).json["id"] == 2
    encrypt(cast, 2, OTHER)
    own, _ = encryptor.own()
    assert cast.alice.post(f"{Cast.FORMS}?publish=true", xform("own", key=own)).json["keyId"] == 3
    for number in (2, 3):
        publish(cast, f"v{number}", number)
    for number, called in ((1, version), (2, "v2"), (3, "v3")):
        media = {f"{number}.jpg": b"%d" % number}
        sent = seal(f"k{number}", key=number, version=called, name=f"N{number}", media=media)
        send(cast, sent)
    return cast


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({1: PASSPHRASE}, [("k1", "N1", "")]),
        ({2: OTHER}, [("k2", "N2", "")]),
        ({1: PASSPHRASE, 2: OTHER}, [("k2", "N2", ""), ("k1", "N1", "")]),
        # Nobody can open what was encrypted for a key that the form has brought with it.
        ({3: "whatever"}, [("k3", "", "not decrypted")]),
        ({1: PASSPHRASE, 3: ""}, [("k3", "", "not decrypted"), ("k1", "N1", "")]),
        ({}, [(f"k{number}", "", "not decrypted") for number in (3, 2, 1)]),
    ],
)
def test_rows_of_keys_without_a_passphrase_are_left_out_once_there_is_one(several, given, expected):
    for answer in every_way(several, given):
        assert told(answer) == expected
    files = [
        name for name in members(several.alice.get(f"{ZIP}?{urlencode(given)}")) if "/" in name
    ]
    opened = [key.removeprefix("k") for key, name, _ in expected if name]
    assert files == [f"media/{number}.jpg" for number in opened]


@pytest.mark.parametrize(
    "given", [{1: OTHER}, {1: PASSPHRASE, 2: "wrong"}, {1: OTHER, 2: PASSPHRASE}]
)
def test_one_passphrase_that_does_not_fit_its_key_spoils_all(several, given):
    for answer in every_way(several, given):
        assert (answer.status, answer.json) == (400, REFUSED)


def test_keys_of_submissions_are_listed_newest_first(several):
    listed = several.alice.get(f"{SUBMISSIONS}/keys").json
    assert [(each["id"], each["managed"]) for each in listed] == [(3, None), (2, True), (1, True)]


# --- edits, drafts, damage ------------------------------------------------------------------------


@pytest.mark.parametrize("sealed_under", ["edit", "first"])
def test_an_edit_is_opened_whether_sealed_under_its_own_id_or_the_first(
    cast, version, sealed_under
):
    """The specification has the edit's own id, Central reads it under that of the first version."""
    send(cast, seal("first", version=version, media={"old.jpg": b"old"}))
    sent = seal(sealed_under, version=version, name="Eve", media={"new.jpg": b"new"})
    head = f"<orx:instanceID>{sealed_under}</orx:instanceID>"
    said = "<orx:instanceID>edit</orx:instanceID><orx:deprecatedID>first</orx:deprecatedID>"
    envelope = sent.envelope.replace(head.encode(), said.encode())
    send(cast, encryptor.Sealed(envelope, sent.files), f"{SUBMISSIONS}/first", by="put")
    answer = cast.alice.post(ZIP, {"1": PASSPHRASE})
    assert told(answer) == [("first", "Eve", "")]
    found = members(answer)
    assert {name: data for name, data in found.items() if "/" in name} == {"media/new.jpg": b"new"}


def test_a_draft_is_exported_like_a_form(cast):
    encrypt(cast)
    version = cast.draft()["version"]
    path = f"{FORM}/draft/submissions"
    send(cast, seal("one", version=version), path)
    assert told(cast.alice.get(f"{path}.csv")) == [("one", "", "not decrypted")]
    for answer in (
        cast.alice.get(f"{path}.csv?1={quote(PASSPHRASE)}"),
        cast.alice.post(f"{path}.csv.zip", {"1": PASSPHRASE}),
    ):
        assert told(answer) == [("one", "Ada", "")]
    assert cast.alice.get(f"{path}.csv?1=wrong").json == REFUSED


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-3], lambda data: b"", lambda data: b"x" * 64]
)
def test_a_submission_that_is_damaged_spoils_no_other(cast, version, damage):
    send(cast, seal("good", version=version))
    sent = seal("bad", version=version)
    files = {name: damage(data) for name, data in sent.files.items()}
    send(cast, encryptor.Sealed(sent.envelope, files))
    answer = cast.alice.post(CSV, {"1": PASSPHRASE})
    assert told(answer) == [("bad", "", "not decrypted"), ("good", "Ada", "")]


def test_a_file_that_is_damaged_is_left_out(cast, version):
    sent = seal("one", version=version, media={"a.jpg": b"a" * 40, "b.jpg": b"b" * 40})
    cut = sent.files | {"a.jpg.enc": sent.files["a.jpg.enc"][:-5]}
    send(cast, encryptor.Sealed(sent.envelope, cut))
    found = members(cast.alice.post(ZIP, {"1": PASSPHRASE}))
    assert {name: data for name, data in found.items() if "/" in name} == {"media/b.jpg": b"b" * 40}


def test_an_envelope_for_another_key_than_its_version_has_stays_shut(cast, version):
    stranger, _ = encryptor.own()
    sent = encryptor.seal(xml("one"), stranger, instance_id="one", version=version)
    send(cast, sent)
    assert told(cast.alice.post(CSV, {"1": PASSPHRASE})) == [("one", "", "not decrypted")]
