"""KoBoToolbox's flat record, whole, as receivers get it; and what hooks make of it."""

from __future__ import annotations

import json

import pytest

from sheaf import clock
from sheaf.hooks import events
from tests.contract.kobo.conftest import tell

HEAD = 'xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"'
# As KoBoToolbox deploys a form: with its uuid, a version, and what the device tells of itself.
FORM = f"""<?xml version="1.0"?>
<h:html {HEAD}><h:head><h:title>Visit</h:title><model>
  <instance><aVisit id="visit" version="1 (2026-10-01)">
    <formhub><uuid/></formhub><start/><end/><today/>
    <gps/><way/><plot/>
    <household><head/><assets/><members jr:template="" xmlns:jr="http://openrosa.org/javarosa">
      <name/><picture/><visits><note/><voice/></visits></members></household>
    <signature/><empty/><__version__/><meta><instanceID/><instanceName/></meta>
  </aVisit></instance>
  <bind nodeset="/aVisit/gps" type="geopoint"/>
  <bind nodeset="/aVisit/way" type="geotrace"/>
  <bind nodeset="/aVisit/plot" type="geoshape"/>
  <bind nodeset="/aVisit/household/assets" type="select"/>
  <bind nodeset="/aVisit/household/members/picture" type="binary"/>
  <bind nodeset="/aVisit/household/members/visits/voice" type="binary"/>
  <bind nodeset="/aVisit/signature" type="binary"/>
</model></h:head><h:body><group ref="/aVisit/household">
  <repeat nodeset="/aVisit/household/members">
    <repeat nodeset="/aVisit/household/members/visits"/></repeat>
</group></h:body></h:html>"""
UUID = "uuid:2f4e63a1-5a2b-4d3c-8e9f-0a1b2c3d4e5f"
NEXT = "uuid:9a7d1c3e-0b2f-4e6a-9c8d-7f6e5d4c3b2a"


def filled(instance_id=UUID, deprecated="", head="Amina &amp; Bo"):
    old = f"<deprecatedID>{deprecated}</deprecatedID>" if deprecated else ""
    return f"""<aVisit id="visit" version="1 (2026-10-01)">
    <formhub><uuid>5d1b</uuid></formhub><start>2026-10-01T08:00:00.000+02:00</start>
    <end>2026-10-01T08:09:30.000+02:00</end><today>2026-10-01</today>
    <gps>14.5 -16.25 3 4.9</gps><way>1 2 0 0;3 4 0 0</way>
    <plot>1 2 0 0;3 4 0 0;5 6 0 0;1 2 0 0</plot>
    <household><head>{head}</head><assets>radio bicycle</assets>
      <members><name>Cy</name><picture>cy.jpg</picture>
        <visits><note>007</note></visits><visits><note>2</note><voice>v.m4a</voice></visits></members>
      <members><name>Di</name><picture>di.jpg</picture></members></household>
    <signature>s.png</signature><empty/><__version__>vK9z</__version__>
    <meta><instanceID>{instance_id}</instanceID><instanceName>Amina</instanceName>{old}</meta>
  </aVisit>""".encode()


RECORD = {
    "__version__": "vK9z",
    "formhub/uuid": "5d1b",
    "start": "2026-10-01T08:00:00.000+02:00",
    "end": "2026-10-01T08:09:30.000+02:00",
    "today": "2026-10-01",
    "gps": "14.5 -16.25 3 4.9",
    "way": "1 2 0 0;3 4 0 0",
    "plot": "1 2 0 0;3 4 0 0;5 6 0 0;1 2 0 0",
    "household/head": "Amina & Bo",
    "household/assets": "radio bicycle",
    "household/members": [
        {
            "household/members/name": "Cy",
            "household/members/picture": "cy.jpg",
            "household/members/visits": [
                {"household/members/visits/note": "007"},
                {
                    "household/members/visits/note": "2",
                    "household/members/visits/voice": "v.m4a",
                },
            ],
        },
        {"household/members/name": "Di", "household/members/picture": "di.jpg"},
    ],
    "signature": "s.png",
    "meta/instanceID": UUID,
    "meta/instanceName": "Amina",
    "meta/rootUuid": UUID,
    "_xform_id_string": "visit",
    "_uuid": UUID.removeprefix("uuid:"),
    "_attachments": [],
    "_status": "submitted_via_web",
    "_geolocation": [14.5, -16.25],
    "_tags": [],
    "_notes": [],
    "_validation_status": {},
    "_submitted_by": "Bob",
}
# Of each file the path of its question, in which the rows of repeats are counted.
FILES = {
    "cy.jpg": ("image/jpeg", "household/members[1]/picture"),
    "di.jpg": ("image/jpeg", "household/members[2]/picture"),
    "v.m4a": ("audio/mp4", "household/members[1]/visits[2]/voice"),
    "s.png": ("image/png", "signature"),
}


class Visits:
    """A form as KoBoToolbox makes them, with a hook, and what the hook's receiver got."""

    def __init__(self, scene, way, receiver) -> None:
        self.scene, self.way, self.receiver = scene, way, receiver
        self.place = f"{scene.FORMS}/visit/submissions"
        published = scene.bob.post(f"{scene.FORMS}?publish=true", FORM.encode())
        assert published.status == 200, published.text

    def hook(self, *kinds, **said):
        body = {"name": "x", "url": f"{self.receiver.url}/in", "bodyFormat": "kobo", **said}
        body["events"] = list(kinds or [events.CREATE])
        answer = self.scene.bob.post(f"{self.scene.FORMS}/visit/hooks", body)
        assert answer.status == 200, answer.text
        return answer.json

    def fill(self, body=None):
        answer = self.scene.bob.post(self.place, body or filled())
        assert answer.status == 200, answer.text

    def upload(self, name, kind, data=None):
        path = f"{self.place}/{UUID}/attachments/{name}"
        answer = self.scene.bob.post(path, data or name.encode(), {"content-type": kind})
        assert answer.status == 200, answer.text

    def told(self):
        """What the receiver got, by the type of event."""
        tell(self.way)
        return {each.headers["webhook-event"]: each for each in self.receiver.requests}


@pytest.fixture
def visits(scene, way, receiver) -> Visits:
    return Visits(scene, way, receiver)


def about_time(scene, visits, record):
    """What a record says of when it came, which is as the API tells it."""
    shown = scene.bob.get(f"{visits.place}/{UUID}").json
    assert clock.iso(record["_id"]) == shown["createdAt"]
    return {"_id": record["_id"], "_submission_time": shown["createdAt"][:19]}


def test_a_record_whole(scene, visits):
    visits.hook()
    visits.fill()
    record = visits.told()[events.CREATE].json()
    assert record == RECORD | about_time(scene, visits, record)
    assert isinstance(record["_id"], int)
    # What KoBoToolbox puts first stands first, and numbers stay the texts that they were.
    assert list(record)[:3] == ["_id", "__version__", "formhub/uuid"]
    assert "empty" not in record


def test_files_can_be_fetched_by_whoever_is_told_of_them(scene, visits, api):
    visits.hook(events.COMPLETE)
    visits.fill()
    for name, (kind, _) in FILES.items():
        visits.upload(name, kind)
    record = visits.told()[events.COMPLETE].json()
    files = record.pop("_attachments")
    whole = {name: value for name, value in RECORD.items() if name != "_attachments"}
    assert record == whole | about_time(scene, visits, record)
    assert {each["filename"]: (each["mimetype"], each["question_xpath"]) for each in files} == FILES
    for file in files:
        # By a client without any credentials.
        got = api.get(file["download_url"])
        assert (got.status, got.body) == (200, file["filename"].encode())
        assert got.headers["content-type"] == file["mimetype"]
        assert file == {
            **dict.fromkeys(
                [each for each in file if each.startswith("download")], file["download_url"]
            ),
            "mimetype": FILES[file["filename"]][0],
            "filename": file["filename"],
            "media_file_basename": file["filename"],
            "instance": record["_id"],
            "xform": 2,
            "id": file["id"],
            "uid": f"att{file['id']}",
            "question_xpath": FILES[file["filename"]][1],
            "is_deleted": False,
        }
        assert sum(name.startswith("download") for name in file) == 4


def test_a_correction_a_review_and_a_deletion_are_told_whole(scene, visits):
    visits.hook(events.EDIT, events.REVIEW, events.DELETE)
    visits.fill()
    visits.upload("s.png", "image/png")
    path = f"{visits.place}/{UUID}"
    scene.bob.put(path, filled(NEXT, deprecated=UUID, head="Amina"))
    scene.bob.patch(path, {"reviewState": "hasIssues"})
    scene.bob.request("DELETE", path)
    told = {kind: request.json() for kind, request in visits.told().items()}
    edited = told[events.EDIT]
    [signature] = edited.pop("_attachments")
    assert edited == {
        **{name: value for name, value in RECORD.items() if name != "_attachments"},
        "household/head": "Amina",
        "meta/instanceID": NEXT,
        "meta/deprecatedID": UUID,
        "_uuid": NEXT.removeprefix("uuid:"),
        "_id": edited["_id"],
        "_submission_time": edited["_submission_time"],
    }
    status = told[events.REVIEW]["_validation_status"]
    assert status == {
        "timestamp": status["timestamp"],
        "uid": "validation_status_on_hold",
        "by_whom": "Bob",
        "label": "On Hold",
    }
    assert abs(status["timestamp"] - clock.micros() // 1_000_000) < 60
    reviewed, deleted = told[events.REVIEW], told[events.DELETE]
    apart = ("_validation_status", "_attachments")
    for name in edited.keys() - {*apart}:
        assert reviewed[name] == deleted[name] == edited[name], name
    # It has its state and its files still, which can be fetched no longer.
    assert deleted["_validation_status"] == status | {
        "by_whom": None,
        "timestamp": deleted["_validation_status"]["timestamp"],
    }
    [gone] = deleted["_attachments"]
    links = {name for name in signature if name.startswith("download")}
    assert gone == signature | dict.fromkeys(links)


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["head", "_id"], ["_id", "household/head"]),
        (["household"], ["household/head", "household/assets", "household/members"]),
        (["members"], ["household/members"]),
        (["household/members/name", "household/memb"], []),
        (
            ["meta", "uuid"],
            ["formhub/uuid", "meta/instanceID", "meta/instanceName", "meta/rootUuid"],
        ),
        (["today", "tod", ".*", "s.*t", "sta[r]t"], ["today"]),
        (["_attachments", "_geolocation"], ["_attachments", "_geolocation"]),
    ],
)
def test_fields_choose_as_they_do_there(visits, names, kept):
    """But a name is a name, and no pattern."""
    visits.hook(fields=names)
    visits.fill()
    record = visits.told()[events.CREATE].json()
    assert list(record) == kept
    assert all(record[name] == RECORD[name] for name in kept if name != "_id")


def test_a_template_wraps_the_record_or_a_part_of_it(visits):
    """Airtable's form, and the record as text within a message."""
    visits.hook(
        fields=["head"], template='{"records": [{"fields": %SUBMISSION%}], "typecast": true}'
    )
    visits.hook(
        name="text", url=f"{visits.receiver.url}/text", fields=["head"],
        template='{"text": "New: %SUBMISSION%"}',
    )  # fmt: skip
    visits.fill()
    visits.told()
    [wrapped], [text] = visits.receiver.at("/in"), visits.receiver.at("/text")
    part = {"household/head": "Amina & Bo"}
    assert wrapped.json() == {"records": [{"fields": part}], "typecast": True}
    assert json.loads(text.json()["text"].removeprefix("New: ")) == part


def test_of_an_encrypted_form_the_files_alone_are_told(scene, visits, api):
    """Nobody here can read the rest: who has the key fetches the envelope and opens it."""
    visits.hook(events.CREATE, events.FILE)
    visits.fill(
        f'<aVisit id="visit" version="1 (2026-10-01)" encrypted="yes">'
        f"<base64EncryptedKey>c2VhbGVk</base64EncryptedKey><meta><instanceID>{UUID}</instanceID></meta>"
        f"<media><file>s.png.enc</file></media>"
        f"<encryptedXmlFile>submission.xml.enc</encryptedXmlFile></aVisit>".encode()
    )
    for name in ("s.png.enc", "submission.xml.enc"):
        visits.upload(name, "application/octet-stream")
    tell(visits.way)
    created, *_, last = sorted(
        (each.json() for each in visits.receiver.requests),
        key=lambda each: len(each["_attachments"]),
    )
    assert created == {
        "_id": created["_id"],
        "__version__": "1 (2026-10-01)",
        "meta/instanceID": UUID,
        "_xform_id_string": "visit",
        "_uuid": UUID.removeprefix("uuid:"),
        "meta/rootUuid": UUID,
        "_attachments": [],
        "_status": "submitted_via_web",
        "_geolocation": [None, None],
        "_submission_time": created["_submission_time"],
        "_tags": [],
        "_notes": [],
        "_validation_status": {},
        "_submitted_by": "Bob",
    }
    files = {each["filename"]: each for each in last["_attachments"]}
    assert set(files) == {"s.png.enc", "submission.xml.enc"}
    assert {each["question_xpath"] for each in files.values()} == {None}
    assert api.get(files["submission.xml.enc"]["download_url"]).body == b"submission.xml.enc"
