"""Read an XForm: its primary instance, binds, questions, repeats and texts. Fills in nothing."""

import re
from collections.abc import Iterator
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
