"""The filler over the project's own samples and over the forms that SHEAF_SAMPLES names."""

import csv
import io
import os
import re
import wave
from pathlib import Path

import pytest
from lxml import etree
from pyxform.xls2xform import convert

from local.filler import edit, fill
from local.xform import NotAForm

SAMPLES = Path(__file__).parents[3] / "samples"
WATER_POINT = (SAMPLES / "water-point.xml").read_bytes()
PHOTO = (SAMPLES / "water-point.jpg").read_bytes()
ORX = "{http://openrosa.org/xforms}"
META = f"{ORX}meta"
DISTRICTS = {
    "north": {"amber", "stone"},
    "coast": {"harbour", "lagoon"},
    "plateau": {"west", "mill"},
}


def given_forms() -> list[Path]:
    folder = os.environ.get("SHEAF_SAMPLES")
    return sorted(p for p in Path(folder).rglob("*.x*") if p.is_file()) if folder else []


def xform_of(path: Path) -> bytes:
    return path.read_bytes() if path.suffix == ".xml" else convert(path).xform.encode()


@pytest.fixture(scope="module")
def household() -> bytes:
    return xform_of(SAMPLES / "household-nutrition.xlsx")


def form(body: str = "", binds: str = "", data: str = "<a/>", more: str = "") -> bytes:
    """Return a small XForm: questions, binds, the fields of its instance, further instances."""
    return f"""<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml"
      xmlns:jr="http://openrosa.org/javarosa"><h:head><h:title>T</h:title><model>
      <instance><data id="t" version="1">{data}<meta><instanceID/></meta></data></instance>
      {more}{binds}</model></h:head><h:body>{body}</h:body></h:html>""".encode()


def value(xml: bytes, path: str) -> str | None:
    return etree.fromstring(xml).findtext(path)


def values(xml: bytes) -> list[tuple[str, str | None]]:
    tree = etree.fromstring(xml).getroottree()
    return [(tree.getpath(e), e.text) for e in tree.iter() if not len(e)]


def test_the_xform_is_filled_with_what_its_logic_allows():
    for seed in range(40):
        root = etree.fromstring(fill(WATER_POINT, seed=seed).xml)
        assert root.findtext("place/district") in DISTRICTS[root.findtext("place/region")]
        assert 1950 <= int(root.findtext("point/built")) <= 2026
        assert 1 <= int(root.findtext("point/taps")) <= 12
        assert all(0 <= float(e.text) <= 14 for e in root.iterfind("quality/sample/ph"))
        assert root.findtext("quality/sample_count") == str(len(root.findall("quality/sample")))
        assert (root.find("working/flow") is None) == (root.findtext("working/status") == "no")
        if root.findtext("care/committee") == "yes":
            assert int(root.findtext("care/women")) <= int(root.findtext("care/members"))
        else:
            assert root.find("care/women") is None


def test_the_spreadsheet_converts_cleanly_and_is_filled_in_nested_repeats(household):
    assert convert(SAMPLES / "household-nutrition.xlsx").warnings == []
    seen_work = seen_child = False
    for seed in range(40):
        root = etree.fromstring(fill(household, seed=seed).xml)
        for member in root.iterfind("member"):
            age = int(member.findtext("age"))
            assert (member.find("work") is not None) == (age >= 15)
            assert (member.find("nutrition") is not None) == (age < 5)
            seen_work |= len(member.findall("work")) == 2
            seen_child |= age < 5
    assert seen_work
    assert seen_child


def test_instance_name_and_ids_stand_in_the_meta_block_of_the_form():
    filled = fill(WATER_POINT, seed=3, instance_id="uuid:new", deprecated_id="uuid:old")
    meta = etree.fromstring(filled.xml).find(META)
    community = value(filled.xml, "place/community")
    kind = value(filled.xml, "point/kind")
    assert filled.instance_id == "uuid:new"
    assert [(etree.QName(e).localname, e.text) for e in meta] == [
        ("audit", "audit.csv"),
        ("instanceID", "uuid:new"),
        ("deprecatedID", "uuid:old"),
        ("instanceName", f"{community} ({kind})"),
    ]


def test_given_media_answer_the_questions_that_they_suit():
    filled = fill(WATER_POINT, seed=1, media={"image/jpeg": PHOTO})
    photo = value(filled.xml, "point/photo")
    report = value(filled.xml, "quality/report")
    assert filled.attachments[photo] == (PHOTO, "image/jpeg")
    assert filled.attachments[report][1] == "text/csv"


def test_every_file_that_the_xml_names_comes_along_and_no_other(household):
    for xml in (WATER_POINT, household):
        for seed in range(20):
            filled = fill(xml, seed=seed)
            named = {text for _, text in values(filled.xml) if re.search(r"\.\w{3}$", text or "")}
            assert set(filled.attachments) == named


def test_made_files_are_what_they_claim(household):
    files = fill(household, seed=1).attachments
    by_type = {content_type: data for data, content_type in files.values()}
    assert by_type["image/jpeg"][:3] == b"\xff\xd8\xff"
    assert by_type["image/jpeg"][-2:] == b"\xff\xd9"
    with wave.open(io.BytesIO(by_type["audio/wav"])) as sound:
        assert sound.getnframes() == 400
    rows = list(csv.DictReader(io.StringIO(files["audit.csv"][0].decode())))
    assert rows[0]["event"] == "form start"
    assert rows[1] == {
        "event": "question",
        "node": "/data/welcome",
        "start": str(int(rows[0]["start"]) + 4000),
        "end": str(int(rows[0]["end"]) + 4000),
        "old-value": "",
        "new-value": "",
    }


def test_equal_seeds_give_equal_bytes_and_others_do_not():
    assert fill(WATER_POINT, seed=5) == fill(WATER_POINT, seed=5)
    assert fill(WATER_POINT, seed=5) != fill(WATER_POINT, seed=6)


def test_an_edit_changes_two_or_three_answers_and_points_at_the_old_version():
    calculated = ("people_per_tap", "safe")
    for seed in range(20):
        old = fill(WATER_POINT, seed=seed)
        new = edit(old.xml, seed=seed + 1, form_xml=WATER_POINT)
        gone, come = set(values(old.xml)), set(values(new))
        changed = sorted(path for path, _ in come - gone if "meta" not in path)
        answers = [path for path in changed if not path.endswith(calculated)]
        assert len(answers) in {2, 3}
        assert not any(path.endswith(("photo", "kind", "status")) for path in answers)
        assert value(new, f"{META}/{ORX}deprecatedID") == old.instance_id
        assert value(new, f"{META}/{ORX}instanceID") not in {None, old.instance_id}


def test_what_is_calculated_follows_an_edit():
    for seed in range(20):
        new = edit(fill(WATER_POINT, seed=seed).xml, seed=seed, form_xml=WATER_POINT)
        households, taps = (int(value(new, f"point/{name}")) for name in ("households", "taps"))
        assert abs(int(value(new, "point/people_per_tap")) - households * 5 / taps) <= 0.5
        name = f"{value(new, 'place/community')} ({value(new, 'point/kind')})"
        assert value(new, f"{META}/{ORX}instanceName") == name


def test_an_edit_breaks_no_constraint():
    for seed in range(40):
        root = etree.fromstring(
            edit(fill(WATER_POINT, seed=seed).xml, seed=seed, form_xml=WATER_POINT)
        )
        assert 1 <= int(root.findtext("point/taps")) <= 12
        assert 1950 <= int(root.findtext("point/built")) <= 2026


def test_an_edit_of_an_edit_has_one_deprecated_id():
    first = fill(WATER_POINT, seed=1)
    second = edit(first.xml, seed=2)
    third = edit(second, seed=3)
    assert third.count(b"<orx:deprecatedID>") == 1
    assert first.instance_id.encode() not in third


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("string", r"\S.*"),
        ("int", r"\d+"),
        ("xsd:decimal", r"\d+\.\d"),
        ("date", r"2026-\d\d-\d\d|2025-\d\d-\d\d"),
        ("time", r"\d\d:\d\d:\d\d\.000\+03:00"),
        ("dateTime", r"2026-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+03:00"),
        ("geopoint", r"-?\d+\.\d{6} \d+\.\d{6} \d+\.0 4\.5"),
        ("geotrace", r"(-?\d+\.\d{6} \d+\.\d{6} \d+\.0 4\.5(; |$)){4}"),
        ("barcode", r"\d{13}"),
        ("boolean", r"true"),
    ],
)
def test_each_type_gets_an_answer_of_its_kind(kind, pattern):
    xml = form('<input ref="/data/a"/>', f'<bind nodeset="/data/a" type="{kind}"/>')
    for seed in range(10):
        assert re.fullmatch(pattern, value(fill(xml, seed=seed).xml, "a"))


def test_a_shape_is_closed():
    xml = form('<input ref="/data/a"/>', '<bind nodeset="/data/a" type="geoshape"/>')
    points = value(fill(xml, seed=1).xml, "a").split("; ")
    assert len(points) == 5
    assert points[0] == points[-1]


@pytest.mark.parametrize(
    ("constraint", "kind"),
    [
        (". &gt; 900 and . &lt; 905", "int"),
        (". = 7", "int"),
        ("regex(., '[0-9]{9}')", "string"),
        ("string-length(.) = 4", "string"),
        (". &gt;= 36.5 and . &lt;= 37", "decimal"),
    ],
)
def test_constraints_are_met(constraint, kind):
    bind = f'<bind nodeset="/data/a" type="{kind}" constraint="{constraint}"/>'
    answer = value(fill(form('<input ref="/data/a"/>', bind), seed=4).xml, "a")
    assert {
        "int": lambda: int(answer) == 7 or 900 < int(answer) < 905,
        "string": lambda: len(answer) in {4, 9},
        "decimal": lambda: 36.5 <= float(answer) <= 37,
    }[kind]()


def test_a_constraint_beyond_us_leaves_a_likely_answer():
    bind = '<bind nodeset="/data/a" type="int" constraint="unheard-of(.)"/>'
    assert value(fill(form('<input ref="/data/a"/>', bind), seed=1).xml, "a").isdigit()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2", "3"),
        ("round(10 div 3, 2)", "3.33"),
        ("if(/data/b = 'x', 'yes', 'no')", "yes"),
        ("concat('a', '/data/b', /data/b)", "a/data/bx"),
        ("coalesce('', /data/b)", "x"),
        ("selected('a b', 'b')", "true"),
        ("count-selected('a b')", "2"),
        ("selected-at('a b', 1)", "b"),
        ("join('-', 'a', 'b')", "a-b"),
        ("max(1, 5, 3)", "5"),
        ("min(4, 2)", "2"),
        ("int(3.9)", "3"),
        ("int('x')", None),
        ("format-date(today(), '%Y')", "2026"),
        ("format-date('no date', '%Y')", None),
        ("instance('list')/root/item[name='b']/label", "Bee"),
        ("jr:itext('greeting')", "Hello"),
        ("count(/data/b)", "1"),
        ("unheard-of(1)", None),
    ],
)
def test_calculations(expression, expected):
    xml = form(
        binds=f'<bind nodeset="/data/a" calculate="{expression}"/>',
        data="<a/><b>x</b>",
        more='<instance id="list"><root><item><name>b</name><label>Bee</label></item></root>'
        '</instance><itext><translation lang="en"><text id="greeting"><value>Hello</value></text>'
        "</translation></itext>",
    )
    assert value(fill(xml, seed=1).xml, "a") == (expected or "")


def test_a_repeat_has_as_many_rows_as_its_count_asks():
    xml = form(
        '<input ref="/data/n"/><group ref="/data/r"><repeat nodeset="/data/r" jr:count="/data/n">'
        '<input ref="/data/r/x"/></repeat></group>',
        '<bind nodeset="/data/n" type="int"/>'
        '<bind nodeset="/data/r/p" type="int" calculate="position(..)"/>',
        data="<n/><r jr:template=''><x/><p/></r>",
    )
    root = etree.fromstring(fill(xml, seed=1).xml)
    rows = root.findall("r")
    assert len(rows) == int(root.findtext("n"))
    assert [row.findtext("p") for row in rows] == [str(n + 1) for n in range(len(rows))]
    assert all(row.findtext("x") for row in rows)


def test_a_repeat_counted_to_nothing_has_no_row():
    xml = form(
        '<repeat nodeset="/data/r" jr:count="0"><input ref="/data/r/x"/></repeat>',
        data="<r><x/></r>",
    )
    assert etree.fromstring(fill(xml, seed=1).xml).find("r") is None


def test_a_list_in_a_file_of_the_server_gets_an_invented_choice():
    xml = form(
        '<select1 ref="/data/a"><itemset nodeset="instance(\'shops\')/root/item">'
        '<value ref="name"/></itemset></select1>',
        more='<instance id="shops" src="jr://file-csv/shops.csv"/>',
    )
    assert value(fill(xml, seed=1).xml, "a") in {"shops-1", "shops-2", "shops-3"}


def test_notes_and_defaults_stay_as_the_form_has_them():
    xml = form(
        '<input ref="/data/a"/><input ref="/data/b"/>',
        '<bind nodeset="/data/a" readonly="true()"/>',
        data="<a/><b>given</b>",
    )
    filled = fill(xml, seed=1).xml
    assert (value(filled, "a"), value(filled, "b")) == ("", "given")


@pytest.mark.parametrize(
    "garbage", [b"", b"hello", b"<data/>", b"<a", b'{"a": 1}', b"<model><instance/></model>"]
)
def test_what_is_no_form_is_refused(garbage):
    with pytest.raises(NotAForm):
        fill(garbage, seed=1)


@pytest.mark.skipif(not given_forms(), reason="SHEAF_SAMPLES names no folder of forms")
def test_forms_of_the_field_are_filled_and_corrected():
    for path in given_forms():
        xml = xform_of(path)
        for seed in range(5):
            filled = fill(xml, seed=seed, instance_id=f"uuid:{seed}")
            answered = [text for _, text in values(filled.xml) if text]
            assert filled.instance_id == f"uuid:{seed}"
            assert filled.xml.count(b"<instanceID>uuid:") == 1, path
            assert len(answered) > 2, path
            assert edit(filled.xml, seed=seed, form_xml=xml).count(f"uuid:{seed}<".encode()) == 1
