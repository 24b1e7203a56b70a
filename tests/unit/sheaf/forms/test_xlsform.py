"""Making forms of spreadsheets."""

import os
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import Workbook

from sheaf.forms import xform, xlsform
from sheaf.forms.schema import Field
from sheaf.problems import XlsFormRejected

SAMPLES = sorted(Path(os.environ.get("SHEAF_SAMPLES", "/nowhere")).glob("xlsforms/*.xlsx"))

SURVEY = [["type", "name", "label"], ["text", "q", "Name?"], ["image", "pic", "Picture?"]]


def workbook(**sheets: list[list[str]]) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for cells in rows:
            sheet.append(cells)
    raw = BytesIO()
    book.save(raw)
    return raw.getvalue()


def test_a_spreadsheet_becomes_a_form():
    settings = [["form_id", "form_title", "version"], ["trees", "Trees", "7"]]
    raw = workbook(survey=SURVEY, settings=settings)
    converted = xlsform.convert(raw, "stem", legacy_xls=False)
    definition = xform.read(converted.xml.encode())
    assert (definition.xml_form_id, definition.version, definition.name) == ("trees", "7", "Trees")
    assert definition.fields == (
        Field("/q", "string"),
        Field("/pic", "binary", binary=True),
        Field("/meta", "structure"),
        Field("/meta/instanceID", "string"),
    )
    assert converted.itemsets is None
    assert [warning.partition(" ")[2][:30] for warning in converted.warnings] == [
        ": 3] Use the max-pixels parame"
    ]


@pytest.mark.parametrize(("stem", "xml_form_id"), [("my trees", "my trees"), ("", "data")])
def test_the_file_name_serves_when_the_settings_name_no_form(stem, xml_form_id):
    converted = xlsform.convert(workbook(survey=SURVEY), stem, legacy_xls=False)
    assert xform.read(converted.xml.encode()).xml_form_id == xml_form_id


def test_external_choices_are_handed_on():
    raw = workbook(
        survey=[
            ["type", "name", "label", "choice_filter"],
            ["text", "river", "River?", ""],
            ["select_one_external towns", "town", "Town?", "river=${river}"],
        ],
        external_choices=[["list_name", "name", "label", "river"], ["towns", "ulm", "Ulm", "d"]],
        choices=[["list_name", "name", "label"], ["x", "y", "Z"]],
    )
    converted = xlsform.convert(raw, "towns", legacy_xls=False)
    assert converted.itemsets == (
        '"list_name","name","label","river"\r\n"towns","ulm","Ulm","d"\r\n'
    )
    assert converted.warnings == ()


def test_a_faulty_survey_is_refused_with_the_reason():
    raw = workbook(survey=[["type", "name", "label"], ["nonsense", "q", "Name?"]])
    with pytest.raises(XlsFormRejected) as caught:
        xlsform.convert(raw, "f", legacy_xls=False)
    assert caught.value.details == {"error": "Unknown question type 'nonsense'.", "warnings": []}


def test_what_pyxform_stumbles_over_is_refused():
    raw = workbook(
        survey=[["type", "name", "label"], ["select_one_external towns", "town", "Town?"]],
        external_choices=[["list_name", "name", "label"], ["towns", "ulm", "Ulm"]],
        choices=[["list_name", "name", "label"], ["x", "y", "Z"]],
    )
    with pytest.raises(XlsFormRejected) as caught:
        xlsform.convert(raw, "f", legacy_xls=False)
    assert caught.value.details == {
        "error": "The workbook could not be read: KeyError('towns')",
        "warnings": ["[row : 2] select one external is only meant for filtered selects."],
    }


@pytest.mark.parametrize("legacy_xls", [False, True])
@pytest.mark.parametrize("raw", [b"", b"no workbook", b"PK\x03\x04", b"\xd0\xcf\x11\xe0" * 200])
def test_what_is_no_workbook_is_refused(raw, legacy_xls):
    with pytest.raises(XlsFormRejected) as caught:
        xlsform.convert(raw, "f", legacy_xls=legacy_xls)
    assert caught.value.details["error"]
    assert caught.value.details["warnings"] == []


def test_a_new_workbook_is_no_old_one():
    with pytest.raises(XlsFormRejected):
        xlsform.convert(workbook(survey=SURVEY), "f", legacy_xls=True)


@pytest.mark.parametrize(
    ("parts", "size"),
    [(1, xlsform.MAX_INFLATED + 1), (xlsform.MAX_PARTS + 1, 0)],
    ids=["large", "many"],
)
def test_a_workbook_that_would_inflate_beyond_measure_is_refused(parts, size):
    raw = BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as bomb:
        for number in range(parts):
            bomb.writestr(f"xl/{number}.xml", b"\0" * size)
    with pytest.raises(XlsFormRejected) as caught:
        xlsform.convert(raw.getvalue(), "f", legacy_xls=False)
    assert caught.value.details == {
        "error": f"The workbook is too large: {parts} parts, {size} bytes uncompressed.",
        "warnings": [],
    }


if SAMPLES:

    @pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
    def test_real_spreadsheets_become_forms(path):
        converted = xlsform.convert(path.read_bytes(), path.stem, legacy_xls=False)
        definition = xform.read(converted.xml.encode())
        assert definition.xml_form_id
        assert "/meta/instanceID" in [field.path for field in definition.fields]
