"""A tolerant scanner for the XML that devices send.

It reads as ODK Central's reader does (htmlparser2 in XML mode): nothing is malformed, prefixes are
mere parts of names, and no entity or DTD is ever expanded. What is broken is mended (a stray `<`
is text, what stays open is closed at the end) or dropped (an unfinished tag). It walks the text
once, without recursion, in time linear in its length.
"""

from __future__ import annotations

import codecs
import functools
import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import NamedTuple, TypeAlias

from sheaf.problems import UnexpectedValue

# Real forms nest some ten deep; every level costs whoever walks the events a place on a stack.
MAX_DEPTH = 1_000


class Open(NamedTuple):
    """A start tag. Attribute values are raw; of one name's several, the first counts."""

    name: str
    attrs: dict[str, str]

    @property
    def local(self) -> str:
        """The name without its prefix."""
        return local(self.name)

    def get(self, name: str) -> str | None:
        """Give the raw value of the first attribute with this local name."""
        return next((value for key, value in self.attrs.items() if local(key) == name), None)


class Text(NamedTuple):
    """A stretch of text as written; `cdata` when it stood in a CDATA section."""

    raw: str
    cdata: bool = False

    @property
    def value(self) -> str:
        """The text with its references decoded (there are none in CDATA)."""
        return self.raw if self.cdata else unescape(self.raw)


class Close(NamedTuple):
    """An end tag, written or supplied."""

    name: str


Event: TypeAlias = Open | Text | Close

_GAP = r" \t\n\r\f"
_OPENING = re.compile(rf"<([^{_GAP}/><!?][^{_GAP}/>]*+)")
_CLOSING = re.compile(rf"</[{_GAP}]*+([^{_GAP}>]++)")
# What follows a tag's name: attributes, one by one, then `>`. It matches at every position, so that
# finditer() leaves nothing out, and possessively, so that it never reads anything twice.
_PART = re.compile(
    rf"([{_GAP}/]*+)(?:(>)|([^{_GAP}/>][^{_GAP}/>=]*+)(?:[{_GAP}]*+=[{_GAP}]*+"
    rf"""(?:"([^"]*+)(?:"|\Z)|'([^']*+)(?:'|\Z)|([^{_GAP}>]*+)))?|\Z)"""
)
_STRAY = re.compile(r"<+(?=<)")
# Comments, declarations (a DOCTYPE too) and processing instructions, and what ends them.
_SKIPPED = (("<!--", "-->"), ("<!", ">"), ("<?", ">"))
_REFERENCE = re.compile(r"&(?:#[xX]([0-9a-fA-F]++)|#([0-9]++)|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_DECLARED = re.compile(rb"""<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
# Character sets proper: other codecs of Python's (idna, punycode, unicode_escape) are no encodings
# of documents, and some are slow on purpose-made input.
_CHARSETS = re.compile(
    r"utf-(8|16|16-[lb]e|32|32-[lb]e)|ascii|(iso8859-|cp|koi8-|mac-)\w+|gb\w+|big5\w*|euc_\w+|"
    r"shift_jis\w*|johab|tis-620|hz|ptcp154"
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARKS = tuple(mark for mark, _ in _BOMS)


def local(name: str) -> str:
    """Strip the prefix of a name: `orx:meta` is `meta`."""
    prefix, _, rest = name.partition(":")
    return rest if prefix and rest else name


def decode(raw: bytes, charset: str | None = None) -> str:
    """Make text of a document's bytes, whatever they are.

    A byte order mark decides; else the transport's `charset`, else the XML declaration (RFC 7303).
    An encoding that is unknown, or that the bytes do not fit, gives way to UTF-8, in which what
    cannot be read becomes U+FFFD.
    """
    if raw.startswith(_MARKS):
        mark, encoding = next(each for each in _BOMS if raw.startswith(each[0]))
        return raw[len(mark) :].decode(encoding, "replace")
    for name in (charset or "", _declared(raw)):
        if name and (encoding := _known(name)):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                continue
    return raw.decode("utf-8", "replace")


def unescape(text: str) -> str:
    """Decode numeric references and XML's five named ones; others stay (`&nbsp;`)."""
    return _REFERENCE.sub(_dereferenced, text) if "&" in text else text


def scan(text: str) -> Iterator[Event]:
    """Yield the events of the first element and all within it: always a balanced tree, or nothing.

    Raises UnexpectedValue (400.8) when elements nest deeper than `MAX_DEPTH`.
    """
    names: list[str] = []
    # An end tag that nothing open matches is ignored; counting saves searching the stack for it.
    counts: Counter[str] = Counter()
    for event in _tokens(text):
        if isinstance(event, Open):
            _enter(event.name, names, counts)
            yield event
        elif isinstance(event, Text) and names:
            yield event
        elif isinstance(event, Close) and counts[event.name]:
            yield from _leave(event.name, names, counts)
            if not names:
                return
    yield from (Close(name) for name in reversed(names))


def texts(text: str, paths: Collection[str]) -> Iterator[tuple[str, list[Text]]]:
    """Yield (path, own text) of the elements at these paths, as they end; empty ones are left out.

    A path is made of local names below the root, whatever that is called: `/meta/instanceID`.
    """
    known = set(paths)
    # Only paths that lead somewhere are spelled out: spelling all would cost depth times length.
    leading = {path[:at] for path in known for at, char in enumerate(path) if char == "/"} | known
    levels: list[tuple[str | None, list[Text]]] = []
    for event in scan(text):
        if isinstance(event, Open):
            parent = levels[-1][0] if levels else None
            path = f"{parent}/{event.local}" if parent is not None else None
            levels.append((path if path in leading else None, []) if levels else ("", []))
        elif isinstance(event, Text):
            levels[-1][1].append(event)
        else:
            ended, pieces = levels.pop()
            if ended in known and pieces:
                yield ended, pieces


def tag(inner: str) -> tuple[Open | Close, ...] | None:
    """Read what stands between a `<` and the next `>`, if that is all of a tag.

    Gives a start tag, an end tag, both for an empty element, nothing for what is skipped (a
    declaration, a comment). None when it is no tag, or ends further on: what it is then depends on
    the text.
    """
    text = f"<{inner}>"
    events, end = _token(text, 0)
    skipped = inner[:1] in ("!", "?")
    if end != len(text) or not (events or skipped):
        return None
    found = tuple(event for event in events if not isinstance(event, Text))
    return found if len(found) == len(events) else None


def _declared(raw: bytes) -> str:
    """Give the encoding that the XML declaration names, or ''.

    A declaration that reads as ASCII does not stand in UTF-16 or UTF-32, whatever it says.
    """
    head = raw[:200]
    found = _DECLARED.match(head.lstrip()) if b"encoding" in head else None
    name = found[1].decode("ascii") if found else ""
    return "" if name.lower().startswith(("utf-16", "utf-32", "utf16", "utf32")) else name


@functools.lru_cache(maxsize=64)
def _known(name: str) -> str:
    """Give Python's name of a character set, or '' when it is none."""
    try:
        encoding = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    return encoding if _CHARSETS.fullmatch(encoding) else ""


def _dereferenced(found: re.Match[str]) -> str:
    if found[3]:
        return _NAMED[found[3]]
    digits, base = (found[1], 16) if found[1] else (found[2], 10)
    digits = digits.lstrip("0")
    # Eight digits are past the last character already, and int() refuses thousands of them.
    code = int(digits or "0", base) if len(digits) < 8 else 0
    # What is no character becomes U+FFFD, as in htmlparser2: nothing, surrogates, past the end.
    if code == 0 or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        return "\ufffd"
    return chr(code)


def _enter(name: str, names: list[str], counts: Counter[str]) -> None:
    if len(names) >= MAX_DEPTH:
        raise UnexpectedValue(
            field="xml depth",
            value=len(names) + 1,
            reason=f"elements may be nested {MAX_DEPTH} deep at most.",
        )
    names.append(name)
    counts[name] += 1


def _leave(name: str, names: list[str], counts: Counter[str]) -> Iterator[Close]:
    """Close the last element of this name, and first what was left open within it."""
    left = ""
    while left != name:
        left = names.pop()
        counts[left] -= 1
        yield Close(left)


def _tokens(text: str) -> Iterator[Event]:
    """Yield tags and texts as they are written, matching or not."""
    at = 0
    while at < len(text):
        events, at = _token(text, at)
        yield from events


def _token(text: str, at: int) -> tuple[tuple[Event, ...], int]:
    """Read what starts here; tell where the next thing starts (the end, if this is unfinished)."""
    if text[at] == "<":
        if text.startswith("<![CDATA[", at):
            end = _find(text, "]]>", at + 9)
            return ((Text(text[at + 9 : end], cdata=True),) if end > at + 9 else ()), end + 3
        for start, stop in _SKIPPED:
            if text.startswith(start, at):
                return (), _find(text, stop, at + len(start)) + len(stop)
        if closing := _CLOSING.match(text, at):
            return (Close(closing[1]),), _find(text, ">", closing.end()) + 1
        if opening := _OPENING.match(text, at):
            return _opened(text, opening)
    # Text; a `<` that starts no tag is part of it.
    stray = _STRAY.match(text, at)
    end = stray.end() if stray else _find(text, "<", at + 1)
    return (Text(text[at:end]),), end


def _opened(text: str, opening: re.Match[str]) -> tuple[tuple[Event, ...], int]:
    attrs: dict[str, str] = {}
    for part in _PART.finditer(text, opening.end()):
        gap, end, name, double, single, bare = part.groups()
        if end:
            tag = Open(opening[1], attrs)
            return ((tag, Close(tag.name)) if "/" in gap else (tag,)), part.end()
        if name:
            attrs.setdefault(name, double or single or bare or "")
    return (), len(text)


def _find(text: str, what: str, start: int) -> int:
    found = text.find(what, start)
    return found if found >= 0 else len(text)
