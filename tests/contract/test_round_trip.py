"""Whatever is submitted to whatever form is found again in CSV, OData and GeoJSON, and by filters.

Forms and submissions are made up; what must come out is worked out here from the same, apart from
the product: it shares no code with it.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from dataclasses import dataclass, field
from urllib.parse import quote
from xml.sax.saxutils import escape

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.archives import members
from tests.cast import Cast

# Among them names that OData must change, some of which then would be alike or its own.
NAMES = ["a", "b", "c-d", "c.d", "c_d", "größe", "grüße", "KEY", "Status", "__id", "__system"]
LEAVES = ["string", "string", "select", "int", "decimal", "dateTime", "geopoint", "geotrace"]
AFTER = 10
_numbers = itertools.count(1)

TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=12
) | st.sampled_from(
    ["a\nb", "a\r\nb\rc", 'say "x"', "it's", "a,b;c", "\U0001f469\u200d\U0001f680", "=1+1", " pad ",
     "&amp; < > ]]>", "\t", "e\u0301", "\u202eabc", "x" * 5000, "null", "@odata.id"]
)  # fmt: skip
INTS = st.integers(-(10**15), 10**15)
HALVES = st.integers(-1000, 1000).map(lambda number: number / 4)
POINTS = st.tuples(st.integers(-90, 90), st.integers(-180, 180), st.integers(-9, 9))


@dataclass
class Node:
    """A node of a form: a value of some type, or a `group` or `repeat` of others."""

    kind: str
    name: str
    held: list[Node] = field(default_factory=list)


@st.composite
def forms(draw, depth=3):
    """The nodes of a form."""
    found = []
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)):
        kind = draw(st.sampled_from(LEAVES + ["group", "repeat"] * 2 if depth else LEAVES))
        inner = draw(forms(depth - 1)) if kind in ("group", "repeat") else []
        found.append(Node(kind, name, inner))
    return found


@dataclass
class Row:
    """A row as it must come out: texts and what they mean by path, and the rows below it."""

    key: str
    parent: str = ""
    texts: dict[str, str] = field(default_factory=dict)
    meant: dict[str, object] = field(default_factory=dict)
    below: dict[str, list[Row]] = field(default_factory=dict)


def written(draw, text):
    """A text in one of the ways in which XML can hold it."""
    way = draw(st.sampled_from(["plain", "plain", "numbers", "cdata", "comment"]))
    if way == "numbers":
        return "".join(f"&#{ord(character)};" for character in text)
    if way == "cdata" and "]]>" not in text and "\r" not in text:
        return f"<![CDATA[{text}]]>"
    half = len(text) // 2 if way == "comment" else 0
    parts = [escape(part).replace("\r", "&#13;") for part in (text[:half], text[half:])]
    return "<!-- <a>no</a> -->".join(parts) if way == "comment" else "".join(parts)


def value(draw, kind):
    """A value of a type, as text and as OData must tell it."""
    if kind == "int":
        number = draw(INTS)
        return str(number), number
    if kind == "decimal":
        half = draw(HALVES)
        return str(half), half
    if kind in ("geopoint", "geotrace"):
        points = draw(st.lists(POINTS, min_size=2, max_size=3))
        at = [[longitude, latitude, altitude] for latitude, longitude, altitude in points]
        texts = [" ".join(map(str, (*point, 0))) for point in points]
        if kind == "geopoint":
            accurate = {"properties": {"accuracy": 0}}
            return texts[0], {"type": "Point", "coordinates": at[0]} | accurate
        return ";".join(texts), {"type": "LineString", "coordinates": at}
    if kind == "dateTime":
        return "2026-11-22T09:30:00.000+07", "2026-11-22T09:30:00.000+07:00"
    text = draw(TEXTS)
    return text, text or None


def element(draw, name, content):
    prefix = draw(st.sampled_from(["", "", "x:"]))
    if not content and draw(st.booleans()):
        return f"<{prefix}{name}/>"
    return f"<{prefix}{name}>{content}</{prefix}{name}>"


def fill(draw, nodes, row, path="", way=""):
    """The elements of a row, or of a group of it, noting in the row what they say."""
    parts = []
    for node in nodes:
        at = f"{path}/{node.name}"
        inner_way = f"{way}/{node.name}"
        if node.kind == "group":
            for _ in range(draw(st.sampled_from([1, 1, 1, 0, 2]))):
                inside = fill(draw, node.held, row, at, inner_way)
                parts.append(element(draw, node.name, inside))
        elif node.kind == "repeat":
            for _ in range(draw(st.integers(0, 3))):
                held = row.below.setdefault(at, [])
                held.append(Row(f"{row.key}{inner_way}[{len(held) + 1}]", row.key))
                inside = fill(draw, node.held, held[-1], at)
                parts.append(element(draw, node.name, inside))
        else:
            parts.append(leaf(draw, node, row, at))
        if draw(st.integers(0, 9)) == 0:
            parts.append("<unknown><a>lost</a></unknown>")
    return "\n".join(parts)


def leaf(draw, node, row, at):
    """A value's element or elements: of texts there may be none, or several, which are joined."""
    textual = node.kind in ("string", "select")
    times = draw(st.sampled_from([1, 1, 1, 0, 2])) if textual else int(at not in row.texts)
    parts = []
    for _ in range(times):
        text, meant = value(draw, node.kind)
        parts.append(element(draw, node.name, written(draw, text)))
        row.texts[at] = row.texts.get(at, "") + text
        row.meant[at] = (row.texts[at] or None) if textual else meant
    return "".join(parts)


@st.composite
def cases(draw):
    """A form, two submissions of it, and what they say."""
    nodes = draw(forms())
    rows = [Row(f"uuid:{number}") for number in (1, 2)]
    return nodes, [(row, fill(draw, nodes, row)) for row in rows]


def xform(nodes, xml_form_id):
    """The form as XML."""
    binds, body = [], []

    def instance(held, path):
        parts = []
        for node in held:
            at = f"{path}/{node.name}"
            inner = instance(node.held, at)
            parts.append(f"<{node.name}>{inner}</{node.name}>")
            if node.kind == "repeat":
                body.append(f'<repeat nodeset="{at}"/>')
            elif node.kind == "select":
                body.append(f'<select ref="{at}"/>')
            if node.kind not in ("group", "repeat"):
                kind = "string" if node.kind == "select" else node.kind
                binds.append(f'<bind nodeset="{at}" type="{kind}"/>')
        return "".join(parts)

    held = instance(nodes, "/data")
    return (
        '<h:html xmlns="http://www.w3.org/2002/xforms" xmlns:h="http://www.w3.org/1999/xhtml">'
        f'<h:head><h:title>F</h:title><model><instance><data id="{xml_form_id}" version="1">{held}'
        f"<meta><instanceID/></meta></data></instance>{''.join(binds)}</model></h:head>"
        f"<h:body>{''.join(body)}</h:body></h:html>"
    ).encode()


def tables(nodes, path="", names=()):
    """The columns of each table by the path of its repeat: paths, names, types."""
    found = {path: []} if not names else {}
    for node in nodes:
        at, called = f"{path}/{node.name}", (*names, node.name)
        if node.kind == "repeat":
            found |= tables(node.held, at)
        elif node.kind == "group":
            for table, columns in _grouped(node, at, called).items():
                top = next(iter(found)) if table is None else table
                found.setdefault(top, []).extend(columns)
        else:
            found[next(iter(found))].append((at, called, node.kind))
    return found


def _grouped(node, at, called):
    """The columns of a group under None, and the tables of repeats in it."""
    found = {None: []}
    for inner in node.held:
        path, names = f"{at}/{inner.name}", (*called, inner.name)
        if inner.kind == "repeat":
            found |= tables(inner.held, path)
        elif inner.kind == "group":
            for table, columns in _grouped(inner, path, names).items():
                found.setdefault(table, []).extend(columns)
        else:
            found[None].append((path, names, inner.kind))
    return found


def rows_of(row, table):
    """The rows of a table in a submission, in the order of the document."""
    if not table:
        return [row]
    found = []
    for path, held in row.below.items():
        for each in held:
            found += [each] if path == table else []
            if table.startswith(f"{path}/"):
                found += rows_of(each, table)
    return found


def cells(row, columns):
    for path, _, kind in columns:
        text = row.texts.get(path, "")
        if kind == "geopoint":
            yield from (text.split() + [""] * 4)[:4]
        else:
            yield text


def header_of(columns):
    for _, names, kind in columns:
        name = "-".join(names)
        if kind == "geopoint":
            yield from (f"{name}-{part}" for part in ("Latitude", "Longitude", "Altitude"))
            yield f"{name}-Accuracy"
        else:
            yield name


def called(cast, form):
    """What the feed calls each field, by its path, as the API tells it: each otherwise."""
    told = [cast.alice.get(f"{form}/fields{query}").json for query in ("", "?odata=true")]
    paths = [[field["path"] for field in listed] for listed in told]
    assert len(set(paths[1])) == len(paths[0])
    assert all(re.fullmatch(r"(/[A-Za-z_]\w*)+", path, re.ASCII) for path in paths[1])
    return dict(zip(*paths, strict=True))


def at(row, path, table, names):
    """A value in a row of the feed."""
    for name in names[path].removeprefix(names.get(table, "")).strip("/").split("/"):
        row = row[name]
    return row


def check_csv(cast, form, nodes, told):
    """Every member of the archive has each row, in order, with each text in its column."""
    archive = members(cast.alice.get(f"{form}/submissions.csv.zip"))
    laid_out = tables(nodes)
    assert len(archive) == len(laid_out)
    for (path, columns), data in zip(laid_out.items(), archive.values(), strict=True):
        header, *lines = csv.reader(io.StringIO(data.decode(), newline=""))
        rows = [row for each in told for row in rows_of(each, path)]
        names, width = list(header_of(columns)), len(list(header_of(columns)))
        if path:
            assert header == [*names, "PARENT_KEY", "KEY"]
            assert lines == [[*cells(row, columns), row.parent, row.key] for row in rows]
        else:
            assert header[: width + 2] == ["SubmissionDate", *names, "meta-instanceID"]
            assert [line[1 : width + 3] for line in lines] == [
                [*cells(row, columns), row.key, row.key] for row in rows
            ]
            assert {len(line) for line in lines} == {len(header)} == {width + 2 + AFTER}


def check_odata(cast, form, nodes, told):
    """Every table has each row, in order, with each value in its place and of its type."""
    names = called(cast, form)
    edmx = etree.fromstring(cast.alice.get(f"{form}.svc/$metadata").body)
    for type_ in edmx.iter("{*}EntityType", "{*}ComplexType"):
        properties = [each.get("Name") for each in type_.iterchildren("{*}Property")]
        assert len(set(properties)) == len(properties)
    for path, columns in tables(nodes).items():
        name = "Submissions" + names.get(path, "").replace("/", ".")
        found = cast.alice.get(f"{form}.svc/{name}").json["value"]
        rows = [row for each in told for row in rows_of(each, path)]
        assert len(found) == len(rows)
        for row, given_out in zip(rows, found, strict=True):
            for column, _, _ in columns:
                assert at(given_out, column, path, names) == row.meant.get(column)
            assert given_out["__id"] == row.key if not path else len(given_out["__id"]) == 40


def check_map(cast, form, nodes, told):
    """The first place outside repeats is on the map."""
    places = [each for each in tables(nodes)[""] if each[2] in ("geopoint", "geotrace")]
    found = cast.alice.get(f"{form}/submissions.geojson").json["features"]
    expected = [
        {
            "type": "Feature",
            "id": row.key,
            "geometry": {name: row.meant[path][name] for name in ("type", "coordinates")},
            "properties": {"fieldpath": path},
        }
        for row in told
        for path, _, _ in places[:1]
        if path in row.meant
    ]
    assert found == expected


def check_filters(cast, form, nodes, told):
    """Whoever asks for what a submission says finds it, and nothing else."""
    names = called(cast, form)
    for path, _, kind in tables(nodes)[""]:
        if kind not in ("string", "select"):
            continue
        name = names[path].strip("/")
        for text in {row.meant.get(path) for row in told}:
            said = "null" if text is None else "'" + text.replace("'", "''") + "'"
            query = f"$select=__id&$filter={quote(f'{name} eq {said}')}"
            found = cast.alice.get(f"{form}.svc/Submissions?{query}")
            assert found.status == 200, found.text
            assert [row["__id"] for row in found.json["value"]] == [
                row.key for row in told if row.meant.get(path) == text
            ]


# Each try takes requests, so what fails is shown as it was found: to shrink it takes minutes.
@settings(
    max_examples=30,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(cases())
def test_every_value_is_found_again_every_way_out(cast, case):
    nodes, sent = case
    xml_form_id = f"made-up-{next(_numbers)}"
    form = f"{Cast.FORMS}/{xml_form_id}"
    made = cast.alice.post(f"{Cast.FORMS}?publish=true", xform(nodes, xml_form_id))
    assert made.status == 200, made.text
    for row, content in sent:
        text = (
            f'<x:data xmlns:x="urn:x" id="{xml_form_id}" version="1">{content}'
            f"<meta><instanceID>{row.key}</instanceID></meta></x:data>"
        )
        answer = cast.alice.post(f"{form}/submissions", text.encode())
        assert answer.status == 200, answer.text
    told = [row for row, _ in sent][::-1]
    for check in (check_csv, check_odata, check_map, check_filters):
        check(cast, form, nodes, told)
