"""Broken XML for tests: real documents, cut, doubled, swapped and spoilt at random."""

from __future__ import annotations

import codecs
import random
from collections.abc import Iterator
from pathlib import Path

from tests.cast import xml

_DATA = Path(__file__).parent / "data" / "submissions"
# What parsers stumble over, more often than chance would have it.
_TOKENS = (
    b"<", b">", b"</", b"/>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?", b"?>", b"&", b"&#0;",
    b'<!DOCTYPE x [<!ENTITY a "&a;&a;">]>', b"&a;", b"&#xD800;", b"&#99999999999;", b"&nbsp;",
    b"&lt;", b'"', b"'", b"=", b"\0", b"\r", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf",
    b"\xf0\x9f\x98\x80", b"\xff\xfe", b"xmlns:", b":", b"<a:b:c>", b"<meta>", b"</meta>",
    b"<instanceID>", b"<base64EncryptedKey>", b'<?xml version="1.0" encoding="utf-16"?>',
    b'<?xml version="1.0" encoding="utf-7"?>', b'id=""',
)  # fmt: skip


def seeds() -> list[bytes]:
    """Whole documents: plain, with everything, encrypted, in other encodings, deep and wide."""
    texts = [path.read_bytes() for path in sorted(_DATA.glob("*.xml"))]
    plain = xml("uuid:1", photo="a.jpg", deprecated="uuid:0")
    deep = b'<data id="simple">' + b"<g>" * 300 + b"x" + b"</g>" * 300 + b"</data>"
    wide = b'<data id="simple">' + b"<photo>a.jpg</photo>" * 300 + b"</data>"
    others = [
        codecs.BOM_UTF16_LE + plain.decode().encode("utf-16-le"),
        plain.decode().encode("cp1252"),
    ]
    return [plain, *texts, *others, deep, wide, b"", b"{}", b"<", b"<data"]


def mutated(count: int, *, seed: int) -> Iterator[bytes]:
    """Give so many broken documents, the same ones for a seed."""
    chance = random.Random(seed)
    whole = seeds()
    for _ in range(count):
        document = bytearray(chance.choice(whole))
        for _ in range(chance.choice((1, 1, 2, 3, 8))):
            _spoil(document, chance)
        yield bytes(document)


def _spoil(document: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(document) + 1)
    end = min(len(document), start + chance.choice((0, 1, 3, 20, 200)))
    way = chance.randrange(6)
    if way == 0:
        document[start:end] = chance.choice(_TOKENS)
    elif way == 1:
        del document[start:end]
    elif way == 2:
        document[start:start] = document[start:end] * chance.choice((1, 2, 50))
    elif way == 3:
        del document[start:]
    elif way == 4 and document:
        document[min(start, len(document) - 1)] = chance.randrange(256)
    else:
        cut = document[start:end]
        del document[start:end]
        at = chance.randrange(len(document) + 1)
        document[at:at] = cut
