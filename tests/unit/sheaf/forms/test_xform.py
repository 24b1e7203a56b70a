"""Reading a form's definition."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.forms import xform
from sheaf.forms.schema import Field
from sheaf.forms.xform import FormDefinition, MediaFile
from sheaf.problems import MissingMeta, MissingParameter, Problem, UnexpectedValue

FORMS = Path(__file__).parents[3] / "data/forms"
SAMPLES = sorted(Path(os.environ.get("SHEAF_SAMPLES", "/nowhere")).glob("forms/*.xml"))


def form(
    instance: str = '<data id="f"><meta><instanceID/></meta></data>',
    model: str = "",
    body: str = "",
) -> bytes:
    return (
        '<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml" '
        'xmlns:n="urn:n" xmlns:jr="http://openrosa.org/javarosa"><h:head><h:title/>'
        f"<model><instance>{instance}</instance>{model}</model></h:head>"
        f"<h:body>{body}</h:body></h:html>"
    ).encode()


def types(raw: bytes) -> dict[str, str]:
    return {field.path: field.type for field in xform.read(raw).fields}


def test_a_form_is_read_whole():
    assert xform.read((FORMS / "clinic-visit.xml").read_bytes()) == FormDefinition(
        xml_form_id="clinic-visit",
        version="2024.1",
        name="Clinic visit & follow-up",
        fields=(
            Field("/start", "dateTime"),
            Field("/seen-at", "date"),
            Field("/place", "geopoint"),
            Field("/patient", "structure"),
            Field("/patient/full-name", "string"),
            Field("/patient/age", "int"),
            Field("/patient/weight", "decimal"),
            Field("/patient/symptoms", "string", select_multiple=True),
            Field("/patient/portrait", "binary", binary=True),
            Field("/household", "repeat"),
            Field("/household/street", "string"),
            Field("/household/visit", "repeat"),
            Field("/household/visit/day", "date"),
            Field("/household/visit/photo", "binary", binary=True),
            Field("/route", "geotrace"),
            Field("/field", "geoshape"),
            Field("/consent", "unknown"),
            Field("/meta", "structure"),
            Field("/meta/instanceID", "string"),
            Field("/meta/instanceName", "string"),
            Field("/meta/audit", "binary", binary=True),
        ),
        public_key=None,
        dataset=None,
        media=(
            MediaFile("districts.csv", "file"),
            MediaFile("logo.png", "image"),
            MediaFile("howto.mp3", "audio"),
            MediaFile("howto.mp4", "video"),
            MediaFile("blank.png", "image"),
            MediaFile("itemsets.csv", "file"),
            MediaFile("symptoms.csv", "file"),
            MediaFile("answers.csv", "file"),
        ),
    )


def test_an_encrypted_form_that_feeds_an_entity_list_says_so():
    assert xform.read((FORMS / "register-tree.xml").read_bytes()) == FormDefinition(
        xml_form_id="register-tree",
        version="",
        name="Register a tree",
        fields=(
            Field("/species", "string"),
            Field("/meta", "structure"),
            Field("/meta/instanceID", "string"),
            Field("/meta/entity", "structure"),
        ),
        public_key="TUlJQklqQU5CZ2txaGtpRzl3MEJBUUVGQUFPQ0FROEE=",
        dataset="trees",
        media=(),
    )


def test_a_title_may_be_empty():
    assert xform.read(form()).name is None


@pytest.mark.parametrize(
    ("bind", "type_"),
    [
        ('<bind nodeset="/data/q" type="int"/>', "int"),
        ('<bind nodeset="q" type="int"/>', "int"),
        ('<bind nodeset=" /data/q " type="int"/>', "int"),
        ('<bind nodeset="/data/q" type=""/>', "unknown"),
        ('<bind nodeset="/data/q"/><bind nodeset="/data/q" type="date"/>', "date"),
        ('<bind nodeset="/data/q" type="int"/><bind nodeset="/data/q" type="date"/>', "int"),
        ('<bind nodeset="/data/q"/>', "unknown"),
        ('<bind type="int"/>', "unknown"),
        ("", "unknown"),
    ],
)
def test_the_first_typed_bind_gives_a_field_its_type(bind, type_):
    raw = form('<data id="f"><q/><meta><instanceID/></meta></data>', bind)
    assert types(raw) == {"/q": type_, "/meta": "structure", "/meta/instanceID": "unknown"}


def test_a_bind_matches_the_name_as_written():
    raw = form(
        '<data id="f"><n:a/><n:b/><meta/></data>',
        '<bind nodeset="/data/n:a" type="int"/><bind nodeset="/data/b" type="int"/>'
        '<bind nodeset="/data/meta" type="structure"/>',
    )
    assert types(raw) == {"/a": "int", "/b": "unknown", "/meta": "structure"}


def test_a_group_that_a_bind_gives_a_type_is_a_value():
    raw = form(
        '<data id="f"><g><q/></g><meta><x/></meta></data>',
        '<bind nodeset="/data/g" type="string"/>',
    )
    assert types(raw) == {"/g": "string", "/meta": "structure", "/meta/x": "unknown"}


def test_only_select_takes_several_values():
    raw = form(
        '<data id="f"><a/><b/><c/><d/><meta><x/></meta></data>',
        body='<group><select ref="/data/a"/><select nodeset="/data/b" ref="/data/c"/></group>'
        '<select1 ref="/data/d"/><select/>',
    )
    chosen = [field.path for field in xform.read(raw).fields if field.select_multiple]
    assert chosen == ["/a", "/b"]


def test_the_audit_is_a_file_whatever_its_type():
    raw = form('<data id="f"><n:meta><n:audit/></n:meta></data>')
    assert xform.read(raw).fields == (
        Field("/meta", "structure"),
        Field("/meta/audit", "unknown", binary=True),
    )


def test_the_first_instance_with_content_is_the_form():
    raw = form('</instance><instance><data id="f"><meta><x/></meta></data><other id="g"/>')
    assert xform.read(raw).xml_form_id == "f"


def test_a_search_that_names_no_file_is_passed_over():
    appearances = [
        "search",
        "search()",
        "search(' x')",
        "search('')",
        "x search('a')",
        "research('b')",
    ]
    body = "".join(f'<select1 appearance="{each}"/>' for each in appearances)
    assert xform.read(form(body=body)).media == (MediaFile("a.csv", "file"),)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no xml",
        b'{"xmlFormId": "f"}',
        form()[:-1],
        form('<data id=""><meta><x/></meta></data>'),
        form("<data><meta><x/></meta></data>"),
        form(""),
        form().replace(b"h:html", b"h:form"),
        form().decode().encode("utf-16"),
        form("<data id='é'/>").decode().encode("latin-1"),
        form("&nbsp;"),
        form("<data id='f'>" + "<a>" * 300 + "</a>" * 300 + "</data>"),
    ],
    ids=[
        "nothing",
        "text",
        "json",
        "cut off",
        "blank id",
        "no id",
        "no instance",
        "no html",
        "utf-16",
        "latin-1",
        "entity",
        "depth",
    ],
)
def test_what_is_no_form_is_refused(raw):
    with pytest.raises(MissingParameter) as caught:
        xform.read(raw)
    assert caught.value.details == {"field": "formId"}


def test_a_declared_encoding_does_not_outdo_utf_8():
    raw = b'\xef\xbb\xbf<?xml version="1.0" encoding="latin-1"?>' + form(
        '<data id="é"><meta><x/></meta></data>'
    )
    assert xform.read(raw).xml_form_id == "é"


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE h [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>',
        '<?xml version="1.0"?>\n<!-- <h> -->\n<?x y?> <!DOCTYPE h SYSTEM "file:///etc/passwd">',
    ],
)
def test_a_document_type_is_refused(prolog):
    with pytest.raises(UnexpectedValue) as caught:
        xform.read(prolog.encode() + form('<data id="&b;"><meta><x/></meta></data>'))
    assert caught.value.details == {
        "field": "form XML",
        "value": "DOCTYPE",
        "reason": "a form may not declare a document type.",
    }


@pytest.mark.parametrize("xml_form_id", ["f.xml", "f.xls", "f.xlsx"])
def test_an_id_that_reads_as_a_file_name_is_refused(xml_form_id):
    with pytest.raises(UnexpectedValue) as caught:
        xform.read(form(f'<data id="{xml_form_id}"><meta><x/></meta></data>'))
    assert caught.value.details == {
        "field": "formId",
        "value": xml_form_id,
        "reason": "The Form ID cannot end in .xls, .xlsx, or .xml. Please either specify an "
        "allowed ID in the form itself, or rename the file (eg change form.xls.xls to form.xls).",
    }


@pytest.mark.parametrize(
    "instance",
    ['<data id="f"/>', '<data id="f"><q/></data>', '<data id="f"><meta/></data>'],
    ids=["empty", "without", "empty meta"],
)
def test_a_form_without_meta_is_refused(instance):
    with pytest.raises(MissingMeta):
        xform.read(form(instance))


@given(st.one_of(st.binary(), st.text().map(str.encode), st.text().map(form)))
def test_any_bytes_are_read_or_refused(raw):
    with pytest.raises(Problem):
        xform.read(raw)


if SAMPLES:

    @pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
    def test_real_forms_are_read(path):
        if path.stem.endswith("without-meta"):
            with pytest.raises(MissingMeta):
                xform.read(path.read_bytes())
            return
        definition = xform.read(path.read_bytes())
        paths = [field.path for field in definition.fields]
        assert definition.xml_form_id
        assert "/meta/instanceID" in paths
        assert len(set(paths)) == len(paths)
        known = {field.path for field in definition.fields if field.structural} | {""}
        assert {field.parent for field in definition.fields} <= known
