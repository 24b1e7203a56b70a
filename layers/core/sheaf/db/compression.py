"""XML and other long texts inside items, small: every kilobyte of a write is paid for.

The first byte tells how the rest is packed, so the way can change while old items stay readable.
"""

import zlib

_PLAIN = b"\x00"
_ZLIB_1 = b"\x01"
# Strings that nearly every submission holds; a dictionary saves them from being stored each time.
# It is part of the data's format: never change it, add a new one under a new first byte.
_DICTIONARY_1 = (
    b'<?xml version="1.0" encoding="UTF-8"?><?xml version=\'1.0\' ?>'
    b' xmlns:ev="http://www.w3.org/2001/xml-events" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    b' xmlns:h="http://www.w3.org/1999/xhtml" xmlns:jr="http://openrosa.org/javarosa"'
    b' xmlns:odk="http://www.opendatakit.org/xforms" xmlns:entities="http://www.opendatakit.org/'
    b'xforms/entities" xmlns="http://www.opendatakit.org/xforms/encrypted" encrypted="yes"'
    b"<base64EncryptedKey><encryptedXmlFile>submission.xml.enc</encryptedXmlFile><media><file>"
    b"<deviceid>collect:</deviceid><username/><today>2026-</today><start>2026-</start><end>2026-"
    b'T00:00:00.000+00:00</end>.jpg</photo><image type="file">.000Z<yes>no</no><group><repeat>'
    b'<data xmlns:orx="http://openrosa.org/xforms" id="" version=""><orx:meta><orx:instanceID>uuid:'
    b"</orx:instanceID><orx:deprecatedID>uuid:</orx:deprecatedID><orx:instanceName></orx:instance"
    b"Name><orx:audit>audit.csv</orx:audit></orx:meta><meta><instanceID>uuid:</instanceID>"
    b"<deprecatedID>uuid:</deprecatedID><instanceName></instanceName></meta></data>"
)


def pack(data: bytes) -> bytes:
    """Make data small, or leave it as it is where that would be smaller."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=_DICTIONARY_1)
    packed = compressor.compress(data) + compressor.flush()
    return _ZLIB_1 + packed if len(packed) < len(data) else _PLAIN + data


def unpack(packed: bytes) -> bytes:
    """Give the data that was packed.

    Raises:
        ValueError: it was packed in a way that this release does not know, or is cut off.
    """
    way, rest = packed[:1], packed[1:]
    if way == _PLAIN:
        return rest
    if way != _ZLIB_1:
        raise ValueError(f"Packed in an unknown way: {way!r}.")
    decompressor = zlib.decompressobj(-15, zdict=_DICTIONARY_1)
    data = decompressor.decompress(rest)
    if not decompressor.eof:
        raise ValueError("What was packed is cut off.")
    return data
