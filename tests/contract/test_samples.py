"""Forms as the field uses them, filled and read back: every answer in its column, every way out.

Those of this project, and those of the folder that SHEAF_SAMPLES names.
"""

from __future__ import annotations

import csv
import io
import os
from collections import defaultdict
from pathlib import Path

import pytest
from lxml import etree

from local import filler
from tests import workbooks
from tests.archives import members

HERE = Path(__file__).parents[1]
OWN = [*HERE.glob("data/forms/*.xml"), *(HERE.parent / "samples").glob("*.x*")]
GIVEN = Path(os.environ.get("SHEAF_SAMPLES", "/nowhere"))
FORMS = sorted([*OWN, *GIVEN.glob("forms/*.xml"), *GIVEN.glob("xlsforms/*.xlsx")])
FORMS = [path for path in FORMS if "without-meta" not in path.name]
PLACES = ("geopoint", "geotrace", "geoshape")


def answers(xml):
    """The texts of a submission by the paths of their elements, in the order of the document."""
    found = defaultdict(list)
    root = etree.fromstring(xml)

    def look(element, path):
        for child in element.iterchildren("*"):
            at = f"{path}/{etree.QName(child).localname}"
            if len(child):
                look(child, at)
            elif child.text:
                found[at].append(child.text)

    look(root, "")
    return found


def repeat_of(path, fields):
    """The innermost repeat that a field stands in; '' for none."""
    return max(
        (
            each["path"]
            for each in fields
            if each["type"] == "repeat" and f"{each['path']}/" in path
        ),
        key=len,
        default="",
    )


def columns(archive, fields):
    """The texts of each field's column, by its path, in the order of the rows; blanks left out."""
    repeats = ["", *(each["path"] for each in fields if each["type"] == "repeat")]
    tables = [data for name, data in archive.items() if name.endswith(".csv") and "/" not in name]
    found = {}
    for repeat, data in zip(repeats, tables, strict=False):
        lines = list(csv.reader(io.StringIO(data.decode(), newline="")))
        header = lines[0][1 if not repeat else 0 :]
        rows = [line[1 if not repeat else 0 :] for line in lines[1:]]
        for each in fields:
            if each["type"] in ("structure", "repeat") or repeat_of(each["path"], fields) != repeat:
                continue
            name = each["path"][len(repeat) + 1 :].replace("/", "-")
            if each["type"] == "geopoint":
                at = header.index(f"{name}-Latitude")
                said = [" ".join(row[at : at + 4]).strip() for row in rows]
            else:
                said = [row[header.index(name)] for row in rows]
            found[each["path"]] = [text for text in said if text]
    return found


def told(service, ask, fields):
    """The values of each field in the feed by its path, in the order of the rows; no nulls."""
    names = {each["path"]: each["path"].strip("/").split("/") for each in fields}
    tables = {"": ask(f"{service}/Submissions")}
    found = {}
    for each in fields:
        if each["type"] == "repeat":
            dotted = ".".join(["Submissions", *names[each["path"]]])
            tables[each["path"]] = ask(f"{service}/{dotted}")
    for each in fields:
        if each["type"] in ("structure", "repeat"):
            continue
        repeat = repeat_of(each["path"], fields)
        way = each["path"][len(repeat) + 1 :].split("/")
        found[each["path"]] = []
        for row in tables[repeat]:
            value = row
            for name in way:
                value = value[name]
            if value is not None:
                found[each["path"]].append(value)
    return found


def as_told(text, kind):
    """What the feed says of a text; of places and moments, only that there is something."""
    if kind == "int":
        return int(text)
    if kind == "decimal":
        return float(text)
    if kind in PLACES:
        return "a place"
    return text if kind != "dateTime" else text[:19]


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_of_the_field_is_filled_and_read_back(cast, path):
    kind = {"content-type": workbooks.XLSX} if path.suffix == ".xlsx" else {}
    query = "?publish=true&ignoreWarnings=true"
    made = cast.alice.post(f"{cast.FORMS}{query}", path.read_bytes(), kind)
    assert made.status == 200, made.text
    form = f"{cast.FORMS}/{made.json['xmlFormId']}"
    filled = filler.fill(cast.alice.get(f"{form}.xml").body, seed=7)
    assert cast.alice.post(f"{form}/submissions", filled.xml).status == 200
    for name, (data, content_type) in filled.attachments.items():
        at = f"{form}/submissions/{filled.instance_id}/attachments/{name}"
        assert cast.alice.post(at, data, {"content-type": content_type}).status == 200
    fields = cast.alice.get(f"{form}/fields").json
    archive = members(cast.alice.get(f"{form}/submissions.csv.zip"))
    said = answers(filled.xml)
    assert len(said) > 1
    assert {at: texts for at, texts in columns(archive, fields).items() if texts} == {
        each["path"]: said[each["path"]] for each in fields if said.get(each["path"])
    }
    media = {name.removeprefix("media/"): data for name, data in archive.items() if "/" in name}
    assert media == {
        name: data
        for name, (data, _) in filled.attachments.items()
        if name not in said["/meta/audit"]
    }
    clean = cast.alice.get(f"{form}/fields?odata=true").json
    types = {each["path"]: each["type"] for each in clean}
    given_out = told(f"{form}.svc", lambda at: cast.alice.get(at).json["value"], clean)
    for (at, values), each in zip(given_out.items(), (f for f in fields if leaf(f)), strict=True):
        shown = [
            "a place" if types[at] in PLACES and isinstance(value, dict) else value
            for value in values
        ]
        if types[at] == "dateTime":
            shown = [value[:19] for value in shown]
        assert shown == [as_told(text, types[at]) for text in said.get(each["path"], ())], at
    places = [
        each for each in fields if each["type"] in PLACES and not repeat_of(each["path"], fields)
    ]
    on_map = cast.alice.get(f"{form}/submissions.geojson").json["features"]
    assert len(on_map) == sum(1 for each in places[:1] if said.get(each["path"]))


def leaf(field):
    return field["type"] not in ("structure", "repeat")
