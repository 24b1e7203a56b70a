"""Passphrases: which are tried, what they open, and which rows are left without."""

import pytest

from sheaf.data.decryption import decryptor
from sheaf.db import keys
from sheaf.db.transaction import Transaction
from sheaf.encryption import keyring
from sheaf.forms.forms import Form
from sheaf.problems import DecryptionFailed
from sheaf.submissions import instance, key_uses
from sheaf.submissions.records import LIVE, Submission
from tests import encryptor

PASSPHRASE = "open, sesame"
XML = b"<data id='simple'><name>Ada</name></data>"


class _System:
    actor_id = notes = None


@pytest.fixture
def stored(aws):
    """Keys: 1 and 2 of project 1, 3 of project 2; 4 has come with a form."""
    made = [keyring.make_managed(project, f"{PASSPHRASE} {n}", None) for n, project in PROJECTS]
    brought, _ = keyring.find_or_make(encryptor.own()[0])
    with Transaction() as tx:
        for key in (*made, brought):
            keyring.create(tx, key)
    return [*made, brought]


PROJECTS = [(1, 1), (2, 1), (3, 2)]


def form(**said):
    return Form(id=7, project_id=1, shards=4, **said)


def sealed(key, instance_id="one"):
    return encryptor.seal(XML, key.public, instance_id=instance_id, version="1")


def opened(opening, key_id, sent, instance_id="one"):
    opener = opening.opener(key_id, instance_id, instance.read(sent.envelope).encrypted_key)
    return None if opener is None else b"".join(opener(0, [sent.files["submission.xml.enc"]]))


def test_without_passphrases_all_rows_stay_and_nothing_opens(stored):
    opening = decryptor(form(), {})
    assert all(opening.keeps(number) for number in range(5))
    assert opened(opening, 1, sealed(stored[0])) is None


def test_a_passphrase_opens_what_is_encrypted_for_its_key(stored):
    opening = decryptor(form(), {1: f"{PASSPHRASE} 1"})
    assert opened(opening, 1, sealed(stored[0])) == XML
    assert opened(opening, 2, sealed(stored[1])) is None
    assert [number for number in range(5) if opening.keeps(number)] == [1]


def test_several_passphrases_open_each_their_own(stored):
    opening = decryptor(form(), {1: f"{PASSPHRASE} 1", 2: f"{PASSPHRASE} 2"})
    assert opened(opening, 1, sealed(stored[0])) == opened(opening, 2, sealed(stored[1])) == XML
    assert [number for number in range(5) if opening.keeps(number)] == [1, 2]


@pytest.mark.parametrize(
    "given",
    [
        {1: "wrong"},
        {1: ""},
        {1: f"{PASSPHRASE} 2"},
        {1: f"{PASSPHRASE} 1", 2: f"{PASSPHRASE} 1"},
        {9: "whatever", 2: "wrong"},
    ],
)
def test_one_wrong_passphrase_spoils_all(stored, given):
    with pytest.raises(DecryptionFailed):
        decryptor(form(), given)


@pytest.mark.parametrize("number", [9, 4, 3, 0, 99999999999])
def test_what_cannot_be_opened_here_is_not_tried(stored, number):
    """Keys that nobody has, that came with a form, or are another project's."""
    opening = decryptor(form(), {number: "wrong"})
    assert [each for each in range(5) if opening.keeps(each)] == [n for n in [number] if n < 5]
    assert opening.opener(number, "one", "QUJD") is None


@pytest.mark.parametrize("said", [{"key_id": 3}, {"working": {"key_id": 3}}])
def test_a_key_of_another_project_is_tried_where_the_form_has_it(stored, said):
    if "working" in said:
        names = ("id", "version", "name", "md5", "sha1", "sha256", "token")
        said = {"working": dict.fromkeys(names, "") | said["working"]}
    with pytest.raises(DecryptionFailed):
        decryptor(form(**said), {3: "wrong"})
    opening = decryptor(form(**said), {3: f"{PASSPHRASE} 3"})
    assert opened(opening, 3, sealed(stored[2])) == XML


def test_a_key_of_another_project_is_tried_where_a_submission_needs_it(stored):
    place = keys.submission(7, LIVE, keys.identifier(0))
    with Transaction() as tx:
        key_uses.follow(tx, None, Submission(*place, key_id=3))
        tx.audit("test", by=_System)
    with pytest.raises(DecryptionFailed):
        decryptor(form(), {3: "wrong"})


def test_an_envelope_that_lies_about_its_key_is_not_opened(stored):
    opening = decryptor(form(), {1: f"{PASSPHRASE} 1"})
    with pytest.raises(DecryptionFailed):
        opened(opening, 1, sealed(stored[1]))
