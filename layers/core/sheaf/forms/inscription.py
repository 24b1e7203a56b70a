"""Writing a public key and a version into a form's XML, and leaving every other byte as it was.

Devices encrypt what they fill when the form's `submission` element has a key, so giving a form one
makes it an encrypted form. What is written is where `xform.read` looks for it.
"""

from __future__ import annotations

import re
from xml.parsers import expat

_KEY = "base64RsaPublicKey"
_MODEL = ["html", "head", "model"]
_SUBMISSION = [*_MODEL, "submission"]
_INSTANCE = [*_MODEL, "instance"]
_NAME = re.compile(rb"<([^\s/>]+)")
_ATTRIBUTE = re.compile(rb"\s+([^\s=/>]+)\s*=\s*(\"[^\"]*\"|'[^']*')")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;"})


def inscribe(xml: bytes, *, version: str, public_key: str | None = None) -> bytes:
    """Give a form's XML another version, and the key that it has not got yet.

    Args:
        xml: a form that `xform.read` has taken.
        version: the whole of it, not escaped.
        public_key: in base64; None leaves the form with the one that it has, or without.
    """
    places = _Places(xml)
    edits = [_setting(xml, places.root, "version", version)]
    if public_key is not None:
        edits.append(_keyed(xml, places, public_key))
    for start, end, text in sorted(edits, reverse=True):
        xml = xml[:start] + text + xml[end:]
    return xml


def _keyed(xml: bytes, places: _Places, public_key: str) -> tuple[int, int, bytes]:
    """Give the edit (from, to, text) that writes a key."""
    if places.submission is not None:
        return _setting(xml, places.submission, _KEY, public_key)
    element = _prefix(xml, places.model) + b"submission"
    tag = b'<%b %b="%b"/>' % (element, _KEY.encode(), public_key.encode())
    return places.model_end, places.model_end, tag


class _Places:
    """Where, in bytes, the tags stand that matter here.

    Attributes:
        model: the start tag of the model that holds the primary instance.
        model_end: the end tag of that model.
        root: the start tag of the primary instance's root.
        submission: the start tag of the `submission` element, None when there is none.
    """

    def __init__(self, xml: bytes) -> None:
        self.model = self.model_end = self.root = -1
        self.submission: int | None = None
        self._path: list[str] = []
        # A form is UTF-8 whatever it declares. The parser has no limits of its own, and needs none:
        # what is read here has been read before, by one that has.
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartElementHandler = self._open
        self._parser.EndElementHandler = self._close
        self._parser.Parse(xml, True)

    def _open(self, name: str, _attributes: dict[str, str]) -> None:
        here = self._parser.CurrentByteIndex
        if self._path == _INSTANCE and self.root < 0:
            self.root = here
        self._path.append(name.rpartition(":")[2])
        if self._path == _MODEL and self.root < 0:
            self.model = here
        elif self._path == _SUBMISSION and self.submission is None:
            self.submission = here

    def _close(self, _name: str) -> None:
        if self._path == _MODEL and self.root >= 0 > self.model_end:
            self.model_end = self._parser.CurrentByteIndex
        self._path.pop()


def _prefix(xml: bytes, tag: int) -> bytes:
    """Give the prefix of a start tag's name, with its colon, or nothing."""
    prefix, colon, _ = _name(xml, tag).rpartition(b":")
    return prefix + colon


def _name(xml: bytes, tag: int) -> bytes:
    found = _NAME.match(xml, tag)
    return found[1] if found else b""


def _setting(xml: bytes, tag: int, name: str, value: str) -> tuple[int, int, bytes]:
    """Give the edit (from, to, text) that sets an attribute of a start tag."""
    written = b'"%b"' % value.translate(_ESCAPES).encode()
    position = after_name = tag + 1 + len(_name(xml, tag))
    while found := _ATTRIBUTE.match(xml, position):
        if found[1] == name.encode():
            return found.start(2), found.end(2), written
        position = found.end()
    return after_name, after_name, b" %b=%b" % (name.encode(), written)
