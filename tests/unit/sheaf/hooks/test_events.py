"""Which changes are events, and that each is one."""

from __future__ import annotations

from collections import Counter

import pytest

from sheaf.hooks import events
from sheaf.submissions import purge
from tests.cast import audits, xform

ONE = "uuid:one"
PHOTOS = (
    b'<data xmlns:orx="http://openrosa.org/xforms" id="two" version="1">%b'
    b"<orx:meta><orx:instanceID>%b</orx:instanceID>%b</orx:meta></data>"
)
TWO_FILES = """<?xml version="1.0"?>
<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
  xmlns:orx="http://openrosa.org/xforms">
  <h:head><h:title>Two</h:title><model>
    <instance><data id="two" version="1"><a/><b/><orx:meta><orx:instanceID/></orx:meta></data>
    </instance>
    <bind nodeset="/data/a" type="binary"/><bind nodeset="/data/b" type="binary"/>
  </model></h:head><h:body/></h:html>"""
NO_FILES = TWO_FILES.replace("binary", "string").replace('id="two"', 'id="none"')
FORMS = "/v1/projects/1/forms"


def two(instance_id: str, a: str = "", b: str = "", old: str = "") -> bytes:
    """A submission of a form that asks for two files."""
    deprecated = f"<orx:deprecatedID>{old}</orx:deprecatedID>" if old else ""
    fields = f"<a>{a}</a><b>{b}</b>"
    return PHOTOS % (fields.encode(), instance_id.encode(), deprecated.encode())


@pytest.fixture
def told(scene, way):
    """What hooks are told of since it was last asked, by type, each with its version."""
    scene.bob.post(f"{FORMS}?publish=true", TWO_FILES.encode())
    scene.bob.post(f"{FORMS}?publish=true", NO_FILES.encode())
    seen: set[str] = set()

    def ask() -> list[str]:
        new = [each for each in way.events() if each["eventId"] not in seen]
        seen.update(each["eventId"] for each in new)
        return sorted(each["action"] for each in new if events.worth_telling(each))

    ask()
    return ask


def upload(scene, name: str, data: bytes = b"1") -> None:
    path = f"{FORMS}/two/submissions/{ONE}/attachments/{name}"
    assert scene.bob.post(path, data).json == {"success": True}


def test_every_change_is_one_event(scene, told):
    path = f"{FORMS}/none/submissions"
    body = two(ONE).replace(b'id="two"', b'id="none"')
    assert scene.bob.post(path, body).status == 200
    assert told() == [events.CREATE]
    edited = two("uuid:two", old=ONE).replace(b'id="two"', b'id="none"')
    assert scene.bob.put(f"{path}/{ONE}", edited).status == 200
    assert told() == [events.EDIT]
    for state, expected in (
        ("approved", [events.REVIEW]),
        ("approved", []),
        (None, [events.REVIEW]),
    ):
        assert scene.bob.patch(f"{path}/{ONE}", {"reviewState": state}).status == 200
        assert told() == expected
    assert scene.bob.delete(f"{path}/{ONE}").status == 200
    assert told() == [events.DELETE]
    assert scene.bob.post(f"{path}/{ONE}/restore").status == 200
    assert told() == [events.RESTORE]


def test_a_form_tells_when_a_version_is_published(scene, way, told):
    assert scene.bob.post(f"{FORMS}?publish=true", xform("new", "7")).status == 200
    assert told() == [events.PUBLISH]
    event = way.events(events.PUBLISH)[-1]
    assert (event["xmlFormId"], event["formVersion"], event["projectId"]) == ("new", "7", 1)
    assert scene.bob.post(FORMS, xform("draft", "1")).status == 200
    assert told() == []


def test_submissions_of_drafts_tell_nobody(scene, told):
    assert scene.bob.post(FORMS, TWO_FILES.replace('"two"', '"draft"').encode()).status == 200
    path = f"{FORMS}/draft/draft/submissions"
    body = two(ONE, "1.jpg").replace(b'id="two"', b'id="draft"')
    assert scene.bob.post(path, body).status == 200
    assert scene.bob.post(f"{path}/{ONE}/attachments/1.jpg", b"1").status == 200
    assert told() == []


# --- files ------------------------------------------------------------------------------------


def test_files_are_complete_when_the_last_one_has_come(scene, told):
    assert scene.bob.post(f"{FORMS}/two/submissions", two(ONE, "1.jpg", "2.jpg")).status == 200
    assert told() == [events.CREATE]
    upload(scene, "1.jpg")
    assert told() == [events.FILE]
    upload(scene, "2.jpg")
    assert told() == [events.FILE, events.COMPLETE]


def test_a_replaced_file_does_not_complete_it_twice(scene, told):
    scene.bob.post(f"{FORMS}/two/submissions", two(ONE, "1.jpg"))
    upload(scene, "1.jpg")
    assert told() == [events.FILE, events.COMPLETE, events.CREATE]
    upload(scene, "1.jpg")
    assert told() == []
    upload(scene, "1.jpg", b"another")
    assert told() == [events.FILE]


def test_a_cleared_file_that_comes_again_completes_it_again(scene, told):
    scene.bob.post(f"{FORMS}/two/submissions", two(ONE, "1.jpg", "2.jpg"))
    upload(scene, "1.jpg")
    upload(scene, "2.jpg")
    told()
    path = f"{FORMS}/two/submissions/{ONE}/attachments"
    for name in ("1.jpg", "1.jpg", "2.jpg"):
        assert scene.bob.delete(f"{path}/{name}").status == 200
    assert told() == [events.FILE] * 3
    upload(scene, "2.jpg")
    assert told() == [events.FILE]
    upload(scene, "1.jpg", b"another")
    assert told() == [events.FILE, events.COMPLETE]


def test_a_submission_that_names_no_files_is_complete_where_a_form_asks_for_some(scene, told):
    scene.bob.post(f"{FORMS}/two/submissions", two(ONE))
    assert told() == [events.COMPLETE, events.CREATE]
    body = two(ONE).replace(b'id="two"', b'id="none"')
    assert scene.bob.post(f"{FORMS}/none/submissions", body).status == 200
    assert told() == [events.CREATE]


def test_an_edit_that_takes_over_all_files_is_complete_and_tells_of_no_file(scene, told):
    path = f"{FORMS}/two/submissions"
    scene.bob.post(path, two(ONE, "1.jpg", "2.jpg"))
    upload(scene, "1.jpg")
    upload(scene, "2.jpg")
    told()
    assert scene.bob.put(f"{path}/{ONE}", two("uuid:2", "1.jpg", "2.jpg", ONE)).status == 200
    assert told() == [events.COMPLETE, events.EDIT]
    assert scene.bob.put(f"{path}/{ONE}", two("uuid:3", "1.jpg", "3.jpg", "uuid:2")).status == 200
    assert told() == [events.EDIT]
    upload(scene, "3.jpg")
    assert told() == [events.FILE, events.COMPLETE]
    assert scene.bob.put(f"{path}/{ONE}", two("uuid:4", old="uuid:3")).status == 200
    assert told() == [events.COMPLETE, events.EDIT]


def test_of_many_uploads_at_once_one_completes_it(scene, told):
    from concurrent.futures import ThreadPoolExecutor

    scene.bob.post(f"{FORMS}/two/submissions", two(ONE, "1.jpg", "2.jpg"))
    told()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: upload(scene, name), ["1.jpg", "2.jpg"] * 2))
    assert Counter(told())[events.COMPLETE] == 1


def test_an_encrypted_submission_is_complete_when_its_files_are(scene, told):
    envelope = (
        b'<data id="none" version="1" encrypted="yes"><base64EncryptedKey>c2VhbGVk'
        b"</base64EncryptedKey><meta><instanceID>uuid:one</instanceID></meta>"
        b"<encryptedXmlFile>submission.xml.enc</encryptedXmlFile></data>"
    )
    assert scene.bob.post(f"{FORMS}/none/submissions", envelope).status == 200
    assert told() == [events.CREATE]
    path = f"{FORMS}/none/submissions/{ONE}/attachments/submission.xml.enc"
    assert scene.bob.post(path, b"sealed").status == 200
    assert told() == [events.FILE, events.COMPLETE]


# --- purge ------------------------------------------------------------------------------------


def test_a_purge_tells_of_each_submission_by_its_ids_alone(scene, way, told):
    for number in range(3):
        scene.submit(f"uuid:{number}", name="Geheim")
        scene.edit(f"uuid:{number}", f"uuid:{number}", f"uuid:{number}b")
        scene.delete(f"uuid:{number}", "because")
    told()
    assert purge.run(0) == 3
    assert told() == [events.PURGE] * 3
    gone = [each for each in way.events(events.PURGE) if "formId" in each]
    assert {each["instanceId"] for each in gone} == {"uuid:0", "uuid:1", "uuid:2"}
    assert {each["currentInstanceId"] for each in gone} == {"uuid:0b", "uuid:1b", "uuid:2b"}
    assert {(each["notes"], each["actorId"], each["sequence"]) for each in gone} == {
        (None, None, 4)
    }
    assert "Geheim" not in str(gone)
    shown = [row for row in audits("submission.purge") if row["acteeId"] is None]
    assert {"submissions_deleted": 3} in [row["details"] for row in shown]
    assert purge.run(0) == 0
    assert told() == []


def test_a_purge_that_is_cut_off_tells_of_each_submission_once(scene, way, told, monkeypatch):
    for number in range(3):
        scene.submit(f"uuid:{number}")
        scene.delete(f"uuid:{number}")
    told()
    count = {"left": 1}
    removing = purge._tell_gone

    def crash(*args):
        if count["left"] == 0:
            raise RuntimeError
        count["left"] -= 1
        removing(*args)

    with monkeypatch.context() as patch:
        patch.setattr(purge, "_tell_gone", crash)
        with pytest.raises(RuntimeError):
            purge.run(0)
    assert purge.run(0) == 3
    assert told() == [events.PURGE] * 3
