"""Fill any XForm with plausible answers, as a field worker's client would.

The answers depend on the form and the seed alone. Relevance, constraints, cascading choices,
repeat counts and calculations are honoured as far as `local.xpath` goes.
"""

import copy
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

from lxml import etree

from local.answers import Answers
from local.media import audit_log, media_file
from local.xform import (
    PARSER,
    Form,
    identify,
    instance_id_of,
    leaves,
    local_name,
    named,
    path_of,
    plain,
)
from local.xpath import Logic

CHOOSING = {"select", "select1", "rank"}
IDENTITY = ("/meta/instanceID", "/meta/deprecatedID")
YES = {"yes", "y", "1", "true", "oui", "si", "sim"}
RANGE = [("start", "0"), ("end", "10"), ("step", "1")]


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
    rng = Random(seed)  # noqa: S311 (play, not secrets)
    return _Filling(Form(form_xml), rng, media or {}).run(instance_id, deprecated_id)


def edit(filled_xml: bytes, *, seed: int, form_xml: bytes | None = None) -> bytes:
    """Correct two or three answers of a filled form: new instanceID, deprecatedID = the old one.

    Only numbers and free text change. With the form at hand, only what a person typed does, and
    what is calculated of it follows.
    """
    rng = Random(seed)  # noqa: S311
    root = etree.fromstring(filled_xml, PARSER)
    form = Form(form_xml) if form_xml else None
    filling = _Filling(form, rng, {}) if form else None
    if form:
        form.wrapper.replace(form.root, root)
    typed = _typed(form) if form else None
    answers = [leaf for leaf in leaves(root) if _is_correctable(leaf, typed, filling)]
    for leaf in rng.sample(answers, min(len(answers), rng.choice((2, 3)))):
        leaf.text = _corrected(leaf.text)
    identify(root, f"uuid:{_uuid(rng)}", instance_id_of(root))
    if filling:
        filling.settle(root)
    return _bytes(root)


def _typed(form: Form) -> set[str]:
    typed = {path for path, q in form.questions.items() if local_name(q) == "input"}
    return {path for path in typed if "calculate" not in form.binds.get(path, {})}


def _is_correctable(leaf: Any, typed: set[str] | None, filling: "_Filling | None") -> bool:
    path, new = path_of(leaf), _corrected(leaf.text)
    if "/meta/" in path or (typed is not None and path not in typed) or new == leaf.text:
        return False
    return filling is None or filling.takes(leaf, new)


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
        self.settle(root)
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
            return self.answers.preloaded(bind["preload"], bind.get("preloadParams", ""))
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

    def takes(self, leaf: Any, answer: str | None) -> bool:
        """Tell whether an answer would satisfy its question's constraint."""
        old, leaf.text = leaf.text, answer
        allowed = self.logic.holds(self.form.binds.get(path_of(leaf), {}).get("constraint"), leaf)
        leaf.text = old
        return allowed

    def settle(self, root: Any) -> None:
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
