"""What a submission's XML says of itself."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.forms import xform
from sheaf.forms.schema import Field
from sheaf.problems import MissingParameter, UnexpectedValue
from sheaf.submissions import instance
from sheaf.submissions.instance import Instance

DATA = Path(__file__).parents[3] / "data"
FORM = xform.read((DATA / "forms/clinic-visit.xml").read_bytes())
PHOTO = (Field("/photo", "binary", binary=True),)


def test_a_submission_tells_its_form_and_ids():
    raw = (DATA / "submissions/clinic-visit.xml").read_bytes()
    assert instance.read(raw) == Instance(
        xml_form_id="clinic-visit",
        version="2024.1",
        instance_id="uuid:0c8e8bd8-3a3f-4a3c-9f5e-2f6f1f1c2f11",
        deprecated_id="uuid:11111111-1111-4111-8111-111111111111",
        instance_name="Ada &amp; co",
        encrypted_key=None,
        encrypted_file=None,
        signature=None,
        media=(),
        text=raw.decode(),
    )


def test_an_envelope_tells_what_is_sealed():
    raw = (DATA / "submissions/clinic-visit-encrypted.xml").read_bytes()
    sealed = instance.read(raw)
    assert sealed == Instance(
        xml_form_id="clinic-visit",
        version="2024.1[encrypted:abcdefgh]",
        instance_id="uuid:sealed",
        deprecated_id=None,
        instance_name=None,
        encrypted_key="c2VhbGVk",
        encrypted_file="submission.xml.enc",
        signature="c2lnbmVk",
        media=("first.jpg.enc", "a&b.jpg.enc", "first.jpg.enc"),
        text=raw.decode(),
    )
    assert sealed.encrypted


@pytest.mark.parametrize(
    ("xml", "instance_id"),
    [
        ("<d id='f'/>", None),
        ("<d id='f'><meta><instanceID/></meta></d>", None),
        ("<d id='f'><instanceID>top</instanceID></d>", "top"),
        ("<d id='f'><instanceID>top</instanceID><meta><instanceID>m</instanceID></meta></d>", "m"),
        ("<d id='f'><meta><instanceID/></meta><instanceID>top</instanceID></d>", "top"),
        ("<d id='f'><x:meta><y:instanceID>m</y:instanceID></x:meta></d>", "m"),
        ("<d id='f'><meta><instanceID>m</instanceID><instanceID>n</instanceID></meta></d>", "m"),
        ("<d id='f'><meta><instanceID>  pad  </instanceID></meta></d>", "  pad  "),
        ("<d id='f'><meta><instanceID>&amp;<![CDATA[&]]></instanceID></meta></d>", "&amp;&"),
        ("<d id='f'><g><meta><instanceID>no</instanceID></meta></g></d>", None),
        ("<d id='f'><meta><instanceID>cut", "cut"),
    ],
)
def test_the_instance_id_is_taken_as_written(xml, instance_id):
    assert instance.read(xml.encode()).instance_id == instance_id


def test_the_version_of_a_form_may_be_absent_and_its_id_decoded():
    read = instance.read(b"<d x:id='R&amp;D'/>")
    assert (read.xml_form_id, read.version, read.encrypted) == ("R&D", "", False)


def test_the_transport_may_tell_the_encoding():
    raw = "<d id='f'><meta><instanceName>é</instanceName></meta></d>".encode("latin-1")
    assert instance.read(raw, "iso-8859-1").instance_name == "é"


@pytest.mark.parametrize(
    "raw", [b"", b"garbage", b'{"id": 1}', b"<d/>", b"<d id=''/>", b"<d id='f'"]
)
def test_what_names_no_form_is_refused(raw):
    with pytest.raises(MissingParameter) as caught:
        instance.read(raw)
    assert caught.value.details == {"field": "form ID xml attribute"}


def test_an_envelope_without_an_instance_id_is_refused():
    with pytest.raises(MissingParameter) as caught:
        instance.read(b"<d id='f'><base64EncryptedKey>k</base64EncryptedKey></d>")
    assert caught.value.details == {"field": "instanceId (required for encrypted submissions)"}


def test_unreasonable_depth_is_refused():
    with pytest.raises(UnexpectedValue):
        instance.read(b"<d id='f'>" + b"<a>" * 1000)


def test_attachments_are_what_the_binary_fields_hold():
    text = (DATA / "submissions/clinic-visit.xml").read_text(encoding="utf-8")
    assert instance.attachment_names(text, FORM.fields) == (
        "ada <1>.jpg",
        "first.jpg",
        "second.jpg",
        "audit.csv",
    )


def test_attachments_of_an_envelope_end_with_the_submission_itself():
    text = (DATA / "submissions/clinic-visit-encrypted.xml").read_text(encoding="utf-8")
    names = instance.attachment_names(text, FORM.fields)
    assert names == ("first.jpg.enc", "a&b.jpg.enc", "submission.xml.enc")


@pytest.mark.parametrize(
    ("xml", "names"),
    [
        ("<d><photo/><photo> \n </photo></d>", ()),
        ("<d><photo>a.jpg</photo><x><photo>no.jpg</photo></x><x>no.jpg</x></d>", ("a.jpg",)),
        (
            "<d><photo>\u00e9.jpg</photo><photo>e\u0301.jpg</photo></d>",
            ("\u00e9.jpg", "e\u0301.jpg"),
        ),
        ("<d><photo>a&#38;b<![CDATA[&amp;]]>.jpg</photo></d>", ("a&b&amp;.jpg",)),
        ("<d><encryptedXmlFile>s.enc</encryptedXmlFile></d>", ()),
        ("<d><base64EncryptedKey>k</base64EncryptedKey><photo>a.jpg</photo></d>", ()),
    ],
    ids=["blank", "elsewhere", "unnormalised", "decoded", "no key", "only a key"],
)
def test_attachment_names_are_trimmed_and_decoded(xml, names):
    assert instance.attachment_names(xml, PHOTO) == names


@given(st.binary())
def test_any_bytes_are_read_or_refused(raw):
    try:
        read = instance.read(raw)
    except MissingParameter:
        return
    assert read.xml_form_id
