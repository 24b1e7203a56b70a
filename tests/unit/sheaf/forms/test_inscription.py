"""Keys and versions in the XML of forms: what is written is read, and nothing else changes."""

import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.forms import xform
from sheaf.forms.inscription import inscribe
from tests.cast import xform as simple

KEY = "MIIBIjANBgkq/+=="
ADDED = f'<submission base64RsaPublicKey="{KEY}"/>'


def form(root='<data id="f" version="1">', model="", head="", prefix="", declared="") -> bytes:
    p = f"{prefix}:" if prefix else ""
    ns = f"xmlns:{prefix}" if prefix else "xmlns"
    return (
        f'{declared}<h:html {ns}="http://www.w3.org/2002/xforms" '
        f'xmlns:h="http://www.w3.org/1999/xhtml"><h:head>{head}'
        f"<{p}model>{model}<{p}instance>{root}<name/><meta><instanceID/></meta></data>"
        f'</{p}instance><{p}instance id="x"><root version="no"/></{p}instance></{p}model>'
        f"</h:head><h:body/></h:html>"
    ).encode()


def with_key(xml: bytes, end: bytes = b"</model>", added: str = ADDED) -> bytes:
    """A form with the key right before the last end of a model."""
    before, _, after = xml.rpartition(end)
    return before + added.encode() + end + after


def test_a_form_gets_its_key_before_the_end_of_the_model_and_the_version_its_suffix():
    old = simple()
    new = inscribe(old, public_key=KEY, version="1[encrypted:abcdefgh]")
    assert new == with_key(old.replace(b'version="1"', b'version="1[encrypted:abcdefgh]"'))


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        ('<data id="f">', '<data version="2" id="f">'),
        ("<data id='f' version='1'>", "<data id='f' version=\"2\">"),
        ('<data\n\tversion = ""\n id="f">', '<data\n\tversion = "2"\n id="f">'),
        (
            '<data title="a version=\'9\' b" id="f" orx:version="3" xmlns:orx="o" version="1">',
            '<data title="a version=\'9\' b" id="f" orx:version="3" xmlns:orx="o" version="2">',
        ),
        ('<data title=">" id="f">', '<data version="2" title=">" id="f">'),
    ],
)
def test_the_version_is_that_of_the_primary_instance(root, expected):
    new = inscribe(form(root), public_key=KEY, version="2")
    assert new == with_key(form(expected))


def test_a_version_alone_leaves_the_form_without_a_key():
    assert inscribe(simple(), version="2") == simple(version="2")


@pytest.mark.parametrize(
    ("submission", "expected"),
    [
        ("<submission/>", f'<submission base64RsaPublicKey="{KEY}"/>'),
        ("<submission />", f'<submission base64RsaPublicKey="{KEY}" />'),
        (
            '<submission action="https://x/?a>b" method="post"></submission>',
            f'<submission base64RsaPublicKey="{KEY}" action="https://x/?a>b" method="post">'
            f"</submission>",
        ),
        ('<submission base64RsaPublicKey=""/>', ADDED),
        ("<submission base64RsaPublicKey='' a='b'/>", f"{ADDED[:-2]} a='b'/>"),
    ],
)
def test_a_submission_element_that_is_there_gets_the_key(submission, expected):
    new = inscribe(form(model=submission), public_key=KEY, version="1")
    assert new == form(model=expected)


def test_what_only_looks_like_the_place_is_left_alone():
    decoys = (
        "<!-- <submission/> </model> <data version='7'> -->"
        "<bind nodeset='/data/x' note='&lt;/model>'/><itext><submission/></itext>"
        "<![CDATA[<submission/></model>]]>"
    )
    head = "<!-- <model></model> --><x><submission/></x>"
    new = inscribe(form(model=decoys, head=head), public_key=KEY, version="2")
    assert new == with_key(form('<data id="f" version="2">', model=decoys, head=head))
    assert xform.read(new).public_key == KEY


def test_a_prefix_of_the_model_is_that_of_its_submission():
    new = inscribe(form(prefix="xf"), public_key=KEY, version="1")
    assert new == with_key(form(prefix="xf"), b"</xf:model>", ADDED.replace("<", "<xf:"))
    assert xform.read(new).public_key == KEY


@pytest.mark.parametrize("declared", ["\ufeff", "\ufeff<?xml version='1.0'?>", "<!-- ä€😀 -->"])
def test_places_are_counted_in_bytes(declared):
    new = inscribe(form(declared=declared), public_key=KEY, version="2")
    assert new == with_key(form('<data id="f" version="2">', declared=declared))


def test_a_form_in_another_encoding_than_it_declares_is_utf_8_all_the_same():
    old = form(declared="<?xml version='1.0' encoding='ISO-8859-1'?><!-- ä -->")
    assert xform.read(inscribe(old, public_key=KEY, version="é")).version == "é"


@given(st.text(st.sampled_from(string.printable + "äß€😀\"'<>&"), max_size=40))
def test_any_version_is_read_as_it_was_meant(version):
    version = " ".join(version.translate(dict.fromkeys(range(32), " ")).split("\n"))
    old = form()
    read = xform.read(inscribe(old, public_key=KEY, version=version))
    assert read == replace(xform.read(old), version=version, public_key=KEY)
