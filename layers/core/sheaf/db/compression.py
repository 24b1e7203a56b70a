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


# The same for what a hook's request and its answer say.
_DICTIONARY_2 = (
    b'"Set-Cookie" HttpOnly; Secure; SameSite=Lax; path=/ "x-powered-by":"Express","via":"1.1 '
    b'varnish","x-cache":"Miss from cloudfront","x-amzn-requestid":"","cf-ray":"","alt-svc":"h3='
    b'\\":443\\"; ma=86400","vary":"Accept-Encoding","etag":"W/","cache-control":"no-cache, private'
    b', no-store","strict-transport-security":"max-age=31536000; includeSubDomains","x-content-type'
    b'-options":"nosniff","x-frame-options":"SAMEORIGIN","x-request-id":"","transfer-encoding":"'
    b'chunked","date":"Mon, Tue, Wed, Thu, Fri, Sat, Sun, 2026 2027 00:00:00 GMT","server":"nginx'
    b'/1. cloudflare Apache BaseHTTP/0.6 Python/3.","connection":"keep-alive","content-length":"0'
    b'","content-type":"text/html; charset=UTF-8","content-type":"text/plain; charset=utf-8",'
    b'<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>{"received":true}'
    b'{"status":"ok"}{"success":true}{"error":"message":"authorization":"Basic ***" Bearer ***"'
    b',"x-api-key":"***","content-type":"application/xml","webhook-hops":"1","accept-encoding":'
    b'"identity","connection":"close","user-agent":"sheaf-hooks/1","host":".example.org"},'
    b'{"content-type":"application/json; charset=utf-8","date":"'
)
_ZLIB_2 = b"\x02"
_DICTIONARIES = {_ZLIB_1: _DICTIONARY_1, _ZLIB_2: _DICTIONARY_2}


def pack(data: bytes) -> bytes:
    """Make data small, or leave it as it is where that would be smaller."""
    return _pack(data, _ZLIB_1)


def pack_exchange(data: bytes) -> bytes:
    """Make small what a request and its answer say (JSON)."""
    return _pack(data, _ZLIB_2)


def _pack(data: bytes, way: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=_DICTIONARIES[way])
    packed = compressor.compress(data) + compressor.flush()
    return way + packed if len(packed) < len(data) else _PLAIN + data


def unpack(packed: bytes) -> bytes:
    """Give the data that was packed.

    Raises:
        ValueError: it was packed in a way that this release does not know, or is cut off.
    """
    way, rest = packed[:1], packed[1:]
    if way == _PLAIN:
        return rest
    if way not in _DICTIONARIES:
        raise ValueError(f"Packed in an unknown way: {way!r}.")
    decompressor = zlib.decompressobj(-15, zdict=_DICTIONARIES[way])
    data = decompressor.decompress(rest)
    if not decompressor.eof:
        raise ValueError("What was packed is cut off.")
    return data
