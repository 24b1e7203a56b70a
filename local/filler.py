"""Fill any XForm with plausible answers, as a field worker's client would.

The answers depend on the form and the seed alone. Relevance, constraints, cascading choices,
repeat counts and calculations are honoured as far as lxml's XPath 1.0 with ODK's commoner
functions goes. In this order: the form read, its expressions evaluated, media files made,
answers thought up, and `fill` and `edit` themselves.
"""

import base64
import contextlib
import copy
import io
import math
import re
import uuid
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from random import Random
from typing import Any

from lxml import etree

XFORMS = "http://www.w3.org/2002/xforms"
JAVAROSA = "http://openrosa.org/javarosa"
CONTROLS = {"input", "secret", "select", "select1", "rank", "range", "trigger", "upload"}
PARSER = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    remove_blank_text=True,
    remove_comments=True,
    remove_pis=True,
)


class NotAForm(ValueError):  # noqa: N818 (it reads as the fact that it states)
    """The bytes are not an XForm: no XML, or no model with an instance in it."""


class Form:
    """An XForm, parsed. Paths are plain: no prefixes, no spaces, as in `/data/meta/audit`.

    Attributes:
        root: the primary instance's root element, without the XForms namespace.
        wrapper: root's parent, which also holds the secondary instances: one document, so that
            one XPath context sees them all.
        namespaces: prefix -> URI of the form's root element.
        binds: path -> {attribute without prefix: value}.
        questions: path -> control of the body.
        repeats: path -> jr:count expression, or None.
        texts: id -> text of the first language.
        files: the ids of the secondary instances that lie in files of their own.
        datasets: the names of the entity lists that the form writes to.
    """

    def __init__(self, xml: bytes) -> None:
        tree = _parsed(xml)
        model = next(named(tree, "model"), None)
        instances = [] if model is None else [e for e in model if local_name(e) == "instance"]
        if not instances or not len(instances[0]):
            raise NotAForm("The XML has no model with an instance: it is not an XForm.")
        self.namespaces = {prefix: uri for prefix, uri in tree.nsmap.items() if prefix}
        self.wrapper = etree.Element("form")
        self.wrapper.append(_unqualified(instances[0][0]))
        self.wrapper.extend([_unqualified(instance) for instance in instances[1:]])
        self.root = self.wrapper[0]
        self.binds = {plain(b.get("nodeset")): _attributes(b) for b in named(tree, "bind")}
        body = next(named(tree, "body"), etree.Element("body"))
        self.questions = {plain(q.get("ref")): q for q in body.iter() if local_name(q) in CONTROLS}
        self.repeats = {
            plain(r.get("nodeset")): r.get(f"{{{JAVAROSA}}}count") for r in named(body, "repeat")
        }
        self.texts = {t.get("id"): "".join(t[0].itertext()) for t in _first_texts(tree)}
        self.files = {e.get("id") for e in instances if e.get("src")}
        self.datasets = {e.get("dataset") for e in named(self.root, "entity")}


def _parsed(xml: bytes) -> Any:
    try:
        return etree.fromstring(xml, PARSER)
    except etree.XMLSyntaxError as broken:
        raise NotAForm("The form is not well-formed XML.") from broken


def _unqualified(element: Any) -> Any:
    """Copy an element without the XForms namespace and JavaRosa's marks, as clients send it."""
    name = etree.QName(element)
    twin = etree.Element(
        name.localname if name.namespace in {None, XFORMS} else element.tag,
        {k: v for k, v in element.attrib.items() if not k.startswith(f"{{{JAVAROSA}}}")},
        nsmap={p: u for p, u in element.nsmap.items() if p and u == name.namespace},
    )
    twin.text = element.text
    twin.extend([_unqualified(child) for child in element])
    return twin


def _attributes(bind: Any) -> dict[str, str]:
    return {etree.QName(name).localname: value for name, value in bind.attrib.items()}


def _first_texts(tree: Any) -> Iterator[Any]:
    translation = next(named(tree, "translation"), None)
    return (
        (t for t in named(translation, "text") if len(t)) if translation is not None else iter(())
    )


def named(tree: Any, name: str) -> Iterator[Any]:
    """Return all elements of a name, whatever their namespace, in document order."""
    return (e for e in tree.iter() if local_name(e) == name)


def local_name(element: Any) -> str:
    """Return an element's name without its namespace ("" for a comment)."""
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def plain(path: str | None) -> str:
    """Return a path of a form without prefixes and spaces."""
    return re.sub(r"[\w.-]+:|\s", "", path or "")


def path_of(element: Any) -> str:
    """Return an element's plain path from the root of the primary instance."""
    steps = [local_name(e) for e in (*reversed(list(element.iterancestors())), element)]
    return "/" + "/".join(steps[1:] if steps[0] == "form" else steps)


def leaves(root: Any) -> Iterator[Any]:
    """Return the elements that hold values, in document order."""
    return (e for e in root.iter() if not len(e))


def meta_of(root: Any) -> Any:
    """Return the meta block of an instance, made if it lacks one."""
    meta = next((e for e in root if local_name(e) == "meta"), None)
    return etree.SubElement(root, "meta") if meta is None else meta


def instance_id_of(root: Any) -> str:
    """Return an instance's instanceID, "" if it has none."""
    return next((e.text or "" for e in meta_of(root) if local_name(e) == "instanceID"), "")


def identify(root: Any, instance_id: str, deprecated_id: str | None) -> None:
    """Write instanceID, and deprecatedID if there is one, into an instance's meta block."""
    meta = meta_of(root)
    known = {local_name(e): e for e in meta}
    node = known.get("instanceID")
    if node is None:
        node = etree.SubElement(meta, "instanceID")
    node.text = instance_id
    if deprecated_id is not None:
        mark = known.get("deprecatedID")
        if mark is None:
            mark = etree.Element(node.tag.replace("instanceID", "deprecatedID"), nsmap=node.nsmap)
            node.addnext(mark)
        mark.text = deprecated_id


# Where XForms writes /data/x, the one document has /form/data/x. Quoted text is left alone.
ABSOLUTE = re.compile(r"""('[^']*'|"[^"]*")|(?<![^\s(\[,=<>+|-])/(?=\w)""")
# XPath's own functions of these names take other arguments than ODK's, and cannot be replaced.
OVERLOADED = re.compile(r"\b(position|round|concat|number)\s*\((?=\s*[^)\s])")


class Logic:
    """The expressions of one form, with fixed chance and a fixed present moment."""

    def __init__(self, form: Form, rng: Random, moment: datetime) -> None:
        self.form, self.rng, self.moment = form, rng, moment
        self.functions: dict[tuple[str | None, str], Callable[..., Any]] = {
            (None, name.removeprefix("_f_").replace("_", "-")): getattr(self, name)
            for name in dir(self)
            if name.startswith("_f_")
        }
        self.functions[(JAVAROSA, "itext")] = lambda _, key: form.texts.get(_text(key), "")

    def value(self, expression: str, node: Any) -> Any:
        """Return what an expression gives at a node: bool, float, str, list of nodes, or None."""
        path = ABSOLUTE.sub(lambda m: m[1] or "/form/", expression)
        path = OVERLOADED.sub(r"odk-\1(", path)
        with contextlib.suppress(etree.XPathError):
            compiled = etree.XPath(
                path, namespaces=self.form.namespaces, extensions=self.functions, regexp=False
            )
            return compiled(node)
        return None

    def text(self, expression: str, node: Any) -> str | None:
        """Return an expression's value as an answer is written, or None if it is unknown."""
        found = self.value(expression, node)
        return None if found is None else _text(found)

    def holds(self, expression: str | None, node: Any) -> bool:
        """Tell whether a condition is met. No condition, and one beyond us, hold."""
        found = self.value(expression, node) if expression else None
        return found is None or bool(found)

    def nodes(self, expression: str, node: Any) -> list[Any]:
        """Return the nodes that an expression selects; none if it is beyond us."""
        found = self.value(expression, node)
        return found if isinstance(found, list) else []

    # Each _f_name is the function `name`; the first argument is lxml's evaluation context.

    def _f_if(self, _: Any, condition: Any, then: Any, otherwise: Any) -> Any:
        return then if condition else otherwise

    def _f_coalesce(self, _: Any, first: Any, second: Any) -> str:
        return _text(first) or _text(second)

    def _f_once(self, context: Any, value: Any) -> str:
        return context.context_node.text or _text(value)

    def _f_current(self, context: Any) -> list[Any]:
        return [context.context_node]

    def _f_instance(self, _: Any, name: str) -> list[Any]:
        return [e for e in self.form.wrapper[1:] if e.get("id") == _text(name)]

    def _f_selected(self, _: Any, answer: Any, choice: Any) -> bool:
        return _text(choice) in _text(answer).split()

    def _f_count_selected(self, _: Any, answer: Any) -> float:
        return float(len(_text(answer).split()))

    def _f_selected_at(self, _: Any, answer: Any, index: float) -> str:
        return (_text(answer).split()[int(index) :] or [""])[0]

    def _f_count_non_empty(self, _: Any, nodes: list[Any]) -> float:
        return float(sum(1 for node in nodes if node.text))

    def _f_join(self, _: Any, between: Any, *values: Any) -> str:
        return _text(between).join(t for value in values for t in _texts(value))

    def _f_odk_concat(self, _: Any, *values: Any) -> str:
        return "".join(t for value in values for t in _texts(value))

    def _f_odk_round(self, _: Any, value: Any, places: float = 0) -> float:
        number = _number(value)
        return number if math.isnan(number) else round(number, int(places))

    def _f_odk_number(self, _: Any, value: Any) -> float:
        return _number(value)

    def _f_odk_position(self, _: Any, nodes: list[Any]) -> float:
        return float(1 + sum(1 for _ in nodes[0].itersiblings(nodes[0].tag, preceding=True)))

    def _f_int(self, _: Any, value: Any) -> float:
        number = _number(value)
        return number if math.isnan(number) else float(int(number))

    def _f_min(self, _: Any, *values: Any) -> float:
        return min((_number(t) for value in values for t in _texts(value)), default=math.nan)

    def _f_max(self, _: Any, *values: Any) -> float:
        return max((_number(t) for value in values for t in _texts(value)), default=math.nan)

    def _f_regex(self, _: Any, value: Any, pattern: Any) -> bool:
        return re.fullmatch(_text(pattern), _text(value)) is not None

    def _f_uuid(self, *_: Any) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def _f_random(self, _: Any) -> float:
        return self.rng.random()

    def _f_today(self, _: Any) -> str:
        return self.moment.date().isoformat()

    def _f_now(self, _: Any) -> str:
        return self.moment.isoformat(timespec="milliseconds")

    def _f_format_date(self, _: Any, value: Any, pattern: Any) -> str:
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(_text(value)).strftime(_text(pattern))
        return ""


def _texts(value: Any) -> list[str]:
    return [e.text or "" for e in value] if isinstance(value, list) else [_text(value)]


def _text(value: Any) -> str:
    """Return a value as XForms writes it: 3 for 3.0, true for true, nothing for NaN."""
    if isinstance(value, list):
        return (_texts(value) or [""])[0]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.10g}"
    return str(value)


def _number(value: Any) -> float:
    try:
        return float(_text(value))
    except ValueError:
        return math.nan


JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////////////"
    "////////////////////////////////wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAA"
    "AAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AP//Z"
)
MP4 = bytes.fromhex("0000001c6674797069736f6d0000020069736f6d69736f326d703431000000086d646174")
OSM = b'<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6" generator="sheaf"/>\n'
CSV = b"parameter,value,unit\nnitrate,12,mg/l\narsenic,0.004,mg/l\n"
EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "video/mp4": ".mp4",
    "application/pdf": ".pdf",
    "application/xml": ".osm",
    "text/csv": ".csv",
}


def media_file(mediatype: str, given: Mapping[str, bytes]) -> tuple[bytes, str, str]:
    """Return (bytes, content type, extension) of a file for a question's mediatype ("image/*").

    Args:
        mediatype: as on the form's upload control.
        given: files to prefer, by content type.
    """
    kind = mediatype.partition("/")[0]
    for content_type, data in given.items():
        if content_type.partition("/")[0] == kind:
            return data, content_type, EXTENSIONS.get(content_type, ".bin")
    made = {
        "image": (JPEG, "image/jpeg"),
        "audio": (_sound(), "audio/wav"),
        "video": (MP4, "video/mp4"),
        "osm": (OSM, "application/xml"),
    }
    data, content_type = made.get(kind, (CSV, "text/csv"))
    return data, content_type, EXTENSIONS[content_type]


def _sound() -> bytes:
    """Return a twentieth of a second of a low square wave, as WAV."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setparams((1, 1, 8000, 0, "NONE", "not compressed"))
        sound.writeframes(bytes(96 if n % 40 < 20 else 160 for n in range(400)))
    return buffer.getvalue()


def audit_log(
    bind: Mapping[str, str], paths: Sequence[str], moment: datetime, place: Sequence[str]
) -> bytes:
    """Return the CSV that a client keeps of a visit, one row for each question.

    Columns as in the ODK XForms specification, "Audit".

    Args:
        bind: the attributes of the audit's bind, without prefixes; they choose the columns.
        paths: the questions, in the order in which they were answered.
        moment: the start; every row takes four seconds.
        place: latitude, longitude and accuracy.
    """
    located, tracked = "location-priority" in bind, bind.get("track-changes") == "true"
    header = ["event", "node", "start", "end"]
    header += ["latitude", "longitude", "accuracy"] * located + ["old-value", "new-value"] * tracked
    start = int(moment.timestamp() * 1000)
    rows = [("form start", ""), *(("question", path) for path in paths), ("form exit", "")]
    lines = [",".join(header)]
    for number, (event, node) in enumerate(rows):
        row = [event, node, str(start + number * 4000), str(start + number * 4000 + 3500)]
        lines.append(",".join([*row, *[*place] * located, *["", ""] * tracked]))
    return ("\n".join(lines) + "\n").encode()


NAMES = ["Amina", "Bashir", "Dalia", "Esi", "Farid", "Grace", "Hawa", "Idris", "Kofi", "Leila"]
PLACES = ["Amber Ridge", "Old Harbour", "Stonegate", "Millfield", "West Plateau", "Lagoon Side"]
REMARKS = [
    "Seen on the spot, all as described.",
    "The caretaker was there and helped.",
    "To be visited again after the rains.",
    "Neighbours told the same story.",
]
# What a question's name says about its answer: (pattern, lowest, highest), first match wins.
NUMBERS = [
    (r"age\b|_age|age_|^age", 1, 80),
    (r"year|built", 1985, 2025),
    (r"household|famil|people|population", 12, 240),
    (r"phone|contact|number$", 700_000_000, 799_999_999),
    (r"muac|height", 110, 175),
    (r"income|price|cost|amount", 20, 900),
]


class Answers:
    """Answers of one visit: one day, one place, one seed."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.moment = datetime(2026, 1, 5, 7, tzinfo=timezone(timedelta(hours=3))) + timedelta(
            days=rng.randrange(290), seconds=rng.randrange(7 * 3600)
        )
        self.latitude, self.longitude = rng.uniform(-12, 12), rng.uniform(28, 38)
        self.kinds: dict[str, Callable[[str], str]] = {
            "int": self.integer,
            "integer": self.integer,
            "decimal": self.decimal,
            "date": self.day,
            "time": self.hour,
            "dateTime": self.hour_of_day,
            "geopoint": lambda _: self._point(),
            "geotrace": lambda _: self._trace(4),
            "geoshape": lambda _: self._shape(),
            "barcode": lambda _: f"{rng.randrange(10**12, 10**13)}",
            "boolean": lambda _: "true",
        }

    def of(self, kind: str, name: str, constraint: str | None, attempt: int) -> str:
        """Return an answer to a question.

        Args:
            kind: the bind's type, without prefix; what is unknown is text.
            name: the question's name, which hints at what is asked.
            constraint: the expression to satisfy; its numbers are tried.
            attempt: 0 for the likeliest answer, higher for ever more of a guess.
        """
        if attempt and constraint and kind in {"int", "integer", "decimal", "string", "text"}:
            return self._guess(kind, constraint)
        return self.kinds.get(kind, self.words)(name.lower())

    def _guess(self, kind: str, constraint: str) -> str:
        """Return a number between or beside those of a constraint, or so many digits."""
        bounds = sorted(float(n) for n in re.findall(r"(?<![\w'])\d+(?:\.\d+)?", constraint))
        low, high = (bounds[0], bounds[-1]) if bounds else (0, 100)
        guess = self.rng.uniform(low - 1, high + 1)
        if kind == "decimal":
            return f"{guess:.1f}"
        if kind.startswith("int"):
            return str(round(guess))
        digits = min(int(self.rng.choice(bounds or [6])), 40)
        return "".join(self.rng.choices("0123456789", k=digits))

    def words(self, name: str) -> str:
        """Return text: a name, a place, a telephone number or a remark, as the name suggests."""
        if re.search(r"phone|contact|mobile|number", name):
            return f"07{self.rng.randrange(10**7, 10**8)}"
        if re.search(r"mail", name):
            return f"{self.rng.choice(NAMES).lower()}@example.org"
        if re.search(r"villag|commun|place|town|address|district|region|country", name):
            return self.rng.choice(PLACES)
        if re.search(r"name|person|who|respondent|caretaker", name):
            return self.rng.choice(NAMES)
        return self.rng.choice(REMARKS)

    def integer(self, name: str) -> str:
        """Return a whole number that suits a question's name."""
        bounds = next((low_high for p, *low_high in NUMBERS if re.search(p, name)), [1, 12])
        return str(self.rng.randint(*bounds))

    def decimal(self, name: str) -> str:
        """Return a number with one decimal place that suits a question's name."""
        return f"{int(self.integer(name))}.{self.rng.randrange(1, 10)}"

    def day(self, name: str) -> str:
        """Return a day: today, or years ago for a birth."""
        back = self.rng.randrange(200, 1700) if "birth" in name else self.rng.randrange(1, 60)
        return (self.moment - timedelta(days=back)).date().isoformat()

    def hour(self, _name: str) -> str:
        """Return a time of the visit, with its offset from UTC."""
        later = self.moment + timedelta(minutes=self.rng.randrange(40))
        return later.timetz().isoformat(timespec="milliseconds")

    def hour_of_day(self, name: str) -> str:
        """Return a moment with its offset from UTC: of the visit, or weeks later for a `next`."""
        later = timedelta(days=28 if "next" in name else 0, minutes=self.rng.randrange(40))
        return (self.moment + later).isoformat(timespec="milliseconds")

    def place(self) -> list[str]:
        """Return latitude, longitude (degrees) and accuracy (metres) of the visit."""
        return [f"{self.latitude:.6f}", f"{self.longitude:.6f}", "4.5"]

    def _point(self, north: float = 0, east: float = 0) -> str:
        latitude, longitude = self.latitude + north, self.longitude + east
        return f"{latitude:.6f} {longitude:.6f} {self.rng.randrange(900, 1400)}.0 4.5"

    def _trace(self, points: int) -> str:
        steps = [(n * 0.0004, self.rng.uniform(0, 0.0003)) for n in range(points)]
        return "; ".join(self._point(*step) for step in steps)

    def _shape(self) -> str:
        start = self._point()
        around = [self._point(*c) for c in ((0.0006, 0.0001), (0.0005, 0.0008), (-0.0001, 0.0006))]
        return "; ".join([start, *around, start])


CHOOSING = {"select", "select1", "rank"}
IDENTITY = ("/meta/instanceID", "/meta/deprecatedID")
YES = {"yes", "y", "1", "true", "oui", "si", "sim"}
RANGE = [("start", "0"), ("end", "10"), ("step", "1")]
PROPERTIES = {
    "deviceid": "sample-device-01",
    "username": "collector",
    "phonenumber": "+254700000001",
    "email": "collector@example.org",
}


@dataclass(frozen=True, slots=True)
class Filled:
    """A filled form: its XML, its instanceID, and its files as {name: (bytes, content type)}."""

    xml: bytes
    instance_id: str
    attachments: dict[str, tuple[bytes, str]]


def fill(
    form_xml: bytes,
    *,
    seed: int,
    instance_id: str | None = None,
    deprecated_id: str | None = None,
    media: Mapping[str, bytes] | None = None,
) -> Filled:
    """Answer every question that a form's own logic asks.

    Args:
        form_xml: the XForm.
        seed: chooses the answers; equal seeds give equal bytes.
        instance_id: the instanceID to use instead of one made from the seed.
        deprecated_id: the version that the submission corrects, written as deprecatedID.
        media: files to answer media questions with, by content type ("image/jpeg"); a question
            without one gets a tiny made one.

    Raises:
        NotAForm: if there is nothing to fill.
    """
    rng = Random(seed)  # noqa: S311 (chance for play, not for secrets)
    return _Filling(Form(form_xml), rng, media or {}).run(instance_id, deprecated_id)


def edit(filled_xml: bytes, *, seed: int, form_xml: bytes | None = None) -> bytes:
    """Correct two or three answers of a filled form: new instanceID, deprecatedID = the old one.

    Only numbers and free text change. With the form at hand, only what a person typed does: no
    choice passes for a number, no calculation for an answer.
    """
    rng = Random(seed)  # noqa: S311
    root = etree.fromstring(filled_xml, PARSER)
    typed = _typed(Form(form_xml)) if form_xml else None
    answers = [leaf for leaf in leaves(root) if _is_correctable(leaf, typed)]
    for leaf in rng.sample(answers, min(len(answers), rng.choice((2, 3)))):
        leaf.text = _corrected(leaf.text)
    identify(root, f"uuid:{_uuid(rng)}", instance_id_of(root))
    return _bytes(root)


def _typed(form: Form) -> set[str]:
    typed = {path for path, q in form.questions.items() if local_name(q) == "input"}
    return {path for path in typed if "calculate" not in form.binds.get(path, {})}


def _is_correctable(leaf: Any, typed: set[str] | None) -> bool:
    path = path_of(leaf)
    if "/meta/" in path or (typed is not None and path not in typed):
        return False
    return bool(_corrected(leaf.text) != leaf.text)


def _corrected(text: str | None) -> str | None:
    """Return another value of the same kind; the same one if it is no number and no prose."""
    if re.fullmatch(r"\d{1,3}", text or ""):
        return str(int(text or "") + 1)
    if re.fullmatch(r"[A-Z][a-z]+(?: [^/@]*)?", text or ""):
        return f"{text} (corrected)"
    return text


class _Filling:
    """One run over one form; `questions` are the media answers: {name: mediatype}."""

    def __init__(self, form: Form, rng: Random, media: Mapping[str, bytes]) -> None:
        self.form, self.rng, self.media = form, rng, media
        self.answers = Answers(rng)
        self.logic = Logic(form, rng, self.answers.moment)
        self.attachments: dict[str, tuple[bytes, str]] = {}
        self.counts = {plain(count) for count in form.repeats.values() if count}

    def run(self, instance_id: str | None, deprecated_id: str | None) -> Filled:
        root = self.form.root
        identify(root, instance_id or f"uuid:{_uuid(self.rng)}", deprecated_id)
        self._group(root)
        self._settle(root)
        self._describe_entities(root)
        if "audit.csv" in self.attachments:
            self.attachments["audit.csv"] = (self._audit(root), "text/csv")
        kept = {leaf.text for leaf in leaves(root)}
        attachments = {n: f for n, f in self.attachments.items() if n in kept}
        etree.cleanup_namespaces(root)
        return Filled(_bytes(root), instance_id_of(root), attachments)

    def _group(self, group: Any) -> None:
        repeated: set[str] = set()
        for child in list(group):
            path = path_of(child)
            if path in repeated:
                group.remove(child)  # A row that the form brings along; the first is the pattern.
            elif path in self.form.repeats:
                repeated.add(path)
                self._repeat(child, self.form.repeats[path])
            else:
                self._node(child)

    def _repeat(self, first: Any, count: str | None) -> None:
        text = self.logic.text(count, first.getparent()) if count else None
        wanted = min(int(text), 10) if text and text.isdigit() else 2
        rows = [first, *(copy.deepcopy(first) for _ in range(wanted - 1))]
        for before, row in pairwise(rows):
            before.addnext(row)
        for row in rows:
            self._node(row)
        if not wanted:
            first.getparent().remove(first)

    def _node(self, node: Any) -> None:
        if len(node):
            self._group(node)
            return
        path = path_of(node)
        bind = self.form.binds.get(path, {})
        if path.endswith("/meta/audit"):
            node.text = "audit.csv"
            self.attachments[node.text] = (b"", "text/csv")
        elif not path.endswith(IDENTITY):
            node.text = node.text or self._answer(node, path, bind)

    def _answer(self, leaf: Any, path: str, bind: dict[str, str]) -> str | None:
        if "preload" in bind:
            return self._preloaded(bind)
        if "calculate" in bind:
            return self.logic.text(bind["calculate"], leaf)
        question = self.form.questions.get(path)
        if question is None or bind.get("readonly") == "true()":
            return None
        for attempt in range(40):
            leaf.text = self._try(leaf, question, bind, attempt)
            if self.logic.holds(bind.get("constraint"), leaf):
                break
        return str(leaf.text)

    def _try(self, leaf: Any, question: Any, bind: dict[str, str], attempt: int) -> str:
        control = local_name(question)
        if control in CHOOSING:
            return self._choose(leaf, question)
        if control == "range":
            return self._range(question)
        if control == "trigger":
            return "OK"
        if control == "upload":
            return self._attach(leaf, question.get("mediatype", "image/*"))
        if path_of(leaf) in self.counts:
            return str(self.rng.randint(2, 3))
        kind = bind.get("type", "string").rpartition(":")[2]
        if kind == "string" and "numbers" in question.get("appearance", ""):
            kind = "int"
        return self.answers.of(kind, local_name(leaf), bind.get("constraint"), attempt)

    def _choose(self, leaf: Any, question: Any) -> str:
        """Choose as the control allows. Of two choices a yes is likelier: it leads to more."""
        choices = self._choices(leaf, question)
        if local_name(question) == "rank":
            return " ".join(self.rng.sample(choices, len(choices)))
        if local_name(question) == "select":
            most = min(3, len(choices))
            chosen = self.rng.sample(choices, self.rng.randint(1, most) if most else 0)
            return " ".join(c for c in choices if c in chosen)
        if len(choices) == 2 and choices[0].lower() in YES and self.rng.random() < 0.9:
            return choices[0]
        return self.rng.choice(choices) if choices else ""

    def _choices(self, leaf: Any, question: Any) -> list[str]:
        values = [e.text for e in named(question, "value") if e.text]
        itemset = next(named(question, "itemset"), None)
        if itemset is None:
            return values
        nodeset = itemset.get("nodeset", "")
        reference = next((v.get("ref") for v in named(itemset, "value")), "name")
        found = [self.logic.text(reference, node) for node in self.logic.nodes(nodeset, leaf)]
        return [f for f in found if f] or self._invented(nodeset)

    def _invented(self, nodeset: str) -> list[str]:
        """Return choices for a list in a file that only the server has.

        A list of entities that this form itself writes has none: the first visit registers one.
        """
        name = nodeset.partition("'")[2].partition("'")[0]
        if name not in self.form.files - self.form.datasets:
            return []
        return [f"{name}-{number}" for number in (1, 2, 3)]

    def _range(self, question: Any) -> str:
        start, end, step = (float(question.get(k, d)) for k, d in RANGE)
        value = start + step * self.rng.randint(0, round(abs(end - start) / abs(step)))
        return f"{value:.10g}"

    def _attach(self, leaf: Any, mediatype: str) -> str:
        data, content_type, extension = media_file(mediatype, self.media)
        name = f"{local_name(leaf)}-{len(self.attachments) + 1}{extension}"
        self.attachments[name] = (data, content_type)
        return name

    def _preloaded(self, bind: dict[str, str]) -> str:
        kind, what = bind["preload"], bind.get("preloadParams", "")
        moment = self.answers.moment
        if kind == "timestamp":
            moment = moment.replace(minute=0 if what == "start" else 59)
            return moment.isoformat(timespec="milliseconds")
        if kind == "date":
            return moment.date().isoformat()
        if kind == "uid":
            return f"uuid:{_uuid(self.rng)}"
        return PROPERTIES.get(what, f"sample-{what or kind}")

    def _settle(self, root: Any) -> None:
        """Calculate anew and leave out what is not relevant, until nothing changes any more."""
        for _ in range(6):
            before = _bytes(root)
            for node in list(root.iter()):
                path = path_of(node)
                bind = self.form.binds.get(path, {})
                if "calculate" in bind and not len(node) and not path.endswith(IDENTITY):
                    found = self.logic.text(bind["calculate"], node)
                    node.text = node.text if found is None else found
                if not self.logic.holds(bind.get("relevant"), node):
                    node.getparent().remove(node)
            if _bytes(root) == before:
                return

    def _describe_entities(self, root: Any) -> None:
        """Calculate the attributes of the entities that the submission makes or updates."""
        for entity in list(named(root, "entity")):
            path = path_of(entity)
            for name in entity.attrib:
                expression = self.form.binds.get(f"{path}/@{name}", {}).get("calculate")
                if expression:
                    entity.set(name, self.logic.text(expression, entity) or "")
            if not entity.get("id"):
                entity.set("id", _uuid(self.rng))

    def _audit(self, root: Any) -> bytes:
        bind = next(b for p, b in self.form.binds.items() if p.endswith("/meta/audit"))
        paths = [path_of(e) for e in leaves(root) if path_of(e) in self.form.questions]
        return audit_log(bind, paths, self.answers.moment, self.answers.place())


def _uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _bytes(root: Any) -> bytes:
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", with_tail=False))
