"""Reading a form's definition: XForms XML, as ODK Central reads it (its `data/schema.js`).

A form must be well-formed UTF-8 without a document type: nothing is fetched, nothing expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from lxml import etree

from sheaf.forms.schema import Field
from sheaf.problems import MissingMeta, MissingParameter, UnexpectedValue

_DOCTYPE = re.compile(r"(?:\s++|<\?.*?\?>|<!--.*?-->)*+<!DOCTYPE", re.DOTALL)
_MEDIA_PATH = re.compile(r"jr://(?:images|audio|video|file|file-csv)/([^/]+)")
_SEARCH = re.compile(r"""\s*+(?:\w++\s++)?search\s*+\(\s*+(["'])([^"']*+)\1""")
_MEDIA_TYPES = {"image": "image", "audio": "audio", "video": "video", "big-image": "image"}


class MediaFile(NamedTuple):
    """A file that a form refers to. Its type is `image`, `audio`, `video` or `file`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class FormDefinition:
    """A form as its XML defines it; `dataset` is the entity list it feeds, None when none."""

    xml_form_id: str
    version: str
    name: str | None
    fields: tuple[Field, ...]
    public_key: str | None
    dataset: str | None
    media: tuple[MediaFile, ...]


def read(raw: bytes) -> FormDefinition:
    """Read a form's definition.

    Raises MissingParameter (400.2, `formId`) for what is no XForm or has no id; UnexpectedValue
    (400.8) for a document type, and for an id that would read as a file name in the API's paths;
    MissingMeta (400.27) when no group is called `meta`.
    """
    html = _parsed(raw)
    root = _primary(html)
    xml_form_id = _form_id(root)
    fields = tuple(_fields(html, root))
    if not any(field.name == "meta" and field.type == "structure" for field in fields):
        raise MissingMeta
    return FormDefinition(
        xml_form_id=xml_form_id,
        version=root.get("version", ""),
        name=next((title.text for title in _all(html, "head", "title") if title.text), None),
        fields=fields,
        public_key=_public_key(html),
        dataset=_dataset(root),
        media=tuple(dict.fromkeys(_media(html, root))),
    )


def _parsed(raw: bytes) -> Any:
    """Give the root element; Central's answer to anything but XML is that it lacks a form id."""
    try:
        text = raw.decode("utf-8-sig")
        if _DOCTYPE.match(text):
            reason = "a form may not declare a document type."
            raise UnexpectedValue(field="form XML", value="DOCTYPE", reason=reason)
        # libxml2 limits depth (256), names and amplification unless told that trees are huge.
        parser = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            remove_comments=True,
            remove_pis=True,
        )
        return etree.fromstring(text.encode(), parser)
    except (UnicodeDecodeError, etree.XMLSyntaxError, ValueError) as error:
        raise MissingParameter(field="formId") from error


def _form_id(root: Any) -> str:
    xml_form_id = root.get("id") if root is not None else None
    if not xml_form_id:
        raise MissingParameter(field="formId")
    if re.search(r"\.(xlsx?|xml)\Z", xml_form_id):
        reason = (
            "The Form ID cannot end in .xls, .xlsx, or .xml. Please either specify an allowed ID "
            "in the form itself, or rename the file (eg change form.xls.xls to form.xls)."
        )
        raise UnexpectedValue(field="formId", value=xml_form_id, reason=reason)
    return str(xml_form_id)


def _local(element: Any) -> str:
    return str(etree.QName(element).localname)


def _written(element: Any) -> str:
    """Give an element's name as it stands in the document, prefix and all: paths in binds do."""
    return f"{element.prefix}:{_local(element)}" if element.prefix else _local(element)


def _unprefixed(path: str) -> str:
    return re.sub(r"(?<=/)[^:/]++:(?=[^/])", "", path)


def _all(element: Any, *names: str) -> list[Any]:
    """Give the elements at a path of local names below an element."""
    found = [element]
    for name in names:
        found = [child for each in found for child in each if _local(child) == name]
    return found


def _primary(html: Any) -> Any:
    """Give the root of the primary instance: the first child that an instance has, or None."""
    if _local(html) != "html":
        return None
    instances = _all(html, "head", "model", "instance")
    return next((child for instance in instances for child in instance), None)


def _fields(html: Any, root: Any) -> Iterator[Field]:
    """Yield the fields, a structure right before what it holds, each path once.

    Once, because an instance shows a repeat several times when it has a template or defaults.
    """
    types = _types(html, _written(root))
    bodies = _all(html, "body")
    repeats = _references(bodies, "repeat", "nodeset")
    selects = _references(bodies, "select", "nodeset", "ref")
    seen = set()
    pending = [(child, "") for child in reversed(root)]
    while pending:
        element, parent = pending.pop()
        written = f"{parent}/{_written(element)}"
        path, bound = _unprefixed(written), f"/{_written(root)}{written}"
        if path in seen:
            continue
        seen.add(path)
        repeated = _unprefixed(bound) in repeats
        type_ = "repeat" if repeated else types.get(bound) or _untyped(element, written)
        binary = type_ == "binary" or path == "/meta/audit"
        field = Field(path, type_, binary, _unprefixed(bound) in selects)
        yield field
        if field.structural:
            pending += [(child, written) for child in reversed(element)]


def _types(html: Any, root: str) -> dict[str, str]:
    """Give the type of every bound path; the first bind of a path counts, and only typed ones."""
    types: dict[str, str] = {}
    for bind in _all(html, "head", "model", "bind"):
        nodeset, type_ = bind.get("nodeset", "").strip(), bind.get("type")
        if nodeset and type_ is not None:
            path = nodeset if nodeset.startswith("/") else f"/{root}/{nodeset}"
            types.setdefault(path, type_ or "unknown")
    return types


def _untyped(element: Any, written: str) -> str:
    """Tell what a node without a typed bind is."""
    # An entity is a structure even without a label in it.
    entity = _written(element) == "entity" and "/meta/entity" in written
    return "structure" if len(element) or entity else "unknown"


def _references(bodies: list[Any], name: str, *attributes: str) -> set[str]:
    """Give the paths that the controls of this name point at, by the first attribute they have."""
    controls = (each for body in bodies for each in body.iter("{*}" + name))
    found = (next(filter(None, map(each.get, attributes)), "") for each in controls)
    return {_unprefixed(path) for path in found}


def _public_key(html: Any) -> str | None:
    submissions = _all(html, "head", "model", "submission")
    return next(filter(None, (each.get("base64RsaPublicKey") for each in submissions)), None)


def _dataset(root: Any) -> str | None:
    entities = (each for each in root.iter("{*}entity") if _local(each.getparent()) == "meta")
    return next((each.get("dataset", "") for each in entities), None)


def _media(html: Any, root: Any) -> Iterator[MediaFile]:
    """Yield the files that the form refers to, in Central's order, repetitions included."""
    for instance in _all(html, "head", "model", "instance"):
        yield from _media_file(instance.get("src"), "file")
    for value in _all(html, "head", "model", "itext", "translation", "text", "value"):
        yield from _media_file(value.text, _MEDIA_TYPES.get(value.get("form", "")))
    for element in root.iter():
        if (element.text or "").startswith("jr://images/"):
            yield from _media_file(element.text, "image")
    controls = [each for body in _all(html, "body") for each in body.iter()]
    if any(_local(each) == "input" and each.get("query") for each in controls):
        yield MediaFile("itemsets.csv", "file")
    for control in controls:
        yield from _searched(control)


def _media_file(path: str | None, type_: str | None) -> Iterator[MediaFile]:
    found = _MEDIA_PATH.fullmatch((path or "").strip())
    if found and type_:
        yield MediaFile(found[1], type_)


def _searched(control: Any) -> Iterator[MediaFile]:
    """Yield the list that a select's `search('fruits', …)` appearance reads: `fruits.csv`."""
    found = _SEARCH.match(control.get("appearance", ""))
    if found and _local(control) in {"select", "select1"} and found[2].strip() == found[2] != "":
        yield MediaFile(found[2] if found[2].endswith(".csv") else f"{found[2]}.csv", "file")
